"""The cases written beside each criterion, run; and that every limit has a case on, above and below
it, so that a criterion can be reviewed by reading one file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from shared.clinical.ctcae import Graded, Measurement, grade, term_of, versions
from shared.clinical.ctcae.criteria import documents
from shared.clinical.ctcae.form import Case, ConditionDocument, CriterionDocument, Domain
from shared.clinical.quantity import unit_of
from shared.contracts.results import Measured, parse_result

FOUND = [
    (version, document.domain, criterion)
    for version in versions()
    for document in documents(version)
    for criterion in document.criteria
]


def named(version: str, criterion: CriterionDocument) -> str:
    return f"{version}-{criterion.term}-{criterion.direction}-{'/'.join(criterion.analytes)}"


CASES = [
    pytest.param(version, domain, criterion, case, id=f"{named(version, criterion)}-{number}")
    for version, domain, criterion in FOUND
    for number, case in enumerate(criterion.cases)
]
CRITERIA = [
    pytest.param(version, criterion, id=named(version, criterion))
    for version, _, criterion in FOUND
]


def reported(criterion: CriterionDocument, case: Case) -> Measurement:
    return Measurement(
        testcd=case.analyte or criterion.analytes[0],
        result=str(case.value),
        unit=case.unit,
        range_low=text(case.lln),
        range_high=text(case.uln),
        specimen=case.specimen or criterion.specimen,
        fasting=case.fasting,
    )


def given_baseline(criterion: CriterionDocument, case: Case) -> Measurement | None:
    if case.baseline is None and case.indicator is None:
        return None
    own = case.baseline_lln is not None or case.baseline_uln is not None
    return Measurement(
        testcd=case.analyte or criterion.analytes[0],
        result=text(case.baseline) or "",
        unit=case.baseline_unit or case.unit,
        range_low=text(case.baseline_lln if own else case.lln),
        range_high=text(case.baseline_uln if own else case.uln),
        indicator=case.indicator,
    )


def text(number: Decimal | str | None) -> str | None:
    return None if number is None else str(number)


@pytest.mark.parametrize(("version", "domain", "criterion", "case"), CASES)
def test_case(version: str, domain: Domain, criterion: CriterionDocument, case: Case) -> None:
    answers = grade(
        reported(criterion, case),
        ctcae=version,
        baseline=given_baseline(criterion, case),
        is_baseline=case.is_baseline,
        facts=case.facts,
        beside={
            test: Measurement(test, str(other.value), other.unit, None, None)
            for test, other in case.beside.items()
        },
        domain=domain,
    )
    (answer,) = [
        answer
        for answer in answers
        if (answer.term, answer.direction) == (criterion.term, criterion.direction)
    ]
    if isinstance(case.grade, str):
        assert not isinstance(answer, Graded)
        assert answer.reason == case.grade
    else:
        expected = case.grade if isinstance(case.grade, tuple) else (case.grade, case.grade)
        assert isinstance(answer, Graded), answer.why
        assert (answer.low, answer.high) == expected, answer.why


def limits_of(condition: ConditionDocument, unit: str | None, case: Case) -> Iterator[Decimal]:
    """Where the limit lies for a case, if the case is about it."""
    found = unit_of(case.unit) if case.unit else None
    if condition.figures and (found is None or found.ucum != unit):
        return
    plus = condition.figures[unit] if unit else Decimal(0)
    if condition.reference == "absolute":
        yield plus
        return
    normal = {"uln": case.uln, "lln": case.lln, "baseline": case.baseline}[condition.reference]
    number = parse_result(str(normal))
    if isinstance(number, Measured) and not number.comparator:
        yield number.value * condition.factor + plus


def sides(condition: ConditionDocument, unit: str | None, cases: tuple[Case, ...]) -> set[int]:
    """-1, 0, 1: there is a case just below, at, just above the limit."""
    return {
        (case.value > limit) - (case.value < limit)
        for case in cases
        if isinstance(case.value, Decimal)
        for limit in limits_of(condition, unit, case)
        if abs(case.value - limit) <= max(abs(limit) / 50, Decimal("0.1"))
    }


@pytest.mark.parametrize(("version", "criterion"), CRITERIA)
def test_every_limit_has_a_case_below_at_and_above_it(
    version: str, criterion: CriterionDocument
) -> None:
    if not criterion.analytes:
        return
    for condition in criterion.conditions:
        for unit in condition.figures or (None,):
            assert sides(condition, unit, criterion.cases) == {-1, 0, 1}, f"{condition} {unit}"


@pytest.mark.parametrize(("version", "criterion"), CRITERIA)
def test_criterion_agrees_with_the_dictionary(version: str, criterion: CriterionDocument) -> None:
    term = term_of(version, criterion.term)
    assert term is not None
    assert (term.name, term.soc, term.meddra_code) == (
        criterion.term,
        criterion.soc,
        criterion.meddra,
    )
    assert {*criterion.grades, *criterion.raised_by} <= term.grades
    assert version in criterion.source
