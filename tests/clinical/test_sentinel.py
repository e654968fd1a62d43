"""The sentinel gap at the gate: whose first dose is waited for, and until which day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.clinical import Study, enrolment
from shared.clinical.enrolment import EnrolmentAnswer
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, at

DUE = "the first subject at this level has not been dosed yet"
LASTS = "the sentinel gap lasts until 2026-03-09"


def with_gap(rule: str = "{gap_days: 7}") -> Trial:
    return Trial(PROTOCOL.read_text() + f"\nsentinel: {rule}\n")


def assign(trial: Trial, subject: str, day: date = DAY_1) -> None:
    """Assigned to dose 1 and not dosed yet."""
    body = {"cohort_id": "1", "assigned_dtc": str(day), "dose_level": 1}
    trial.record("cohort_assignment", subject, body, known=at(day, 8))


def ask(trial: Trial, day: date = DAY_1) -> EnrolmentAnswer:
    study, moment = Study(STUDY), at(day, 16)
    study.add(trial.facts)
    return enrolment(study.assess(as_of=moment), 1, study.room(1, moment))


def test_the_first_at_a_level_need_not_wait() -> None:
    answer = ask(with_gap())
    assert (answer.answer, answer.slots_left, answer.not_before) == ("yes", 3, None)


def test_nobody_is_assigned_beside_a_first_who_is_not_dosed_yet() -> None:
    trial = with_gap()
    assign(trial, "1-01")
    answer = ask(trial)
    assert (answer.answer, answer.reasons) == ("wait", (DUE,))
    assert (answer.slots_left, answer.not_before) == (2, None)


def test_without_a_gap_nobody_waits_for_the_first_dose() -> None:
    trial = Trial()
    assign(trial, "1-01")
    assert ask(trial).answer == "yes"


@pytest.mark.parametrize(("day", "answer"), [(2, "wait"), (7, "wait"), (8, "yes"), (9, "yes")])
def test_the_gap_ends_on_its_day(day: int, answer: str) -> None:
    """Dosed on 2 March; seven days later is 9 March, study day 8."""
    trial = with_gap()
    trial.enrol("1-01")
    found = ask(trial, DAY_1 + timedelta(days=day - 1))
    assert (found.answer, found.not_before) == (answer, date(2026, 3, 9))
    assert (LASTS in found.reasons) == (answer == "wait")


@pytest.mark.parametrize(
    ("rule", "not_before"),
    [
        ("{gap_days: 3}", date(2026, 3, 5)),
        ("{gap_days: 3, after: every_subject}", date(2026, 3, 9)),
    ],
)
def test_the_gap_counts_from_the_first_or_from_each(rule: str, not_before: date) -> None:
    trial = with_gap(rule)
    trial.enrol("1-01")
    trial.enrol("1-02", day=DAY_1 + timedelta(days=4))
    assert ask(trial, DAY_1 + timedelta(days=5)).not_before == not_before


def test_a_deleted_first_dose_makes_the_sentinel_due_again() -> None:
    trial = with_gap()
    trial.enrol("1-01")
    trial.delete(trial.facts[-1], at(DAY_1, 12))
    assert ask(trial).reasons == (DUE,)
