"""What must hold for every rule and interval design, whatever the counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.designs import (
    Answer,
    Boin,
    Design,
    DoseCounts,
    I3Plus3,
    Keyboard,
    Mtpi,
    Mtpi2,
    Question,
    RollingSix,
    Table,
    ThreePlusThree,
    as_json,
    counts_of,
    patients_of,
)
from shared.clinical.designs.interval import IntervalDesign

DESIGNS: list[Design] = [
    ThreePlusThree(),
    ThreePlusThree(variant="deescalate"),
    ThreePlusThree(variant="confirm6"),
    RollingSix(),
    Boin(target=0.3),
    Boin(target=0.28, extrasafe=True, bound_mtd=True),
    Boin(target=0.25, stay_at_one_third=True),
    Mtpi(target=0.3),
    Mtpi2(target=0.25),
    Keyboard(target=0.2, n_eli=1),
    I3Plus3(target=0.28),
    Table(target=0.3, rows=("ESDU", "EESDUUU")),
]
few = settings(max_examples=40)
every_design = pytest.mark.parametrize("design", DESIGNS, ids=repr)


@st.composite
def counts(draw: st.DrawFn, pending: bool) -> DoseCounts:
    n = draw(st.integers(0, 12))
    dlt = draw(st.integers(0, min(n, 4)))
    waiting = draw(st.integers(0, 4)) if pending else 0
    return DoseCounts(n, dlt, waiting, draw(st.integers(0, waiting)))


@st.composite
def questions(draw: st.DrawFn, pending: bool = True, final: bool = False) -> Question:
    doses = draw(st.lists(counts(pending), min_size=1, max_size=4))
    current = draw(st.integers(1, len(doses)))
    return Question(tuple(doses), current, start=draw(st.integers(1, current)), final=final)


def height(question: Question, answer: Answer) -> int:
    """The highest dose the answer leaves open: 0 where none."""
    if answer.action == "stop":
        return answer.mtd or 0
    reached = answer.next_dose or question.current
    return min(reached, (answer.closed_from or question.top + 1) - 1)


def spared_doses(question: Question) -> list[int]:
    """Doses with somebody who had no DLT."""
    return [dose for dose, one in enumerate(question.doses, start=1) if one.n > one.dlt]


def with_one_more_dlt(question: Question, dose: int) -> Question:
    there = question.at(dose)
    more = DoseCounts(there.n, there.dlt + 1, there.pending, there.candidate)
    doses = (*question.doses[: dose - 1], more, *question.doses[dose:])
    return Question(doses, question.current, start=question.start, final=question.final)


@every_design
@few
@given(data=st.data())
def test_more_dlts_never_lead_higher(design: Design, data: st.DataObject) -> None:
    """Of doses to be given: a DLT may also end a wait, or the search with an MTD."""
    question = data.draw(questions())
    spared = spared_doses(question)
    if not spared:
        return
    before = design.decide(question)
    after = design.decide(with_one_more_dlt(question, data.draw(st.sampled_from(spared))))
    if before.action != "suspend" and after.mtd is None:
        assert height(question, after) <= height(question, before)


@pytest.mark.parametrize(
    "design", [one for one in DESIGNS if isinstance(one, IntervalDesign)], ids=repr
)
@few
@given(data=st.data())
def test_more_dlts_never_raise_the_mtd(design: Design, data: st.DataObject) -> None:
    question = data.draw(questions(pending=False, final=True))
    spared = [
        dose for dose in range(1, question.top + 1) if question.at(dose).n > question.at(dose).dlt
    ]
    if not spared:
        return
    worse = with_one_more_dlt(question, data.draw(st.sampled_from(spared)))
    assert (design.decide(worse).mtd or 0) <= (design.decide(question).mtd or 0)


@every_design
@few
@given(question=questions(), data=st.data())
def test_eliminated_stays_eliminated(
    design: Design, question: Question, data: st.DataObject
) -> None:
    earlier = data.draw(st.integers(1, question.top))
    known = Question(
        question.doses, question.current, eliminated_from=earlier, start=question.start
    )
    answer = design.decide(known)
    assert answer.eliminated_from is not None
    assert answer.eliminated_from <= earlier
    if answer.action in ("escalate", "stay", "expand", "deescalate", "confirm"):
        assert answer.next_dose is not None
        assert answer.next_dose < answer.eliminated_from
    assert (answer.mtd or 0) < answer.eliminated_from


@every_design
@few
@given(question=questions())
def test_going_up_is_certain(design: Design, question: Question) -> None:
    """Patients already at the next dose don't speak against giving it."""
    doses = (*question.doses[: question.current], *[DoseCounts()] * 2)
    question = Question(doses, question.current, start=question.start)
    answer = design.decide(question)
    if answer.action == "escalate":
        worst = design.decide(question.worst())
        assert (worst.action, worst.next_dose) == ("escalate", answer.next_dose)


@every_design
@few
@given(question=questions())
def test_an_answer_gives_a_dose_that_exists_or_ends(design: Design, question: Question) -> None:
    answer = design.decide(question)
    if answer.action in ("escalate", "stay", "expand", "deescalate", "confirm"):
        assert answer.next_dose is not None
        assert 1 <= answer.next_dose <= question.top
        assert answer.closed_from is None or answer.next_dose < answer.closed_from
        assert answer.mtd is None
    if answer.action == "escalate":
        assert answer.next_dose == question.current + 1
    if answer.action == "deescalate":
        assert answer.next_dose is not None
        assert answer.next_dose < question.current
    assert all(node.text for node in answer.report.walk())


@every_design
@few
@given(data=st.data())
def test_the_order_within_a_cohort_changes_nothing(design: Design, data: st.DataObject) -> None:
    cohorts = data.draw(st.lists(st.text("NTPC", min_size=1, max_size=6), min_size=1, max_size=3))
    shuffled = ["".join(data.draw(st.permutations(cohort))) for cohort in cohorts]

    def said(drawn: list[str]) -> dict[str, Any]:
        text = " ".join(f"{dose}{cohort}" for dose, cohort in enumerate(drawn, start=1))
        question = Question(counts_of(text), len(drawn), patients=patients_of(text))
        return as_json(design.decide(question))

    assert said(cohorts) == said(shuffled)
