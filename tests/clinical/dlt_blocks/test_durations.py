"""Durations at or above a grade, and persistence past a point of the calendar."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.stories import at


def neutropenia(length: str) -> Subject:
    return Subject(f"toxicity: {{terms: [Neutrophil count decreased], grade: 4, {length}}}")


@pytest.mark.parametrize(
    ("length", "recovered", "result"),
    [
        ("for_more_than_days: 7", 11, "not_met"),
        ("for_more_than_days: 7", 12, "met"),
        ("for_at_least_days: 7", 10, "not_met"),
        ("for_at_least_days: 7", 11, "met"),
    ],
)
def test_calendar_days_counted_from_the_onset(length: str, recovered: int, result: str) -> None:
    """Grade 4 from day 4; recovered on day 12 it lasted days 4 to 11, which are eight."""
    subject = neutropenia(length)
    for number in range(4, recovered):
        subject.value("NEUT", "0.3", number)
    subject.value("NEUT", "1.5", recovered)
    assert subject.result(recovered) == result


@pytest.mark.parametrize(("seen", "result"), [(9, "open"), (10, "met")])
def test_at_least_seven_days_is_met_on_the_seventh(seen: int, result: str) -> None:
    subject = neutropenia("for_at_least_days: 7")
    for number in range(4, seen + 1):
        subject.value("NEUT", "0.3", number)
    assert subject.result(seen) == result


@pytest.mark.parametrize(
    ("length", "end", "result"),
    [
        ("for_more_than_hours: 48", "T08:00", "not_met"),
        ("for_more_than_hours: 48", "T08:01", "met"),
        ("for_at_least_hours: 48", "T08:00", "met"),
        ("for_at_least_hours: 48", "T07:59", "not_met"),
        ("for_at_least_hours: 48", "", "open"),
    ],
)
def test_hours_by_the_clock(length: str, end: str, result: str) -> None:
    subject = Subject(f"toxicity: {{terms: [Nausea], grade: 3, {length}}}")
    # Stated to the minute, an end of 08:00 may be any second of it.
    over = f"{day(5)}{end}:00" if end else str(day(5))
    subject.ae("Nausea", 3, f"{day(3)}T08:00:00", over, known=at(day(6)))
    assert subject.result(7) == result


def test_hours_still_running_wait_and_then_ask() -> None:
    subject = Subject("toxicity: {terms: [Nausea], grade: 3, for_more_than_hours: 48}")
    subject.ae("Nausea", 3, f"{day(3)}T08:00", known=at(day(3)))
    assert subject.result(at(day(5), 7)) == "open"
    assert not any("after" in text for text in subject.asked(3))
    assert any("a value of Nausea after" in text for text in subject.asked(6))


@pytest.mark.parametrize(
    ("onset", "values", "result"),
    [
        (10, {21: "60"}, "met"),
        (10, {21: "110"}, "not_met"),
        (10, {20: "60", 22: "110"}, "met"),
        (21, {}, "met"),
        (22, {}, "not_met"),
        (10, {20: "60"}, "open"),
    ],
)
def test_not_back_to_100_by_day_21(onset: int, values: dict[int, str], result: str) -> None:
    subject = Subject(
        "measurement: {testcd: PLAT, below: {10*9/L: 100}, still_on_day: 21}",
        window="window: {day_1_is_first_dose_of: LVGN6051, last_day: 28}",
    )
    subject.value("PLAT", "60", onset)
    for number, value in values.items():
        subject.value("PLAT", value, number)
    assert subject.result(24) == result


def test_days_nobody_looked_on_are_asked_for_by_date() -> None:
    """A day of the toxicity would be read as a day of treatment."""
    subject = Subject(
        "toxicity: {terms: [Platelet count decreased], grade: 4, for_more_than_days: 7}"
    )
    subject.value("PLAT", "20", 8)
    wanted = f"a value of Platelet count decreased after {day(8)}"
    assert not any(wanted in text for text in subject.asked(15))
    assert any(wanted in text for text in subject.asked(16))


def test_still_there_waits_for_the_day_and_for_a_value() -> None:
    subject = Subject("measurement: {testcd: PLAT, below: {10*9/L: 100}, still_on_day: 21}")
    subject.value("PLAT", "60", 10)
    assert subject.result(15) == "open"
    assert any("a value of PLAT on or after" in text for text in subject.asked(24))


@pytest.mark.parametrize(("planned", "result"), [(22, "met"), (30, "not_met")])
def test_still_there_on_the_planned_date_of_the_next_dose(planned: int, result: str) -> None:
    """The date the dose record states counts before the protocol's day."""
    subject = Subject(
        "toxicity: {terms: [Nausea], grade: 2, still_at_next_dose: true}",
        more="next_dose: {treatment: LVGN6051, planned_day: 22}",
    )
    subject.ae("Nausea", 2, 10, 25)
    subject.dose("1-01", day(31), cycle=2, planned_dtc=str(day(planned)))
    assert subject.result(32) == result
