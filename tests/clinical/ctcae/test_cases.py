"""The cases written beside each criterion, run; and that every limit has a case on, above and below
it, so that a criterion can be reviewed by reading one file."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.clinical.ctcae import Graded, Measurement, grade, term_of, versions
from shared.clinical.ctcae.criteria import documents
from shared.clinical.ctcae.form import Case, ConditionDocument, CriterionDocument
from shared.clinical.quantity import multiply, unit_of

FOUND = [
    (version, criterion)
    for version in versions()
    for document in documents(version)
    for criterion in document.criteria
]
CASES = [
    pytest.param(version, criterion, case, id=f"{version}-{criterion.term}-{number}")
    for version, criterion in FOUND
    for number, case in enumerate(criterion.cases)
]
CRITERIA = [pytest.param(*found, id=f"{found[0]}-{found[1].term}") for found in FOUND]


def reported(criterion: CriterionDocument, case: Case) -> Measurement:
    return Measurement(
        testcd=criterion.analytes[0],
        result=str(case.value),
        unit=case.unit,
        range_low=None if case.lln is None else str(case.lln),
        range_high=None if case.uln is None else str(case.uln),
    )


def given_baseline(criterion: CriterionDocument, case: Case) -> Measurement | None:
    if case.baseline is None:
        return None
    return replace(reported(criterion, case), result=str(case.baseline))


@pytest.mark.parametrize(("version", "criterion", "case"), CASES)
def test_case(version: str, criterion: CriterionDocument, case: Case) -> None:
    answers = grade(
        reported(criterion, case),
        ctcae=version,
        baseline=given_baseline(criterion, case),
        is_baseline=case.is_baseline,
    )
    (answer,) = [answer for answer in answers if answer.term == criterion.term]
    if isinstance(case.grade, str):
        assert not isinstance(answer, Graded)
        assert answer.reason == case.grade
    else:
        expected = case.grade if isinstance(case.grade, tuple) else (case.grade, case.grade)
        assert isinstance(answer, Graded), answer
        assert (answer.low, answer.high) == expected


def distance(condition: ConditionDocument, unit: str, case: Case) -> int | None:
    """-1, 0, 1: the case lies below, at, above the limit; None where it is not about it.

    ``unit`` is a key of the condition's limits: a unit, or what the limit is a multiple of.
    """
    if not isinstance(case.value, Decimal) or case.unit is None:
        return None
    if condition.reference == "absolute":
        limit = condition.limits[unit]
        found = unit_of(case.unit)
        if found is None or found.ucum != unit:
            return None
    else:
        base = {"uln": case.uln, "lln": case.lln, "baseline": case.baseline}[condition.reference]
        if not isinstance(base, Decimal | int):
            return None
        limit = multiply(Decimal(base), condition.factor)
    if abs(case.value - limit) > limit / 100:
        return None
    return (case.value > limit) - (case.value < limit)


@pytest.mark.parametrize(("version", "criterion"), CRITERIA)
def test_every_limit_has_a_case_below_at_and_above_it(
    version: str, criterion: CriterionDocument
) -> None:
    for condition in criterion.conditions:
        for unit in condition.limits or (condition.reference,):
            seen = {distance(condition, unit, case) for case in criterion.cases}
            assert {-1, 0, 1} <= seen, f"{condition.limits} {unit}"


@pytest.mark.parametrize(("version", "criterion"), CRITERIA)
def test_criterion_agrees_with_the_dictionary(version: str, criterion: CriterionDocument) -> None:
    term = term_of(version, criterion.term)
    assert term is not None
    assert (term.name, term.soc, term.meddra_code) == (
        criterion.term,
        criterion.soc,
        criterion.meddra,
    )
    assert set(criterion.grades) <= term.grades
    assert criterion.source.startswith(f"CTCAE v{version}")
