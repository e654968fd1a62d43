"""A dose in another unit than it was planned in."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest

from shared.clinical.dose_units import factor_of
from tests.clinical.dlt_blocks.support import Subject
from tests.clinical.safe_side_support import COHORT, Step, one, record, said
from tests.clinical.stories import DAY_1, at, subject_of

ENTERED = record("review_complete", "day 22", domain="ALL", complete_through="2026-03-22")


def given(**data: str) -> Step:
    """What is said of the first dose of ANLOTINIB, on day 1."""
    body = {"ECTRT": "ANLOTINIB", "ECOCCUR": "Y", "ECSTDTC": "2026-03-02", **data}
    return record("dose", "day 1", recordid="first", cycle=1, **body)


def later(**data: str) -> Step:
    """Another dose of the cycle, on day 3."""
    body = {"ECTRT": "ANLOTINIB", "ECOCCUR": "Y", "ECSTDTC": "2026-03-04", **data}
    return record("dose", "day 3", recordid="later", cycle=1, **body)


NEXT: Step = said("dose", day=22, cycle=2)


@pytest.mark.parametrize(
    ("amount", "unit", "planned", "status"),
    [
        ("100", "mg", "100", "completed"),
        ("100", "MG", "100", "completed"),
        ("0.1", "g", "100", "completed"),
        ("0.1", "g", "0.1", "completed"),
        ("100000", "mcg", "100", "completed"),
        ("0.02", "g", "100", "not_evaluable"),
        ("100", "g", "100", "open"),
        ("100", "mg/m2", "100", "open"),
        ("60", "mg/m2", "60", "completed"),
        ("0.009", "g", "100", "open"),
        ("0", "mg/m2", "100", "not_evaluable"),
    ],
)
def test_a_dose_in_another_unit_is_converted_or_asked_about(
    amount: str, unit: str, planned: str, status: str
) -> None:
    first = given(ECDOSE="100", ECDOSU="mg", planned_dose="100")
    other = later(ECDOSE=amount, ECDOSU=unit, planned_dose=planned)
    action = {"completed": "escalate", "not_evaluable": "enrol"}.get(status, "wait")
    asked = ["which unit is right"] if status == "open" else []
    steps = [first, other, ENTERED, NEXT]
    assert one(status, *steps, cohort=COHORT, action=action, asked=asked) == []


@pytest.mark.parametrize(
    ("planned", "unit", "amount", "stated", "status"),
    [
        ("100", "mg", "100", "mg", "completed"),
        ("0.1", "g", "0.1", "mg", "open"),
        ("100", "mg", "100", "g", "open"),
        ("100", "mg", "0.1", "g", "completed"),
        ("75", "mg/m2", "75", "mg", "open"),
        ("75", "mg/m2", "130", "mg", "completed"),
        ("75", None, "75", "mg", "completed"),
    ],
)
def test_the_assignment_says_what_was_planned(
    planned: str, unit: str | None, amount: str, stated: str, status: str
) -> None:
    """A dose worked out for one subject has another number than the plan, and a unit of its own."""
    subject = Subject("toxicity: {terms: [Nausea], grade: 3}")
    plan = {"planned_dose": planned, "dose_unit": unit, "cohort_id": "1", "dose_level": 1}
    told = {"recordid": "1-01/COHORT", "revision": 2, "known": at(DAY_1, 9)}
    subject.record("cohort_assignment", "1-01", {**plan, "assigned_dtc": str(DAY_1)}, **told)
    number = "100" if planned == "100" else amount
    told = {"recordid": f"1-01/EX/LVGN6051/1/{DAY_1}", "revision": 2, "known": at(DAY_1, 11)}
    dose = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": str(DAY_1), "cycle": 1}
    data = {**dose, "ECDOSE": amount, "ECDOSU": stated, "planned_dose": number}
    subject.record("dose", "1-01", data, **told, reason="units added")
    subject.all_entered(21)
    assessment = subject.assess(at(DAY_1 + timedelta(days=21), 20))
    assert subject_of(assessment, "1-01").status == status
    asked = any("which unit is right" in query.text for query in assessment.queries)
    assert asked is (status == "open")


@pytest.mark.parametrize(
    ("words", "amount", "unit", "result"),
    [
        ("reduced: true", "0.1", "g", "not_met"),
        ("reduced: true", "0.05", "g", "met"),
        ("reduced: true", "100", "mg/m2", "open"),
        ("below_percent: 75", "0.1", "g", "not_met"),
        ("below_percent: 75", "0.02", "g", "met"),
        ("below_percent: 75", "100", "mg/m2", "open"),
    ],
)
def test_a_reduction_is_seen_through_the_unit(
    words: str, amount: str, unit: str, result: str
) -> None:
    because = "because_of_toxicity: [ADVERSE EVENT, TOXICITY]"
    subject = Subject(f"dosing: {{treatments: [ANLOTINIB], {words}, {because}}}")
    subject.dose("1-01", DAY_1, "ANLOTINIB", ECDOSU="mg")
    second = DAY_1 + timedelta(days=7)
    subject.dose("1-01", second, "ANLOTINIB", given=amount, ECDOSU=unit, ECADJ="TOXICITY")
    assert subject.result(22) == result


@pytest.mark.parametrize(
    ("unit", "other", "factor"),
    [
        ("g", "mg", Fraction(1000)),
        ("mg", "g", Fraction(1, 1000)),
        ("ug", "mcg", Fraction(1)),
        ("\u00b5g", "ng", Fraction(1000)),
        ("mg/m2", "mg/m\u00b2", Fraction(1)),
        ("mg/m^2", "g/m2", Fraction(1, 1000)),
        ("mg / kg", "mg/kg", Fraction(1)),
        ("mg", "mg/m2", None),
        ("mg/kg", "mg/m2", None),
        ("mL", "mg", None),
        ("IU", "iu", Fraction(1)),
        ("tablets", "mg", None),
    ],
)
def test_units_of_mass_convert_exactly_and_others_not(
    unit: str, other: str, factor: Fraction | None
) -> None:
    assert factor_of(unit, other) == factor
