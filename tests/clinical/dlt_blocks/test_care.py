"""Treatments as a condition: despite care, how much, how long, how many classes, or none."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.stories import at, stepwise

NAUSEA = "toxicity: {terms: [Nausea], grade: 3}"


def despite(words: str) -> Subject:
    return Subject(f"{NAUSEA}\nonly_if:\n  - despite: {{{words}}}")


@pytest.mark.parametrize(
    ("end", "result"),
    [("T08:00:00", "not_met"), ("T07:59:59", "not_met"), ("T08:00:01", "needs_review")],
)
def test_despite_48_hours_of_care(end: str, result: str) -> None:
    """The clock starts with the care on day 6, a day after the onset."""
    subject = despite("for_at_least_hours: 48")
    subject.care("supportive_care", "ONDANSETRON", f"{day(6)}T08:00:00")
    subject.ae("Nausea", 3, f"{day(5)}T08:00", f"{day(8)}{end}", known=at(day(9)))
    assert subject.result(9) == result


def test_any_care_on_record_is_enough_where_the_study_says_so() -> None:
    subject = despite("for_at_least_days: 2, optimal: false")
    subject.care("supportive_care", "ONDANSETRON", 5)
    subject.ae("Nausea", 3, 5, 9)
    assert subject.result(9) == "met"


def test_care_may_still_help_while_its_clock_runs() -> None:
    subject = despite("for_at_least_days: 2")
    subject.care("supportive_care", "ONDANSETRON", 5)
    subject.ae("Nausea", 3, 5)
    assert [subject.result(number) for number in (5, 6)] == ["open", "open"]
    assert any("a value of Nausea" in text for text in subject.asked(9))


def test_no_care_is_for_a_person_once_everything_is_entered_and_open_before() -> None:
    subject = despite("for_at_least_days: 2")
    subject.ae("Nausea", 3, 5, 8)
    assert subject.result(9) == "open"
    subject.all_entered(9)
    assert subject.result(9) == "needs_review"


@pytest.mark.parametrize(
    ("end", "result"),
    [("T08:30:00", "not_met"), ("T08:30:01", "met"), (None, "met")],
)
def test_exempt_where_care_was_needed_for_at_most_48_hours(end: str | None, result: str) -> None:
    subject = Subject(
        f"{NAUSEA}\nunless:\n  - all_of:\n"
        "      - treatment: {category: supportive_care, for_at_most_hours: 48}"
    )
    over = None if end is None else f"{day(7)}{end}"
    subject.care("supportive_care", "ONDANSETRON", f"{day(5)}T08:30:00", over)
    subject.ae("Nausea", 3, 5, 9)
    subject.all_entered(10)
    assert subject.result(10) == result


STEROIDS = """
toxicity: {terms: [Colitis], grade: 2}
together_with_any:
  - treatment:
      category: steroid
      names: [PREDNISONE]
      daily_dose_above: {mg: 10}
      for_more_than_days: 84
"""


@pytest.mark.parametrize(
    ("dose", "last", "result"),
    [("10", 90, "not_met"), ("10.5", 90, "met"), ("20", 88, "not_met"), ("20", 89, "met")],
)
def test_steroids_above_10_mg_for_more_than_12_weeks(dose: str, last: int, result: str) -> None:
    """From day 5: through day 88 are 84 days. The toxicity's onset dates it, not the 85th day."""
    subject = Subject(STEROIDS)
    subject.ae("Colitis", 2, 5, known=at(day(5)))
    subject.care("steroid", "Prednisone", 5, last, CMDOSTOT=dose, CMDOSU="mg")
    subject.all_entered(100)
    found = subject.found(100)
    assert (found.result, found.onset) == (result, day(5) if result == "met" else None)


def test_adjoining_records_of_enough_dose_are_one_course() -> None:
    subject = Subject(STEROIDS)
    subject.ae("Colitis", 2, 5)
    subject.care("steroid", "PREDNISONE", 5, 40, CMDOSTOT="40", CMDOSU="mg")
    subject.care("steroid", "PREDNISONE", 41, 89, CMDOSE="20", CMDOSFRQ="QD", CMDOSU="mg")
    assert subject.result(95) == "met"


@pytest.mark.parametrize("dose", [{}, {"CMDOSE": "20", "CMDOSU": "mg"}, {"CMDOSTOT": "20"}])
def test_a_daily_dose_not_stated_is_asked_for(dose: dict[str, str]) -> None:
    subject = Subject(STEROIDS)
    subject.ae("Colitis", 2, 5)
    subject.care("steroid", "PREDNISONE", 5, 100, **dose)
    assert subject.result(101) == "open"
    assert any("total daily dose of PREDNISONE" in text for text in subject.asked(101))


