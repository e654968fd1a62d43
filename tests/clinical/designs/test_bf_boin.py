"""BF-BOIN: the worked conflict, every way a conflict ends, and which doses are open."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clinical.designs import Answer, BfBoin, Boin, DoseCounts, Question

DESIGN = BfBoin(target=0.28)


def ask(*doses: str, current: int, design: Boin = DESIGN, **more: Any) -> Answer:
    """``"1/3"``: one DLT of three; ``"1/3r"``: and a response."""
    counts = []
    for text in doses:
        dlt, n = text.rstrip("r").split("/")
        counts.append(DoseCounts(int(n), int(dlt), responses=int(text.endswith("r"))))
    return design.decide(Question(tuple(counts), current, **more))


def test_worked() -> None:
    answer = ask("0/3", "3/7r", "0/3", "0/0", current=3)
    assert (answer.action, answer.next_dose) == ("stay", 3)
    assert "doses 2 to 3 pooled: 3/10 = 0.3000 lies between" in answer.report.text
    assert (answer.extra["backfill"], answer.extra["backfill_open"]) == (2, [2])


@pytest.mark.parametrize(
    ("doses", "current", "action", "next_dose"),
    [
        # No conflict: as the current dose says.
        (("0/3", "1/6", "0/3", "0/0"), 3, "escalate", 4),
        (("0/3", "2/7", "1/3", "0/0"), 3, "stay", 3),
        (("0/3", "0/3", "2/3", "0/0"), 3, "deescalate", 2),
        # c escalates, a lower dose stays: pooled 2/10 escalates, 3/13 stays.
        (("0/3", "2/7", "0/3", "0/0"), 3, "escalate", 4),
        (("0/3", "3/10", "0/3", "0/0"), 3, "stay", 3),
        # c escalates, a lower dose de-escalates, pooled 3/7: nothing is safe from dose 2 up.
        (("0/3", "3/6", "0/1", "0/0"), 3, "deescalate", 1),
        # c stays, dose 1 de-escalates: pooled 1..3 is 6/15; doses 1 and 2 pooled 5/12.
        (("3/6", "2/6", "1/3", "0/0"), 3, "deescalate", 1),
        # The same, but doses 1 and 2 pooled, 4/12, hold.
        (("3/6", "1/6", "5/15", "0/0"), 3, "stay", 3),
        (("3/6", "1/6", "2/4", "0/0"), 3, "deescalate", 2),
        # Nothing is safe and there is no lower dose.
        (("3/7", "1/3", "0/0"), 2, "deescalate", 1),
        # b* is the highest conflicting dose, not the worst one.
        (("3/6", "3/7", "0/3", "0/0"), 3, "stay", 3),
        # The pooled rate escalates at the top dose.
        (("0/3", "2/7", "0/3"), 3, "stay", 3),
    ],
)
def test_conflicts(doses: tuple[str, ...], current: int, action: str, next_dose: int) -> None:
    answer = ask(*doses, current=current)
    assert (answer.action, answer.next_dose) == (action, next_dose)


@pytest.mark.parametrize("here", ["1/3", "2/4"])
def test_pooling_never_lifts_what_the_current_dose_says(here: str) -> None:
    """Pooled with 3/6 and 0/12 it would escalate."""
    alone = {"1/3": "stay", "2/4": "deescalate"}[here]
    assert ask("3/6", "0/12", here, "0/0", current=3).action == alone


def test_an_eliminated_dose_does_not_hide_a_conflict_below_it() -> None:
    """Doses 1 and 2 pooled, 4/9, call for less, and so does dose 1 alone."""
    answer = ask("2/3", "2/6", "4/6", current=3)
    assert (answer.action, answer.next_dose, answer.eliminated_from) == ("deescalate", 1, 3)
    assert ask("0/3", "2/6", "4/6", current=3).next_dose == 2


def test_elimination_comes_first() -> None:
    answer = ask("0/3", "4/6", "0/3", "0/0", current=3)
    assert (answer.action, answer.next_dose, answer.eliminated_from) == ("deescalate", 1, 2)


@pytest.mark.parametrize(
    ("doses", "current", "open_"),
    [
        # Without a response nothing is open; the current dose never is.
        (("0/3", "0/3", "0/3r", "0/0"), 3, []),
        (("0/3r", "0/3", "1/3r", "0/0"), 3, [1]),
        (("0/3r", "0/3r", "1/3", "0/0"), 3, [1, 2]),
        # The cap: fewer than twelve.
        (("0/3r", "1/11r", "1/3", "0/0"), 3, [1, 2]),
        (("0/3r", "1/12r", "1/3", "0/0"), 3, [1]),
        # Unsafe by itself and pooled with the next dose, 4/9; safe pooled, 3/10.
        (("0/3r", "3/7r", "1/3", "0/0"), 3, [1]),
        (("0/3r", "3/7r", "0/3", "0/0"), 3, [1, 2]),
        # An unsafe dose closes what is above it, although 2 by itself is safe.
        (("3/6r", "1/6r", "0/3r", "0/0"), 3, [1, 2]),
        (("3/6r", "2/6r", "0/12r", "1/3", "0/0"), 4, []),
    ],
)
def test_open_for_backfill(doses: tuple[str, ...], current: int, open_: list[int]) -> None:
    counts = ask(*doses, current=current)
    ceiling = min(current, counts.next_dose or 1)
    assert counts.extra["backfill_open"] == [dose for dose in open_ if dose < ceiling]
    assert counts.extra["backfill"] == max(counts.extra["backfill_open"], default=None)


def test_a_response_below_may_suffice() -> None:
    doses = ("0/3r", "0/3", "1/3", "0/0")
    assert ask(*doses, current=3).extra["backfill_open"] == [1]
    relaxed = BfBoin(target=0.28, response_at="at_or_below", n_cap=3)
    assert ask(*doses, current=3, design=relaxed).extra["backfill_open"] == []
    relaxed = BfBoin(target=0.28, response_at="at_or_below")
    assert ask(*doses, current=3, design=relaxed).extra["backfill_open"] == [1, 2]


def test_no_backfill_above_where_the_design_goes_or_after_it_stops() -> None:
    assert ask("0/3r", "0/3r", "2/3", "0/0", current=3).extra["backfill_open"] == [1]
    assert ask("3/3r", "0/3r", current=2).extra["backfill_open"] == []


def test_candidates_close_a_dose_for_backfill() -> None:
    below = DoseCounts(4, 1, 1, candidate=1, responses=1)
    question = Question((below, DoseCounts(3, 1), DoseCounts()), 2)
    assert DESIGN.decide(question).extra["backfill_open"] == []


def test_a_dose_held_for_a_candidate_takes_no_backfill() -> None:
    below = DoseCounts(6, 1, responses=1)
    doses = (below, below, DoseCounts(5, 2, 1, candidate=1), DoseCounts())
    answer = DESIGN.decide(Question(doses, 3))
    assert (answer.action, answer.held_from) == ("deescalate", 3)
    assert answer.extra["backfill_open"] == [1]
    answer = DESIGN.decide(Question((below, below, DoseCounts(4, 1, 1, candidate=1)), 3))
    assert (answer.action, answer.next_dose, answer.held_from) == ("suspend", None, 3)
    assert answer.extra["backfill_open"] == []


@st.composite
def studies(draw: st.DrawFn) -> Question:
    doses = []
    for _ in range(draw(st.integers(1, 4))):
        n = draw(st.integers(0, 12))
        doses.append(DoseCounts(n, draw(st.integers(0, min(n, 5))), responses=0))
    return Question(tuple(doses), draw(st.integers(1, len(doses))))


@given(question=studies())
def test_never_higher_than_boin_and_never_into_an_eliminated_dose(question: Question) -> None:
    found, boin = DESIGN.decide(question), Boin(target=0.28).decide(question)
    assert found.eliminated_from == boin.eliminated_from
    assert (found.next_dose or 0) <= (boin.next_dose or 0)
    assert (found.next_dose or 0) < (found.eliminated_from or 99)


@given(question=studies())
def test_one_more_dlt_at_the_current_dose_never_leads_higher(question: Question) -> None:
    here = question.here
    if here.n > here.dlt:
        doses = list(question.doses)
        doses[question.current - 1] = DoseCounts(here.n, here.dlt + 1)
        after = DESIGN.decide(Question(tuple(doses), question.current))
        assert (after.next_dose or 0) <= (DESIGN.decide(question).next_dose or 0)


def test_one_more_dlt_below_may_lead_higher_as_published() -> None:
    """b* is the highest dose in conflict: a milder conflict above it hides the one below."""
    assert ask("4/12", "2/12", "2/12", "0/0", current=3).next_dose == 3
    assert ask("4/12", "3/12", "2/12", "0/0", current=3).next_dose == 4


@given(question=studies())
def test_where_every_lower_dose_says_escalate_it_is_boin(question: Question) -> None:
    boin = Boin(target=0.28)
    lower = question.doses[: question.current - 1]
    if all(boin.verdict(one.n, one.dlt) == "E" for one in lower if one.n):
        found, plain = DESIGN.decide(question), boin.decide(question)
        assert (found.action, found.next_dose) == (plain.action, plain.next_dose)


def test_the_mtd_is_that_of_boin() -> None:
    doses = ("1/3", "0/6", "2/6", "4/9", "0/0")
    assert ask(*doses, current=4, final=True).mtd == 3
