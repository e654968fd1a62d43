"""Grades one laboratory value by the criteria of one CTCAE version.

Every condition is true, false or unknown: unknown where the range or the baseline is missing, or
where a comparator or a missing baseline leaves several answers. A value's two ends are graded, each
between the worst grade certainly met and the worst grade not excluded. Criteria point one way, so
everything between the two ends lies between their grades.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from shared.clinical.ctcae.criteria import SIGNS, Clause, Condition, Criterion, by_test
from shared.clinical.ctcae.form import When
from shared.clinical.ctcae.model import Graded, LabValue, Multiple, NotGradable
from shared.clinical.ctcae.sample import (
    ONE,
    ZERO,
    Sample,
    limits_of,
    sample_of,
    specimen_of,
    times,
    usable_span,
)
from shared.clinical.quantity import INFINITY, Point, Span, factor_between, is_above, multiply
from shared.contracts.graded import NotGradableReason

_WORDS: dict[NotGradableReason, str] = {
    "no_range": "the limit of normal it is compared with is missing or unusable",
    "no_baseline": "the baseline it is compared with is missing or unusable",
    "unit_unknown": "the unit is missing, unknown or does not belong to this test",
    "character_result": "the result is not a number",
    "needs_clinical_input": "the result or its specimen needs a person's judgement",
}


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
    if not criteria or specimen_of(value.specimen or "") == "other":
        return ()
    sample = sample_of(value, baseline, is_baseline)
    return tuple([_answer(criterion, value, sample) for criterion in criteria])


def multiple_of_uln(value: LabValue) -> Multiple | NotGradable:
    """The value as a multiple of its own upper limit of normal (Hy's law); the two have the same
    unit by definition, so that no unit needs to be known. A specimen other than blood is for a
    person to judge."""
    span = usable_span(value.result)
    uln = limits_of(value.range_low, value.range_high)[1]
    if specimen_of(value.specimen or "") != "blood":
        span = "needs_clinical_input"
    if not isinstance(span, str) and uln is not None:
        return Multiple(span, uln)
    reason = span if isinstance(span, str) else "no_range"
    return NotGradable(value.testcd, "", reason, f"{value.testcd}: {_WORDS[reason]}")


def _answer(
    criterion: Criterion, value: LabValue, sample: Sample | NotGradableReason
) -> Graded | NotGradable:
    if isinstance(sample, str):
        reason = sample
    elif factor_between(sample.unit.ucum, criterion.unit, value.testcd) is None:
        reason = "unit_unknown"
    else:
        return _grade(criterion, sample, value)
    why = f"{value.testcd}: {_WORDS[reason]}"
    return NotGradable(criterion.term, criterion.ctcae, reason, why, 0, criterion.worst)


def _grade(criterion: Criterion, sample: Sample, value: LabValue) -> Graded | NotGradable:
    first = _grade_at(criterion, sample, sample.span.first)
    last = first
    if sample.span.last != sample.span.first:
        last = _grade_at(criterion, sample, sample.span.last)
    low, high = min(first.low, last.low), max(first.high, last.high)
    shown = f"{value.testcd} {value.result.strip()} {sample.unit.ucum}"
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


def _grade_at(criterion: Criterion, sample: Sample, point: Point) -> _Bounds:
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


def _clause(clause: Clause, sample: Sample, point: Point) -> _Truth:
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


def _baselines_meant(when: When | None, sample: Sample) -> tuple[Span | None, _Truth]:
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


@lru_cache(maxsize=4096)
def _region(when: When, uln: Decimal) -> Span:
    five = multiply(uln, Decimal(5))
    regions: dict[When, Span] = {
        "baseline_normal": Span((ZERO, 0), (uln, 0)),
        "baseline_abnormal": Span((uln, 1), (INFINITY, 0)),
        "baseline_up_to_5x_uln": Span((uln, 1), (five, 0)),
        "baseline_above_5x_uln": Span((five, 1), (INFINITY, 0)),
    }
    return regions[when]


def _condition(condition: Condition, sample: Sample, baseline: Span, point: Point) -> _Truth:
    if condition.reference == "baseline" and sample.baseline.itself:
        return _TRUE
    compared = _compared(condition, sample, baseline)
    if compared is None:
        return _Truth(certain=False, possible=True, lacking="no_range")
    value = times(point, compared.scale)
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


def _compared(condition: Condition, sample: Sample, baseline: Span) -> _Compared | None:
    factor = condition.factor
    match condition.reference:
        case "absolute":
            scale, limit, _ = condition.limits[sample.unit.ucum]
            return _Compared(scale, (limit, 0), (limit, 0))
        case "baseline":
            ends = times(baseline.first, factor), times(baseline.last, factor)
            return _Compared(sample.baseline.scale, *ends)
        case reference:
            normal = sample.uln if reference == "uln" else sample.lln
            if normal is None:
                return None
            limit = multiply(normal, factor)
            return _Compared(ONE, (limit, 0), (limit, 0))


def _holds(condition: Condition, value: Point, limit: Point) -> bool:
    if condition.comparison == "above":
        return is_above(value, limit)
    below = is_above(limit, value)
    return below if condition.comparison == "below" else not below


def _text(clause: Clause, sample: Sample) -> str:
    return " and ".join(_condition_text(condition, sample) for condition in clause.conditions)


def _condition_text(condition: Condition, sample: Sample) -> str:
    sign = SIGNS[condition.comparison]
    if condition.reference == "absolute":
        return f"{sign} {condition.limits[sample.unit.ucum].printed}"
    name = {"uln": "ULN", "lln": "LLN", "baseline": "baseline"}[condition.reference]
    return f"{sign} {name}" if condition.factor == 1 else f"{sign} {condition.factor} x {name}"