@pytest.mark.parametrize(("start", "result"), [(5, "not_met"), (12, "not_met"), (13, "met")])
def test_without_growth_factor_up_to_when_the_duration_is_reached(start: int, result: str) -> None:
    """Grade 4 from day 5 has lasted more than seven days on day 12."""
    subject = Subject(
        "toxicity: {terms: [Neutrophil count decreased], grade: 4, for_more_than_days: 7}\n"
        "only_if: [{treatment: {category: growth_factor, given: false}}]"
    )
    for number in range(5, 15):
        subject.value("NEUT", "0.3", number)
    subject.value("NEUT", "2.0", 15)
    subject.care("growth_factor", "FILGRASTIM", start)
    subject.all_entered(20)
    assert subject.result(20) == result


def test_without_growth_factor_is_open_until_entered() -> None:
    subject = Subject(
        "toxicity: {terms: [Neutrophil count decreased], grade: 4}\n"
        "only_if: [{treatment: {category: growth_factor, given: false}}]"
    )
    subject.value("NEUT", "0.3", 5)
    subject.value("NEUT", "2.0", 8)
    assert subject.result(9) == "open"
    subject.all_entered(9)
    assert subject.result(9) == "met"


@pytest.mark.parametrize(
    ("classes", "result"),
    [
        (["A", "B"], "not_met"),
        (["A", "B", "B"], "not_met"),
        (["A", "B", "C"], "met"),
        (["A", "B", ""], "open"),
    ],
)
def test_three_classes_of_antihypertensives(classes: list[str], result: str) -> None:
    subject = Subject(
        "toxicity: {terms: [Hypertension], grade: 3}\n"
        "only_if: [{treatment: {category: other, classes_at_least: 3}}]"
    )
    subject.ae("Hypertension", 3, 5, 12)
    for number, name in enumerate(classes):
        subject.care("other", f"DRUG {number}", 6 + number, CMCLAS=name)
    subject.all_entered(21)
    assert subject.result(21) == result


@pytest.mark.parametrize(("start", "result"), [(7, "met"), (8, "not_met")])
def test_begun_within_two_days_of_the_onset(start: int, result: str) -> None:
    subject = Subject(
        "toxicity: {terms: [Colitis], grade: 2}\n"
        "together_with_any:\n  - treatment: {category: steroid}\n    within_days: 2"
    )
    subject.ae("Colitis", 2, 5, 15)
    subject.care("steroid", "PREDNISONE", start, 12)
    subject.all_entered(21)
    assert subject.result(21) == result


def test_a_course_still_running_is_open_and_decided_by_time_alone() -> None:
    subject = Subject(STEROIDS)
    subject.ae("Colitis", 2, 5)
    subject.care("steroid", "PREDNISONE", 5, CMDOSTOT="20", CMDOSU="mg")
    subject.all_entered(21)
    assert [subject.result(number) for number in (21, 88, 89)] == ["open", "open", "met"]
    assert stepwise(subject.facts).next_deadline(at(day(80))) == at(day(89), 0)


@pytest.mark.parametrize(("start", "result"), [("2026-03", "open"), (str(day(5)), "met")])
def test_a_course_begun_on_an_unknown_day_may_be_too_short(start: str, result: str) -> None:
    subject = Subject(STEROIDS)
    subject.ae("Colitis", 2, 5)
    subject.care("steroid", "PREDNISONE", start, 90, CMDOSTOT="20", CMDOSU="mg")
    assert subject.result(95) == result


@pytest.mark.parametrize(("end", "result"), [(None, "open"), (str(day(7)), "open")])
def test_care_of_unknown_length_keeps_the_exemption_open(end: str | None, result: str) -> None:
    """Going on for less than 48 hours, or over on the day they end."""
    subject = Subject(
        f"{NAUSEA}\nunless:\n  - all_of:\n"
        "      - treatment: {category: supportive_care, for_at_most_hours: 48}"
    )
    subject.care("supportive_care", "ONDANSETRON", f"{day(5)}T08:30:00", end)
    subject.ae("Nausea", 3, 5)
    assert subject.result(at(day(7), 8) if end is None else 9) == result


def test_despite_care_hangs_on_the_time_of_day() -> None:
    subject = despite("for_at_least_hours: 48")
    subject.care("supportive_care", "ONDANSETRON", f"{day(6)}T08:00:00")
    subject.ae("Nausea", 3, 5, 8, known=at(day(9)))
    assert subject.result(9) == "open"
    assert "times of day" in " ".join(subject.asked(9))
