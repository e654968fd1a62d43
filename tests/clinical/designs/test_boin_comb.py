"""BOIN for two drugs: worked scores, every neighbour, elimination, and the matrix MTD."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.designs import (
    Answer,
    BoinComb,
    DesignError,
    DoseCounts,
    Question,
    as_json,
    design_of,
    read_request,
)
from shared.clinical.designs.isotonic_matrix import isotonic_matrix

DESIGN = BoinComb(target=0.28)
Pair = tuple[int, int]


def matrix(*rows: str, at: Pair, **more: Any) -> Question:
    """``matrix("0/3 1/3", "0/0 0/0", at=(1, 2))``: a row a level of the first drug."""
    cells = [cell.split("/") for row in rows for cell in row.split()]
    doses = tuple(DoseCounts(int(n), int(dlt)) for dlt, n in cells)
    columns = len(rows[0].split())
    return Question(doses, (at[0] - 1) * columns + at[1], columns=columns, **more)


def moved(question: Question, design: BoinComb = DESIGN) -> tuple[str, Pair | None]:
    answer = design.decide(question)
    return answer.action, question.pair(answer.next_dose) if answer.next_dose else None


def test_worked() -> None:
    question = matrix("0/3 0/3 0/0", "0/0 1/3 0/0", at=(1, 2))
    scores = [DESIGN.score(question, question.dose_of(*pair)) for pair in ((2, 2), (1, 3))]
    assert [f"{score:.7f}" for score in scores] == ["0.1881242", "0.0813142"]
    assert moved(question) == ("escalate", (2, 2))
    report = DESIGN.decide(question).report
    assert "pair (2, 2): 0.1881, pair (1, 3): 0.0813" in report.text
    assert report.margin == pytest.approx(0.1881242 - 0.0813142, abs=1e-7)


@pytest.mark.parametrize(
    ("rows", "at", "expected"),
    [
        # Of equal scores the first drug moves, up and down.
        (("0/3 0/0", "0/0 0/0"), (1, 1), ("escalate", (2, 1))),
        (("0/3 0/3", "0/3 2/3"), (2, 2), ("deescalate", (1, 2))),
        # At an edge only one drug can move; at the top none.
        (("0/3 0/0", "0/3 0/0"), (2, 1), ("escalate", (2, 2))),
        (("0/3 0/3", "0/0 0/0"), (1, 2), ("escalate", (2, 2))),
        (("0/3 0/3", "0/3 0/3"), (2, 2), ("stay", (2, 2))),
        (("2/3 0/0", "0/0 0/0"), (1, 1), ("stay", (1, 1))),
        (("1/3 0/0", "0/0 0/0"), (1, 1), ("stay", (1, 1))),
        (("0/0 0/0", "0/0 0/0"), (1, 1), ("stay", (1, 1))),
        # Downwards the better score wins: 1/3 lies nearer the target than 0/6.
        (("0/3 0/6", "1/3 2/3"), (2, 2), ("deescalate", (2, 1))),
        # An eliminated neighbour is no candidate, and nothing with both drugs higher.
        (("0/3 0/0", "3/3 0/0"), (1, 1), ("escalate", (1, 2))),
        (("0/3 3/3", "3/3 0/0"), (1, 1), ("stay", (1, 1))),
        (("0/3 3/3", "3/3 0/3"), (2, 2), ("deescalate", (1, 1))),
        (("0/3 0/3", "0/3 3/3"), (2, 2), ("deescalate", (1, 2))),
        (("3/3 0/0", "0/0 0/0"), (1, 1), ("stop", None)),
    ],
)
def test_moves(rows: tuple[str, ...], at: Pair, expected: tuple[str, Pair | None]) -> None:
    assert moved(matrix(*rows, at=at)) == expected


def test_elimination_takes_every_pair_with_neither_drug_lower() -> None:
    question = matrix("0/3 0/3 0/0", "0/3 3/3 0/0", "0/0 0/0 0/0", at=(2, 2))
    gone = DESIGN.decide(question).eliminated
    assert {question.pair(dose) for dose in gone} == {(2, 2), (2, 3), (3, 2), (3, 3)}


def test_eliminated_earlier_stays_so() -> None:
    rows = ("0/3 0/0", "0/0 0/0")
    assert moved(matrix(*rows, at=(1, 1), eliminated=frozenset({3}))) == ("escalate", (1, 2))
    assert moved(matrix(*rows, at=(1, 1), eliminated_from=2)) == ("escalate", (2, 1))
    assert moved(matrix(*rows, at=(1, 1), eliminated=frozenset({1}))) == ("stop", None)


def test_extrasafe_looks_at_the_lowest_pair() -> None:
    strict = BoinComb(target=0.28, extrasafe=True)
    assert moved(matrix("2/3 0/0", "0/0 0/0", at=(1, 1)), strict) == ("stop", None)


def test_a_request_speaks_of_pairs() -> None:
    design, question = read_request(
        {
            "design": {"kind": "boin_comb", "target": 0.28},
            "doses": [[{"n": 3}, {"n": 3}, {}], [{}, {"n": 3, "dlt": 1}, {}]],
            "current": [1, 2],
        }
    )
    answer = as_json(design.decide(question), question.columns)
    assert (answer["action"], answer["next_dose"]) == ("escalate", [2, 2])


def test_a_candidate_at_the_lowest_pair_holds_all() -> None:
    doses = (DoseCounts(2, 2, 1, candidate=1), *[DoseCounts()] * 3)
    answer = DESIGN.decide(Question(doses, 1, columns=2))
    assert (answer.action, answer.held_from) == ("suspend", 1)
    assert as_json(answer, columns=2)["held_from"] == [1, 1]


def test_a_candidate_that_may_lead_down_holds_its_pair() -> None:
    doses = (*[DoseCounts(3)] * 4, DoseCounts(4, 1, 1, candidate=1), DoseCounts())
    answer = DESIGN.decide(Question(doses, 5, columns=3))
    assert (answer.action, answer.next_dose) == ("suspend", None)
    assert as_json(answer, columns=3)["held_from"] == [2, 2]


def test_refused() -> None:
    with pytest.raises(DesignError, match="needs a list of rows"):
        DESIGN.decide(Question((DoseCounts(3), DoseCounts()), 1))
    with pytest.raises(DesignError, match="this never skips"):
        design_of({"kind": "boin_comb", "target": 0.3, "limits": [{"kind": "no_skipping"}]})


# ---------------------------------------------------------------------- the MTD


def final(*rows: str, **parameters: Any) -> Pair | None:
    question = matrix(*rows, at=(1, 1), final=True)
    mtd = BoinComb(target=0.28, **parameters).decide(question).mtd
    return question.pair(mtd) if mtd else None


@pytest.mark.parametrize(
    ("rows", "mtd"),
    [
        (("0/3 1/6 2/3", "0/3 2/6 0/0"), (2, 2)),
        # Untried and eliminated pairs are never chosen.
        (("0/6 0/0", "0/0 0/0"), (1, 1)),
        (("0/6 4/6", "1/6 5/6"), (2, 1)),
        # Equal estimates: below the target the higher levels, above it the lower ones.
        (("0/6 0/6", "0/6 0/6"), (2, 2)),
        (("3/6 3/6", "0/0 0/0"), (1, 1)),
        # Mirror images: the lower level of the first drug.
        (("0/6 2/6", "2/6 0/0"), (1, 2)),
        (("3/3 0/0", "0/0 0/0"), None),
        (("0/0 0/0", "0/0 0/0"), None),
    ],
)
def test_mtd(rows: tuple[str, ...], mtd: Pair | None) -> None:
    assert final(*rows) == mtd


def test_bounded_mtd() -> None:
    """(1, 2) at 3/6 is above λd."""
    assert final("0/6 3/6", "0/0 0/0", bound_mtd=True) == (1, 1)
    assert final("2/4 0/0", "0/0 0/0", bound_mtd=True) is None
    assert final("2/4 0/0", "0/0 0/0") == (1, 1)


def best_fit(values: list[list[float]], weights: list[list[float]]) -> list[list[float]]:
    """The max-min formula: for each cell the largest, over upper sets with it, of the smallest
    weighted mean over their intersections with lower sets that hold it."""
    rows, columns = len(values), len(values[0])
    cells = [(j, k) for j in range(rows) for k in range(columns)]
    subsets = chain.from_iterable(combinations(cells, size) for size in range(1, len(cells) + 1))
    upper = [set(some) for some in subsets if _upward(set(some), cells)]
    lower = [set(cells) - some for some in [*upper, set()]]

    def mean(some: set[Pair]) -> float:
        total = sum(weights[j][k] for j, k in some)
        return sum(values[j][k] * weights[j][k] for j, k in some) / total

    def fitted(cell: Pair) -> float:
        below = [some for some in lower if cell in some]
        return max(min(mean(some & low) for low in below) for some in upper if cell in some)

    return [[fitted((j, k)) for k in range(columns)] for j in range(rows)]


def _upward(some: set[Pair], cells: list[Pair]) -> bool:
    return all(
        high in some for low in some for high in cells if high[0] >= low[0] and high[1] >= low[1]
    )


CELL = st.tuples(st.floats(0, 1), st.floats(0.1, 12.1))


@given(cells=st.lists(CELL, min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
def test_isotonic_matrix_is_the_best_fit(cells: list[tuple[float, float]]) -> None:
    values = [[value for value, _ in cells[at : at + 3]] for at in (0, 3)]
    weights = [[weight for _, weight in cells[at : at + 3]] for at in (0, 3)]
    found, expected = isotonic_matrix(values, weights), best_fit(values, weights)
    for row, wanted in zip(found, expected, strict=True):
        assert row == pytest.approx(wanted, abs=1e-12)


def test_few_patients_beside_many() -> None:
    values = [[0.5, 0.3, 0.5], [0.31, 0.05, 0.2]]
    weights = [[0.1, 1000.1, 0.1], [3.1, 0.1, 1000.1]]
    for row, wanted in zip(
        isotonic_matrix(values, weights), best_fit(values, weights), strict=True
    ):
        assert row == pytest.approx(wanted, abs=1e-12)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    columns = draw(st.integers(1, 3))
    doses = []
    for _ in range(columns * draw(st.integers(1, 3))):
        n = draw(st.integers(0, 9))
        doses.append(DoseCounts(n, draw(st.integers(0, min(n, 4)))))
    return Question(tuple(doses), draw(st.integers(1, len(doses))), columns=columns)


@given(question=questions())
def test_never_into_an_eliminated_pair(question: Question) -> None:
    answer = DESIGN.decide(question)
    assert answer.next_dose not in answer.eliminated


RANK = {"stop": 0, "deescalate": 1, "stay": 2, "escalate": 3}


@given(question=questions())
def test_one_more_dlt_at_the_current_pair_never_leads_higher(question: Question) -> None:
    here = question.here
    if here.n > here.dlt:
        more = list(question.doses)
        more[question.current - 1] = DoseCounts(here.n, here.dlt + 1)
        after = DESIGN.decide(Question(tuple(more), question.current, columns=question.columns))
        assert RANK[after.action] <= RANK[DESIGN.decide(question).action]


def total(answer: Answer, question: Question) -> int:
    return sum(question.pair(answer.next_dose or 1))


@given(question=questions())
def test_one_level_at_a_time(question: Question) -> None:
    answer = DESIGN.decide(question)
    step = total(answer, question) - sum(question.pair(question.current))
    assert step == {"escalate": 1, "stay": 0}.get(answer.action, step)
    if answer.action == "deescalate":
        assert step < 0
