"""Improvement in time: each goal and each origin of the clock."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.stories import at

NEXT = "next_dose: {treatment: LVGN6051, planned_day: 22}"


def exempt_if(improves: str, subject: str = "terms: [Nausea], grade: 3") -> Subject:
    return Subject(f"toxicity: {{{subject}}}\nunless: [{{improves: {{{improves}}}}}]", more=NEXT)


def nausea(subject: Subject, *steps: tuple[int, str]) -> None:
    """Grades of one report by the day each began."""
    subject.ae(
        "Nausea",
        3,
        steps[0][0],
        known=at(day(40)),
        grade_changes=[{"dtc": str(day(number)), "grade": grade} for number, grade in steps],
    )


@pytest.mark.parametrize(("back", "result"), [(12, "not_met"), (13, "met")])
@pytest.mark.parametrize(
    ("improves", "steps"),
    [
        ("to_grade: 1, within_days: 7", ((5, "3"), (0, "1"))),
        ("by_grades: 2, within_days: 7", ((5, "3"), (0, "1"))),
        ("recovers: true, within_days: 7", ((5, "3"), (0, "2"))),
        ("to_grade: 1, within_days: 9, since: onset", ((3, "1"), (5, "3"), (0, "1"))),
        ("to_grade: 1, within_days: 11, since: first_dose", ((5, "3"), (0, "1"))),
        ("to_grade: 1, by_day: 12", ((5, "3"), (0, "1"))),
    ],
)
def test_in_time_through_day_12(
    improves: str, steps: tuple[tuple[int, str], ...], back: int, result: str
) -> None:
    subject = exempt_if(improves)
    nausea(subject, *((number or back, grade) for number, grade in steps))
    assert subject.result(40) == result


@pytest.mark.parametrize(("back", "result"), [(14, "not_met"), (15, "met")])
def test_the_clock_starts_with_the_care(back: int, result: str) -> None:
    subject = exempt_if("to_grade: 1, within_days: 7, since: care")
    nausea(subject, (5, "3"), (back, "1"))
    assert subject.result(40) == "open"
    subject.care("supportive_care", "ONDANSETRON", 7)
    assert subject.result(40) == result


@pytest.mark.parametrize(("back", "result"), [(22, "not_met"), (23, "met")])
@pytest.mark.parametrize(
    "improves", ["to_grade: 1, by_next_dose: true", "to_grade: 0, to_baseline: true, by_day: 22"]
)
def test_by_the_planned_date_of_the_next_dose(improves: str, back: int, result: str) -> None:
    subject = exempt_if(improves)
    nausea(subject, (5, "3"), (back, "0"))
    assert subject.result(40) == result


@pytest.mark.parametrize(("back", "result"), [(25, "not_met"), (26, "met")])
def test_days_after_the_planned_date_of_the_next_dose(back: int, result: str) -> None:
    subject = exempt_if("to_grade: 1, within_days: 3, since: planned_next_dose")
    nausea(subject, (5, "3"), (back, "1"))
    assert subject.result(40) == result


ALT = "terms: [Alanine aminotransferase increased], grade: 3"


@pytest.mark.parametrize(
    ("baseline", "value", "result"),
    [
        ("60", "180", "not_met"),
        ("60", "181", "met"),
        ("30", "120", "not_met"),
        ("30", "121", "met"),
    ],
)
def test_back_to_grade_1_or_baseline_whichever_is_higher(
    baseline: str, value: str, result: str
) -> None:
    """A baseline of 60 U/L at a ULN of 40 is abnormal: grades are then multiples of baseline."""
    subject = exempt_if("to_grade: 1, to_baseline: true, within_days: 7", ALT)
    subject.before("ALT", baseline)
    subject.value("ALT", "600", 5)
    subject.value("ALT", value, 12)
    assert subject.result(13) == result


def test_back_to_a_baseline_nobody_measured_is_open() -> None:
    subject = exempt_if("to_baseline: true, within_days: 7", ALT)
    subject.value("ALT", "1000", 5)
    subject.value("ALT", "20", 8)
    assert subject.result(9) == "open"
    assert any("baseline of Alanine" in text for text in subject.asked(9))


@pytest.mark.parametrize(("hours", "result"), [("T08:00:00", "not_met"), ("T08:00:01", "met")])
def test_weekly_values_cannot_prove_less_than_24_hours(hours: str, result: str) -> None:
    subject = exempt_if("recovers: true, within_hours: 24", ALT)
    subject.before("ALT", "20")
    subject.value("ALT", "300", 5, LBDTC=f"{day(5)}T08:00:00")
    subject.value("ALT", "30", 6, LBDTC=f"{day(6)}{hours}")
    assert subject.result(20) == result
    weekly = exempt_if("recovers: true, within_hours: 24", ALT)
    weekly.before("ALT", "20")
    weekly.value("ALT", "300", 5)
    weekly.value("ALT", "30", 12)
    assert weekly.result(12) == "met"
    assert "unobserved" in weekly.status(12).flags


# -- relative to baseline --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "value", "result"),
    [
        ("30", "125", "met"),
        ("30", "119", "not_met"),
        ("60", "301", "met"),
        ("60", "299", "not_met"),
    ],
)
def test_at_least_two_grades_over_baseline(before: str, value: str, result: str) -> None:
    """Grade 2 is above 3 x ULN (40); of an abnormal baseline, itself grade 1, grade 3 is above
    5 x baseline."""
    subject = Subject(
        "toxicity: {terms: [Alanine aminotransferase increased], grade: 2, grades_over_baseline: 2}"
    )
    subject.before("ALT", before)
    subject.value("ALT", value, 5)
    assert subject.result(5) == result


@pytest.mark.parametrize(("before", "result"), [(1, "met"), (2, "not_met")])
def test_over_a_reported_baseline(before: int, result: str) -> None:
    subject = Subject("toxicity: {terms: [Fatigue], grade: 2, grades_over_baseline: 2}")
    subject.ae(
        "Fatigue",
        3,
        -5,
        known=at(day(6)),
        grade_changes=[
            {"dtc": str(day(-5)), "grade": str(before)},
            {"dtc": str(day(5)), "grade": "3"},
        ],
    )
    assert subject.result(6) == result


def test_over_a_baseline_nobody_measured_is_open() -> None:
    subject = Subject(
        "toxicity: {terms: [Platelet count decreased], grade: 3, grades_over_baseline: 2}"
    )
    subject.value("PLAT", "30", 5)
    assert subject.result(5) == "open"
    assert any("baseline of Platelet" in text for text in subject.asked(5))


@pytest.mark.parametrize(("after", "result"), [("45", "not_met"), ("20", "met")])
def test_unchanged_from_baseline_is_none(after: str, result: str) -> None:
    subject = Subject("toxicity: {terms: [Platelet count decreased], grade: 3}")
    subject.before("PLAT", "40")
    subject.value("PLAT", after, 5)
    assert subject.result(5) == result


def test_nobody_is_asked_while_the_clock_runs() -> None:
    subject = exempt_if("to_grade: 1, within_days: 7")
    subject.ae("Nausea", 3, 5, known=at(day(5)))
    assert subject.result(11) == "open"
    assert not any("a value of Nausea by" in text for text in subject.asked(11))
    assert any("a value of Nausea by" in text for text in subject.asked(13))
