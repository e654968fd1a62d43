"""Grades one laboratory value by the criteria of one CTCAE version.

Every condition is true, false or unknown: unknown where the range or the baseline is missing, or
where a comparator or a missing baseline leaves several answers. A value's two ends are graded, each
between the worst grade certainly met and the worst grade not excluded. Criteria point one way, so
everything between the two ends lies between their grades.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

from shared.clinical.ctcae.criteria import SIGNS, Clause, Condition, Criterion, When, by_test
from shared.clinical.ctcae.model import Graded, LabValue, Multiple, NotGradable
from shared.clinical.quantity import (
    INFINITY,
    Point,
    Span,
    Unit,
    factor_between,
    is_above,
    multiply,
    span_of,
    unit_of,
)
from shared.contracts.facts import numeric
from shared.contracts.graded import NotGradableReason
from shared.contracts.results import Character, Measured, parse_result

_ONE = Decimal(1)
_ZERO = Decimal(0)
_BLOOD = frozenset({"BLOOD", "SERUM", "PLASMA", "BLD", "SER", "PLAS"})
_NOT_BLOOD = frozenset(
    {"URINE", "CEREBROSPINAL", "CSF", "STOOL", "FECES", "SALIVA", "SPUTUM", "SWEAT", "BILE",
     "TISSUE", "MARROW", "PLEURAL", "PERITONEAL", "ASCITES", "ASCITIC", "SYNOVIAL", "PERICARDIAL",
     "LAVAGE"}
)  # fmt: skip
_EVERY_BASELINE = Span((_ZERO, 0), (INFINITY, 0))

_WORDS: dict[NotGradableReason, str] = {
    "no_range": "the limit of normal it is compared with is missing or unusable",
    "no_baseline": "the baseline it is compared with is missing or unusable",
    "unit_unknown": "the unit is missing, unknown or does not belong to this test",
    "character_result": "the result is not a number",
    "needs_clinical_input": "the result or its specimen needs a person's judgement",
}


class _Baseline(NamedTuple):
    """The baseline in the value's unit after both are multiplied by whole numbers: ``scale`` is the
    value's. ``uln`` is the baseline's own upper limit; ``itself``: the value is the baseline."""

    span: Span
    uln: Decimal | None
    scale: Decimal = _ONE
    known: bool = True
    itself: bool = False


class _Sample(NamedTuple):
    span: Span
    unit: Unit
    lln: Decimal | None
    uln: Decimal | None
    testcd: str
    baseline: _Baseline


class _Truth(NamedTuple):
    """``certain`` implies ``possible``; where they differ, ``lacking`` says what is missing, or is
    None where only a comparator or a clinical fact leaves it open."""

    certain: bool
    possible: bool
    lacking: NotGradableReason | None = None


_NEVER = _Truth(certain=False, possible=False)
_TRUE = _Truth(certain=True, possible=True)


@lru_cache(maxsize=65536)
def grade(
    value: LabValue, *, ctcae: str, baseline: LabValue | None = None, is_baseline: bool = False
) -> tuple[Graded | NotGradable, ...]:
    """The grades of a value, one per term of ``ctcae`` that names its analyte, both directions.

    ``()`` where no criterion names the test, or names it in another specimen. ``is_baseline``: the
    value is the baseline sample itself and is graded on its range alone. A baseline that is
    missing, lacks an upper limit of normal or does not convert gives ``no_baseline``, but only
    where it matters. ValueError for an unknown version.
    """
    criteria = by_test(ctcae).get(value.testcd, ())
    if not criteria or _specimen(value.specimen or "") == "other":
        return ()
    measured = parse_result(value.result)
    unit = unit_of(value.unit) if value.unit else None
    answers = []
    for criterion in criteria:
        reason = _unusable(value, measured, unit, criterion)
        if reason is None and isinstance(measured, Measured) and unit is not None:
            sample = _sample(value, measured, unit, baseline, is_baseline)
            answers.append(_grade(criterion, sample, value.result.strip()))
        elif reason is not None:
            why = f"{value.testcd}: {_WORDS[reason]}"
            answers.append(
                NotGradable(criterion.term, criterion.ctcae, reason, why, 0, criterion.worst)
            )
    return tuple(answers)


def multiple_of_uln(value: LabValue) -> Multiple | NotGradable:
    """The value as a multiple of its own upper limit of normal (Hy's law); the two have the same
    unit by definition, so that no unit needs to be known."""
    measured = parse_result(value.result)
    uln = _limits(value.range_low, value.range_high)[1]
    if isinstance(measured, Character):
        return _no_multiple(value, "character_result")
    if _is_nonsense(measured):
        return _no_multiple(value, "needs_clinical_input")
    if uln is None:
        return _no_multiple(value, "no_range")
    return Multiple(span_of(measured), uln)


def _no_multiple(value: LabValue, reason: NotGradableReason) -> NotGradable:
    return NotGradable(value.testcd, "", reason, f"{value.testcd}: {_WORDS[reason]}")


@lru_cache(maxsize=1024)
def _specimen(text: str) -> Literal["blood", "other", "unclear"]:
    """What the criteria speak of, something else under the same LBTESTCD (urine), or neither."""
    words = frozenset(re.findall("[A-Z]+", text.upper()))
    if not words or words & _BLOOD:
        return "blood"
    return "other" if words & _NOT_BLOOD else "unclear"


def _unusable(
    value: LabValue, measured: Measured | Character, unit: Unit | None, criterion: Criterion
) -> NotGradableReason | None:
    if isinstance(measured, Character):
        return "character_result"
    if _is_nonsense(measured) or _specimen(value.specimen or "") == "unclear":
        return "needs_clinical_input"
    if unit is None or factor_between(unit.ucum, criterion.unit, value.testcd) is None:
        return "unit_unknown"
    return None


def _is_nonsense(measured: Measured) -> bool:
    """A negative count or concentration."""
    return measured.value < 0 or (measured.value == 0 and measured.comparator == "<")


@lru_cache(maxsize=4096)
def _limits(low: str | None, high: str | None) -> tuple[Decimal | None, Decimal | None]:
    """LLN and ULN where they can be relied on. A lower limit of 0 is how some laboratories say that
    there is none; taken at its word it would make every low value normal. Nor does an upper limit
    of 0 mean anything, or a range whose ends are crossed."""
    lln, uln = _positive(numeric(low)), _positive(numeric(high))
    if lln is not None and uln is not None and lln > uln:
        return None, None
    return lln, uln


def _positive(limit: Decimal | None) -> Decimal | None:
    return limit if limit is not None and limit > 0 else None


def _sample(
    value: LabValue, measured: Measured, unit: Unit, baseline: LabValue | None, is_baseline: bool
) -> _Sample:
    span = span_of(measured)
    lln, uln = _limits(value.range_low, value.range_high)
    return _Sample(
        span, unit, lln, uln, value.testcd, _baseline(span, uln, unit, baseline, is_baseline)
    )


def _baseline(
    span: Span, uln: Decimal | None, unit: Unit, baseline: LabValue | None, is_baseline: bool
) -> _Baseline:
    if is_baseline:
        return _Baseline(span, uln, itself=True)
    known = None if baseline is None else _known_baseline(baseline, unit)
    # Nothing known: any baseline, judged normal or abnormal by the range of the value at hand.
    return known or _Baseline(_EVERY_BASELINE, uln, known=False)


def _known_baseline(baseline: LabValue, unit: Unit) -> _Baseline | None:
    measured = parse_result(baseline.result)
    own = unit_of(baseline.unit) if baseline.unit else None
    uln = _limits(baseline.range_low, baseline.range_high)[1]
    if isinstance(measured, Character) or _is_nonsense(measured) or own is None or uln is None:
        return None
    factor = factor_between(own.ucum, unit.ucum, baseline.testcd)
    if factor is None:
        return None
    times = Decimal(factor.numerator)
    span = span_of(measured)
    return _Baseline(
        Span(_times(span.first, times), _times(span.last, times)),
        multiply(uln, times),
        scale=Decimal(factor.denominator),
    )


def _times(point: Point, factor: Decimal) -> Point:
    return multiply(point[0], factor), point[1]


def _grade(criterion: Criterion, sample: _Sample, result: str) -> Graded | NotGradable:
    first = _grade_at(criterion, sample, sample.span.first)
    last = first
    if sample.span.last != sample.span.first:
        last = _grade_at(criterion, sample, sample.span.last)
    low, high = min(first.low, last.low), max(first.high, last.high)
    shown = f"{sample.testcd} {result} {sample.unit.ucum}"
    lacking = first.lacking or last.lacking
    if lacking is not None and low != high:
        why = f"{shown}: {_WORDS[lacking]} (grade {low} to {high})"
        return NotGradable(criterion.term, criterion.ctcae, lacking, why, low, high)
    if low != high:
        why = f"{shown}: grade {low} to {high}"
        needs = first.needs or last.needs
        why = f"{why}; {needs}" if needs else why
    else:
        met = first.met or last.met
        why = f"{shown} is {_text(met, sample)}" if met else f"{shown}: no limit reached"
    return Graded(criterion.term, criterion.ctcae, low, high, why)


class _Bounds(NamedTuple):
    low: int
    high: int
    met: Clause | None
    needs: str | None
    lacking: NotGradableReason | None


def _grade_at(criterion: Criterion, sample: _Sample, point: Point) -> _Bounds:
    """The worst grade certainly met at this value, and the worst not excluded."""
    high = 0
    needs: str | None = None
    lacking: NotGradableReason | None = None
    for number, clause in criterion.clauses:
        truth = _clause(clause, sample, point)
        if truth.possible and number > high:
            high, needs = number, clause.needs
        if truth.certain:
            return _Bounds(number, high, clause, needs, lacking)
        lacking = lacking or truth.lacking
    return _Bounds(0, high, None, needs, lacking)


def _clause(clause: Clause, sample: _Sample, point: Point) -> _Truth:
    if clause.is_plain:
        return _condition(clause.conditions[0], sample, sample.baseline.span, point)
    span, applies = _baselines_meant(clause.when, sample)
    if span is None:
        return applies
    certain = applies.certain and clause.needs is None
    lacking = applies.lacking
    for condition in clause.conditions:
        truth = _condition(condition, sample, span, point)
        if not truth.possible:
            return _NEVER
        certain = certain and truth.certain
        lacking = lacking or truth.lacking
    return _Truth(certain, True, None if certain else lacking)


def _baselines_meant(when: When | None, sample: _Sample) -> tuple[Span | None, _Truth]:
    """The part of the possible baselines a branch speaks of, and whether that is all of them.

    None where it speaks of none of them, or where normal and abnormal cannot be told apart.
    """
    baseline = sample.baseline
    if when is None:
        return baseline.span, _TRUE
    if baseline.itself:
        return (baseline.span, _TRUE) if when == "baseline_normal" else (None, _NEVER)
    if baseline.uln is None:
        return baseline.span, _Truth(certain=False, possible=True, lacking="no_range")
    region = _region(when, baseline.uln)
    first = region.first if is_above(region.first, baseline.span.first) else baseline.span.first
    last = region.last if is_above(baseline.span.last, region.last) else baseline.span.last
    if is_above(first, last):
        return None, _NEVER
    part = Span(first, last)
    if part == baseline.span:
        return part, _TRUE
    lacking: NotGradableReason | None = None if baseline.known else "no_baseline"
    return part, _Truth(certain=False, possible=True, lacking=lacking)


def _region(when: When, uln: Decimal) -> Span:
    five = multiply(uln, Decimal(5))
    match when:
        case "baseline_normal":
            return Span((_ZERO, 0), (uln, 0))
        case "baseline_abnormal":
            return Span((uln, 1), (INFINITY, 0))
        case "baseline_up_to_5x_uln":
            return Span((uln, 1), (five, 0))
        case "baseline_above_5x_uln":
            return Span((five, 1), (INFINITY, 0))


def _condition(condition: Condition, sample: _Sample, baseline: Span, point: Point) -> _Truth:
    if condition.reference == "baseline" and sample.baseline.itself:
        return _TRUE
    compared = _compared(condition, sample, baseline)
    if compared is None:
        return _Truth(certain=False, possible=True, lacking="no_range")
    value = point if compared.scale is _ONE else _times(point, compared.scale)
    at_first = _holds(condition, value, compared.first)
    if compared.last == compared.first:
        return _TRUE if at_first else _NEVER
    if at_first == _holds(condition, value, compared.last):
        return _TRUE if at_first else _NEVER
    known = sample.baseline.known
    return _Truth(certain=False, possible=True, lacking=None if known else "no_baseline")


class _Compared(NamedTuple):
    """The value times ``scale`` is compared with a limit from ``first`` to ``last``."""

    scale: Decimal
    first: Point
    last: Point


def _compared(condition: Condition, sample: _Sample, baseline: Span) -> _Compared | None:
    factor = condition.factor
    match condition.reference:
        case "absolute":
            scale, limit = _absolute(condition, sample.unit, sample.testcd)
            return _Compared(scale, (limit, 0), (limit, 0))
        case "baseline":
            ends = _times(baseline.first, factor), _times(baseline.last, factor)
            return _Compared(sample.baseline.scale, *ends)
        case reference:
            normal = sample.uln if reference == "uln" else sample.lln
            if normal is None:
                return None
            limit = normal if factor == 1 else multiply(normal, factor)
            return _Compared(_ONE, (limit, 0), (limit, 0))


def _holds(condition: Condition, value: Point, limit: Point) -> bool:
    match condition.comparison:
        case "above":
            return is_above(value, limit)
        case "at_least":
            return not is_above(limit, value)
        case "below":
            return is_above(limit, value)
        case "at_most":
            return not is_above(value, limit)


def _absolute(condition: Condition, unit: Unit, testcd: str) -> tuple[Decimal, Decimal]:
    """What to multiply the value by, and the limit to compare with: NCI's own in the reported unit
    where it prints one, else the first it prints, the value converted."""
    if unit.ucum in condition.limits:
        return _ONE, condition.limits[unit.ucum]
    printed, limit = next(iter(condition.limits.items()))
    factor = factor_between(unit.ucum, printed, testcd)
    if factor is None:  # pragma: no cover - `_unusable` refuses such a unit before
        raise ValueError(f"{unit.ucum} does not convert to {printed}")
    return Decimal(factor.numerator), multiply(limit, Decimal(factor.denominator))


def _text(clause: Clause, sample: _Sample) -> str:
    return " and ".join(_condition_text(condition, sample) for condition in clause.conditions)


def _condition_text(condition: Condition, sample: _Sample) -> str:
    sign = SIGNS[condition.comparison]
    if condition.reference == "absolute":
        limits = condition.limits
        unit = sample.unit.ucum if sample.unit.ucum in limits else next(iter(limits))
        return f"{sign} {limits[unit]} {unit}"
    name = {"uln": "ULN", "lln": "LLN", "baseline": "baseline"}[condition.reference]
    return f"{sign} {name}" if condition.factor == 1 else f"{sign} {condition.factor} x {name}"
