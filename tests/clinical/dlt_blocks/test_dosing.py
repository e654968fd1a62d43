"""Doses late, missed, reduced or stopped because of toxicity, and dose intensity."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.stories import at, end_of

BECAUSE = "because_of_toxicity: [ADVERSE EVENT, TOXICITY]"


def dosing(words: str) -> Subject:
    return Subject(f"dosing: {{treatments: [ANLOTINIB], {words}, {BECAUSE}}}")


def doses(subject: Subject, *given: str, reason: str | None = "ADVERSE EVENT") -> None:
    """Weekly doses of 100 planned, with what was given."""
    for week, amount in enumerate(given):
        field = "ECREASOC" if amount == "0" else "ECADJ"
        said: dict[str, Any] = {field: reason} if reason and amount != "100" else {}
        subject.dose("1-01", day(1 + 7 * week), "ANLOTINIB", given=amount, **said)


@pytest.mark.parametrize(
    ("last", "reason", "result"),
    [
        ("25", "ADVERSE EVENT", "not_met"),
        ("24", "ADVERSE EVENT", "met"),
        ("24", "INFLUENZA OF THE DRIVER", "not_met"),
        ("24", None, "open"),
    ],
)
def test_less_than_75_percent(last: str, reason: str | None, result: str) -> None:
    """Of 300 planned 225 are 75 %."""
    subject = dosing("below_percent: 75")
    doses(subject, "100", "100", last, reason=reason)
    assert subject.result(at(day(21), 20)) == "open"
    assert subject.result(end_of(day(21))) == result


def test_an_unknown_dose_is_open_and_full_doses_are_nothing() -> None:
    subject = dosing("below_percent: 75")
    doses(subject, "100", "100")
    assert subject.result(22) == "not_met"
    subject.dose("1-01", day(15), "ANLOTINIB", ECDOSE=None)
    assert subject.result(22) == "open"


def test_the_action_taken_of_an_event_is_a_reason() -> None:
    subject = dosing("below_percent: 75")
    doses(subject, "100", "0", "0", reason=None)
    subject.ae("Nausea", 2, 7, AEACN="DRUG INTERRUPTED")
    assert subject.result(22) == "met"


@pytest.mark.parametrize(("grade", "result"), [(1, "open"), (2, "met")])
def test_because_of_a_toxicity_of_a_grade(grade: int, result: str) -> None:
    subject = Subject(
        f"dosing:\n  treatments: [ANLOTINIB]\n  below_percent: 75\n  {BECAUSE}\n"
        "  toxicity: {any_term: true, grade: 2, grades_over_baseline: 2}"
    )
    doses(subject, "100", "0", "0")
    subject.ae("Nausea", grade, 7)
    assert subject.result(22) == result


@pytest.mark.parametrize(
    ("given", "result"), [(("100", "0", "100"), "not_met"), (("0", "100", "0"), "met")]
)
def test_two_doses_missed(given: tuple[str, ...], result: str) -> None:
    subject = dosing("missed_at_least: 2")
    doses(subject, *given)
    found = subject.found(16)
    assert (found.result, found.onset) == (result, day(15) if result == "met" else None)


def test_missed_for_no_stated_reason_is_open() -> None:
    subject = dosing("missed_at_least: 2")
    doses(subject, "0", "0", reason=None)
    assert subject.result(16) == "open"


@pytest.mark.parametrize(("given", "result"), [("100", "not_met"), ("99", "met")])
def test_reduced(given: str, result: str) -> None:
    subject = dosing("reduced: true")
    doses(subject, "100", given)
    assert subject.result(9) == result


@pytest.mark.parametrize(
    ("reason", "result"), [("ADVERSE EVENT", "met"), ("PROGRESSIVE DISEASE", "not_met")]
)
def test_stopped_by_disposition(reason: str, result: str) -> None:
    subject = dosing("stopped: true")
    left = {"DSDECOD": reason, "DSSCAT": "STUDY TREATMENT", "DSSTDTC": str(day(10))}
    subject.other("disposition", 10, **left)
    assert subject.result(10) == result


def test_stopped_by_the_action_taken() -> None:
    subject = dosing("stopped: true")
    subject.ae("Nausea", 2, 7, AEACN="DRUG WITHDRAWN")
    assert subject.result(10) == "met"


# -- the next dose late ----------------------------------------------------------------------------


def delay(length: str, more: str = "") -> Subject:
    words = f"treatment: LVGN6051, cycle: 2, planned_day: 22, {length}, {BECAUSE}{more}"
    return Subject(f"delay: {{{words}}}")


@pytest.mark.parametrize(
    ("length", "dosed", "result"),
    [
        ("more_than_days: 7", 29, "not_met"),
        ("more_than_days: 7", 30, "met"),
        ("at_least_days: 7", 28, "not_met"),
        ("at_least_days: 7", 29, "met"),
    ],
)
def test_late_by(length: str, dosed: int, result: str) -> None:
    subject = delay(length)
    subject.dose("1-01", day(dosed), cycle=2, ECADJ="ADVERSE EVENT")
    assert subject.result(40) == result


HELD = ", held_by_any: [{measurement: {testcd: PLAT, below: {10*9/L: 50}}}]"


@pytest.mark.parametrize(
    ("value", "reason", "result"),
    [
        ("49", None, "met"),
        ("50", None, "open"),
        ("50", "ADVERSE EVENT", "needs_review"),
        ("50", "HOLIDAY", "not_met"),
        ("49", "HOLIDAY", "met"),
    ],
)
def test_held_by_a_value_on_the_planned_date(value: str, reason: str | None, result: str) -> None:
    subject = delay("more_than_days: 7", HELD)
    subject.value("PLAT", value, 21)
    said = {"ECADJ": reason} if reason else {}
    subject.dose("1-01", day(31), cycle=2, **said)
    assert subject.result(40) == result


def test_a_value_recovered_by_the_planned_date_does_not_hold() -> None:
    subject = delay("more_than_days: 7", HELD)
    subject.value("PLAT", "49", 20)
    subject.value("PLAT", "80", 22)
    subject.dose("1-01", day(31), cycle=2, ECADJ="HOLIDAY")
    assert subject.result(40) == "not_met"


@pytest.mark.parametrize(
    ("unit", "related", "result"),
    [("bags", "RELATED", "open"), ("10^9/L", "NOT RELATED", "needs_review")],
)
def test_held_by_a_value_in_doubt(unit: str, related: str, result: str) -> None:
    """A value nobody can compare is open; a toxicity said to be unrelated holds nothing back."""
    held = HELD.replace("}]", "}, {toxicity: {terms: [Nausea], grade: 2}}]")
    subject = delay("more_than_days: 7", held)
    subject.value("PLAT", "49" if unit == "bags" else "60", 21, LBORRESU=unit)
    subject.ae("Nausea", 2, 20, 20 if unit == "bags" else None, related=related)
    subject.dose("1-01", day(31), cycle=2, ECADJ="ADVERSE EVENT")
    assert subject.result(40) == result


def test_nothing_stopped_is_nothing() -> None:
    assert dosing("stopped: true").result(10) == "not_met"
