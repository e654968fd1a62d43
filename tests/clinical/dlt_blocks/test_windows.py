"""Windows: named, disjoint, of another treatment, with a lead-in, extended, awaited or not."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.stories import STUDY, end_of, stepwise

SEVERE = "toxicity: {terms: [Nausea], grade: 3}"
NAMED = """
window: {day_1_is_first_dose_of: LVGN6051, last_day: 21}
windows:
  radiation:
    day_1_is_first_dose_of: LVGN6051
    days: [{first_day: 1, last_day: 7}, {first_day: 29, last_day: 35}]
"""


@pytest.mark.parametrize(
    ("onset", "result"),
    [
        (1, "met"),
        (7, "met"),
        (8, "not_met"),
        (28, "not_met"),
        (29, "met"),
        (35, "met"),
        (36, "not_met"),
    ],
)
def test_two_separate_stretches(onset: int, result: str) -> None:
    subject = Subject(f"window: radiation\n{SEVERE}", window=NAMED)
    subject.ae("Nausea", 3, onset)
    assert subject.result(40) == result


def test_after_the_last_stretch_is_late_and_between_them_is_not() -> None:
    for onset, late in ((15, []), (36, [day(36)])):
        subject = Subject(f"window: radiation\n{SEVERE}", window=NAMED)
        subject.ae("Nausea", 3, onset)
        assert [one.onset for one in subject.status(40).late_toxicity] == late


@pytest.mark.parametrize(("awaited", "status"), [("true", "in_window"), ("false", "completed")])
def test_an_awaited_window_keeps_the_subject_in(awaited: str, status: str) -> None:
    window = f"{NAMED.rstrip()}\n    awaited: {awaited}"
    subject = Subject(f"window: radiation\n{SEVERE}", window=window)
    subject.complete("1-01")
    assert subject.status(25).status == status
    subject.all_entered(35)
    assert subject.status(36).status == "completed"


def test_a_dlt_after_completion_in_a_window_not_awaited_counts() -> None:
    subject = Subject(
        f"window: radiation\n{SEVERE}", window=f"{NAMED.rstrip()}\n    awaited: false"
    )
    subject.complete("1-01")
    subject.ae("Nausea", 3, 30)
    assert subject.status(30).status == "dlt_candidate"


OTHER = """
window: {day_1_is_first_dose_of: LVGN6051, last_day: 21}
windows:
  second_drug: {day_1_is_first_dose_of: ANLOTINIB, days: [{first_day: 1, last_day: 14}]}
"""


@pytest.mark.parametrize(
    ("onset", "result"), [(7, "not_met"), (8, "met"), (21, "met"), (22, "not_met")]
)
def test_from_the_first_dose_of_another_treatment(onset: int, result: str) -> None:
    subject = Subject(f"window: second_drug\n{SEVERE}", window=OTHER)
    subject.dose("1-01", day(8), "ANLOTINIB")
    subject.ae("Nausea", 3, onset)
    assert subject.result(30) == result


def test_a_window_that_has_not_begun_keeps_the_subject_open_and_is_asked_for() -> None:
    subject = Subject(f"window: second_drug\n{SEVERE}", window=OTHER)
    subject.all_entered(21)
    assert subject.status(22).status == "open"
    assert any("second_drug" in text for text in subject.asked(22))


@pytest.mark.parametrize(("onset", "result"), [(35, "met"), (36, "not_met")])
def test_a_lead_in_of_seven_days_without_a_day_0(onset: int, result: str) -> None:
    """First dose on study day -7: study day 28 is the 35th day from it."""
    window = "window: {day_1_is_first_dose_of: LVGN6051, first_dose_is_day: -7, last_day: 28}"
    subject = Subject(SEVERE, window=window)
    subject.ae("Nausea", 3, onset)
    assert subject.result(40) == result


EXTENDED = """
window:
  day_1_is_first_dose_of: LVGN6051
  last_day: 21
  extended_to_first_dose: {of: LVGN6051, cycle: 2, at_most_day: 42}
"""


@pytest.mark.parametrize(
    ("dosed", "onset", "result"),
    [
        (22, 22, "met"),
        (22, 23, "not_met"),
        (30, 30, "met"),
        (30, 31, "not_met"),
        (50, 42, "met"),
        (50, 43, "not_met"),
        (15, 21, "met"),
        (15, 22, "not_met"),
    ],
)
def test_extended_to_the_day_of_the_next_dose(dosed: int, onset: int, result: str) -> None:
    subject = Subject(SEVERE, window=EXTENDED)
    subject.dose("1-01", day(dosed), cycle=2)
    subject.ae("Nausea", 3, onset)
    assert subject.result(55) == result


def test_an_extended_window_lasts_while_the_next_dose_is_not_given() -> None:
    subject = Subject(SEVERE, window=EXTENDED)
    subject.all_entered(21)
    assert subject.status(30).status == "in_window"
    subject.dose("1-01", day(31), cycle=2)
    subject.all_entered(31)
    window = subject.status(32).window
    assert window is not None
    assert window.last == day(31)
    assert subject.status(32).status == "completed"


def test_each_window_closes_at_a_deadline() -> None:
    subject = Subject(f"window: radiation\n{SEVERE}", window=NAMED)
    study = stepwise(subject.facts)
    assert study.study == STUDY
    assert study.next_deadline(end_of(day(21))) == end_of(day(35))
