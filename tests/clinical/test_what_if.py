"""What if: branches that equal what really comes, and suppositions that leave the study alone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clinical import Study
from shared.clinical.what_if import MOST_BRANCHES, WhatIf, suppose, what_if
from shared.contracts.signals import SignalType
from tests.clinical.stories import STUDY, Trial, at, day, end_of
from tests.clinical.test_designs_in_a_study import KINDS, under


def study_of(trial: Trial) -> Study:
    study = Study(STUDY)
    study.add(trial.facts)
    return study


def asked(trial: Trial, number: int, most: int = MOST_BRANCHES) -> WhatIf:
    return what_if(study_of(trial), as_of=end_of(day(number)), most=most)


def two_open() -> Trial:
    """One completed at dose 1, two still in the window."""
    trial = Trial()
    trial.clean("1-01")
    trial.enrol("1-02", day=day(10))
    trial.enrol("1-03", day=day(10))
    return trial


def test_every_number_of_dlts_among_the_pending_has_its_decision() -> None:
    found = asked(two_open(), 25)
    assert found.pending == {1: ("1-02", "1-03")}
    assert [(one.dlts[1], one.action, one.dose_level) for one in found.branches] == [
        (0, "escalate", 2),
        (1, "expand", 1),
        (2, "stop", 1),
    ]
    assert found.complete
    assert found.certain == ()


def test_what_is_certain_is_said() -> None:
    trial = two_open()
    for subject in ("1-02", "1-03"):
        trial.lab(subject, "PLAT", "20", day(15))
        trial.review(subject, "DLT", at(day(16)))
    trial.enrol("1-04", day=day(22))
    assert asked(trial, 23).certain == (
        "whatever happens to 1-04, 1 mg/kg is exceeded",
        "whatever happens to 1-04, the rule says stop at 1 mg/kg",
    )


def test_without_anyone_pending_there_is_one_branch_and_nothing_to_add() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    found = asked(trial, 21)
    assert [(one.action, one.text) for one in found.branches] == [
        ("escalate", "nobody is pending: escalate at 2 mg/kg")
    ]
    assert found.certain == ()


def test_too_many_outcomes_are_cut_and_nothing_is_called_certain() -> None:
    trial = Trial(under("{kind: boin, target: 0.3, cohort_size: 3}"))
    for number in range(6):
        trial.enrol(f"1-0{number}")
    found = asked(trial, 5, most=5)
    assert not found.complete
    assert [one.dlts[1] for one in found.branches] == [0, 1, 6]
    assert found.certain == ()


def test_a_hold_that_would_begin_on_the_way_stays() -> None:
    """Two candidates hold the dose: rejected or confirmed, only a record lifts that."""
    trial = two_open()
    for subject in ("1-02", "1-03"):
        trial.lab(subject, "PLAT", "20", day(15))
    none, _, _ = asked(trial, 25).branches
    assert (none.action, none.status) == ("hold", "on_hold")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["3+3", "boin", "mtpi2", "i3+3", "crm"]),
    dlts=st.lists(st.booleans(), min_size=1, max_size=3),
    earlier=st.integers(0, 3),
)
def test_a_branch_is_what_comes_when_those_facts_arrive(
    kind: str, dlts: list[bool], earlier: int
) -> None:
    trial = Trial(under(KINDS[kind]))
    trial.clean("1-01", "1-02", "1-03")
    trial.decide("escalate", 2, at(day(25)))
    clean = [f"2-0{number}" for number in range(earlier)]
    trial.clean(*clean, level=2, day=day(26))
    waiting = [f"2-1{number}" for number in range(len(dlts))]
    for subject in waiting:
        trial.enrol(subject, 2, day(48))
    expected = next(one for one in asked(trial, 50).branches if one.dlts.get(2, 0) == sum(dlts))
    for subject in (who for who, toxic in zip(waiting, dlts, strict=True) if toxic):
        trial.lab(subject, "PLAT", "20", day(51))
        trial.review(subject, "DLT", at(day(52)))
    for subject in (who for who, toxic in zip(waiting, dlts, strict=True) if not toxic):
        trial.complete(subject, day(48))
    came = trial.assess(end_of(day(69)))
    said = came.recommendation
    assert (said.action, said.dose_level, said.mtd, came.status) == (
        expected.action,
        expected.dose_level,
        expected.mtd,
        expected.status,
    )
    assert {dose.level: dose.state for dose in came.doses} == expected.doses


@pytest.mark.parametrize("decision", ["DLT", "NOT_DLT"])
def test_a_supposed_review_tells_what_it_would_change_and_changes_nothing(decision: str) -> None:
    trial = two_open()
    trial.lab("1-02", "PLAT", "20", day(15))
    study, now = study_of(trial), at(day(16))
    digest = study.assess(as_of=now).digest
    other = Trial()
    review = other.review("1-02", decision, now)
    found = suppose(study, [review], as_of=now)
    assert found.before.digest == digest == study.assess(as_of=now).digest
    assert found.after.digest == ""
    trial.facts.append(review)
    really = trial.assess(now)
    assert found.after == really.model_copy(update={"digest": ""})
    kind = SignalType.DLT_CONFIRMED if decision == "DLT" else SignalType.DLT_REJECTED
    assert kind in {signal.type for signal in found.signals}


def test_a_supposed_correction_of_a_record_shows_the_decision_after_it() -> None:
    trial = two_open()
    trial.lab("1-02", "PLAT", "20", day(15))
    trial.lab("1-03", "PLAT", "20", day(15))
    correction = Trial().lab(
        "1-03", "PLAT", "180", day(15), revision=2, known=at(day(17)), reason="wrong sample"
    )
    found = suppose(study_of(trial), [correction], as_of=at(day(17)))
    assert [one.doses[0].dlt.candidate for one in (found.before, found.after)] == [2, 1]
    assert found.after.status == "on_hold"
    assert SignalType.DLT_WITHDRAWN in {signal.type for signal in found.signals}
