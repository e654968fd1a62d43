"""Which values a clause covers in a context: certainly, and possibly while something is not known.

Every condition is a half-line, so a clause is an interval of values, or two where an upper limit of
normal, a baseline or a fact leaves several answers. What is not known can only widen the gap
between the two: learning it never contradicts what was certain or excluded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from shared.clinical.analytes import unit_for
from shared.clinical.ctcae.baseline import Meant
from shared.clinical.ctcae.form import UPWARD, BesideDocument, Comparison
from shared.clinical.ctcae.limits import Limit, ScaledClause, add
from shared.clinical.ctcae.model import Measurement
from shared.clinical.ctcae.sample import Baseline, Range, span_of_result
from shared.clinical.quantity import INFINITY, Point, Span, factor_between, multiply
from shared.contracts.graded import NotGradableReason

WORDS: Mapping[NotGradableReason, str] = {
    "no_range": "the limit of normal it is compared with is missing or unusable",
    "no_baseline": "the baseline it is compared with is missing or unusable",
    "unit_unknown": "the unit is missing, unknown or does not belong to this test",
    "character_result": "the result is not a number",
    "not_done": "there is no result",
    "not_fasting_known": "the limit is for a fasting sample, and it is not known to be one",
    "needs_clinical_input": "the result or its specimen needs a person's judgement",
}
_NOT_FASTING = "the limit is for a fasting sample, and this is not one"

Edge = tuple[Decimal, int]
"""Where an interval of values begins or ends: on a number (0) or just above it (1)."""

Interval = tuple[Edge, Edge]
"""Values from an edge up to another, not with it."""

_AFTER: Mapping[Comparison, int] = {"above": 1, "at_least": 0, "below": 0, "at_most": 1}
"""Whether the edge is on the limit or just above it."""

BOTTOM: Edge = (-INFINITY, 0)
TOP: Edge = (INFINITY, 1)


class Context(NamedTuple):
    """What a criterion is compared in; ``beside`` are other measurements of the same time."""

    unit: str
    range: Range
    baseline: Baseline
    fasting: bool | None = None
    facts: frozenset[tuple[str, bool]] = frozenset()
    beside: tuple[Measurement, ...] = ()


class Cover(NamedTuple):
    """The values a clause covers. Where ``certain`` and ``possible`` differ, ``lacking`` is what is
    missing (None: a fact, or one of several values of something known), and ``words`` say it.
    ``cut`` is the limit certainly reached, ``per`` as in `Limit`."""

    clause: ScaledClause
    certain: Interval | None
    possible: Interval
    lacking: NotGradableReason | None
    words: str
    cut: Decimal | None
    per: int

    def edges(self) -> Iterator[Edge]:
        """Every end of the intervals."""
        yield from self.possible
        yield from self.certain or ()


class _Gap(NamedTuple):
    """Something that is not known and leaves open whether a clause holds."""

    lacking: NotGradableReason | None
    words: str


def covered(
    clause: ScaledClause, context: Context, meant: Meant, facts: Mapping[str, bool]
) -> Cover | None:
    """What a clause covers in a context for the baselines it speaks of; None where nothing."""
    gaps = _gaps(clause, context, facts)
    limits = _without_baseline(clause) if context.baseline.itself else clause.limits
    if gaps is None or not limits:
        return None
    if not meant.certain:
        gaps.insert(0, _gap(meant.lacking))
    spans = [_span(limit, context, meant) for limit in limits]
    if None in spans:
        gaps.append(_gap("no_range"))
    halves = [
        _half_lines(limit.comparison, span)
        for limit, span in zip(limits, spans, strict=True)
        if span is not None
    ]
    certain, possible = _common([sure for sure, _ in halves]), _common([may for _, may in halves])
    if possible is None:
        return None
    sure = None if gaps else certain
    if sure != possible and not context.baseline.known and _on_baseline(limits):
        gaps.append(_gap("no_baseline"))
    cut = _number(halves[0][0]) if sure else None
    if not gaps:
        return Cover(clause, sure, possible, None, "", cut, limits[0].per)
    said = next((gap for gap in gaps if gap.lacking), None)
    words = said.words if said else " and ".join(gap.words for gap in gaps if gap.words)
    return Cover(clause, sure, possible, said and said.lacking, words, cut, limits[0].per)


def _common(intervals: list[Interval]) -> Interval | None:
    """The values in all of the intervals; None where there are none."""
    first, end = intervals[0] if intervals else (BOTTOM, TOP)
    for other in intervals[1:]:
        first, end = max(first, other[0]), min(end, other[1])
    return (first, end) if first < end else None


def _on_baseline(limits: Iterable[Limit]) -> bool:
    return any(limit.reference == "baseline" for limit in limits)


def _gap(lacking: NotGradableReason | None) -> _Gap:
    return _Gap(lacking, WORDS[lacking] if lacking else "")


def _gaps(clause: ScaledClause, context: Context, facts: Mapping[str, bool]) -> list[_Gap] | None:
    """What is not known besides range and baseline; None where the clause is excluded."""
    if clause.is_bare:
        return []
    if any(facts.get(fact) is False for fact in clause.needs):
        return None
    if any(facts.get(fact) for fact in clause.without):
        return None
    gaps = []
    if clause.fasting and context.fasting is not True:
        words = WORDS["not_fasting_known"] if context.fasting is None else _NOT_FASTING
        gaps.append(_Gap("not_fasting_known", words))
    if missing := [fact.replace("_", " ") for fact in clause.needs if fact not in facts]:
        gaps.append(_Gap(None, f"depends on: {', '.join(missing)}"))
    if clause.beside is not None:
        holds = _holds(clause.beside, context.beside)
        if holds is False:
            return None
        if holds is None:
            gaps.append(_Gap(None, f"depends on {clause.beside.test}"))
    return gaps


def _without_baseline(clause: ScaledClause) -> tuple[Limit, ...]:
    """The limits for the baseline sample itself: it cannot have changed from baseline. Beside
    another condition "above baseline" only says "worse than before treatment" and is left out."""
    changed = any(limit.reference == "baseline" and not limit.is_plain for limit in clause.limits)
    return () if changed else tuple(one for one in clause.limits if one.reference != "baseline")


def _span(limit: Limit, context: Context, meant: Meant) -> Span | None:
    """Where the limit may lie on the scaled number line; None where it is not known at all."""
    if limit.reference == "absolute":
        return Span((limit.addend, 0), (limit.addend, 0))
    if limit.reference == "baseline":
        return _times(meant.span, limit)
    normal = context.range.uln if limit.reference == "uln" else context.range.lln
    return None if normal is None else _times(normal, limit)


def _times(span: Span, limit: Limit) -> Span:
    first, last = span
    at_first = (_on(first[0], limit), first[1])
    return Span(at_first, at_first if last is first else (_on(last[0], limit), last[1]))


def _on(number: Decimal, limit: Limit) -> Decimal:
    product = multiply(number, limit.multiplier)
    return product if limit.addend == 0 else add(product, limit.addend)


def _half_lines(comparison: Comparison, span: Span) -> tuple[Interval, Interval]:
    """The values that certainly and possibly compare so with a limit within ``span``."""
    near, far = _edge(comparison, span.first), _edge(comparison, span.last)
    if comparison in UPWARD:
        return (far, TOP), (near, TOP)
    return (BOTTOM, near), (BOTTOM, far)


def _edge(comparison: Comparison, limit: Point) -> Edge:
    number, beside = limit
    if not number.is_finite():
        return TOP if number > 0 else BOTTOM
    if beside == 0:
        return number, _AFTER[comparison]
    return number, int(beside > 0)


def _number(interval: Interval) -> Decimal | None:
    """The finite end of a half-line."""
    return next((number for number, _ in interval if number.is_finite()), None)


def _holds(beside: BesideDocument, others: tuple[Measurement, ...]) -> bool | None:
    """Whether another measurement meets its condition; None where that is not known."""
    for other in others:
        span = span_of_result(other.result, signed=True)
        unit = unit_for(other.testcd, other.unit)
        if other.testcd == beside.test and unit is not None and not isinstance(span, str):
            return _meets(beside, span, unit.ucum)
    return None


def _meets(beside: BesideDocument, span: Span, unit: str) -> bool | None:
    for code in sorted(beside.limits, key=lambda code: code != unit):
        factor = factor_between(unit, code, beside.test)
        if factor is not None:
            return _inside(beside, span, beside.limits[code], factor)
    return None


def _inside(beside: BesideDocument, span: Span, figure: Decimal, factor: Fraction) -> bool | None:
    limit = (multiply(figure, Decimal(factor.denominator)), 0)
    start, end = _half_lines(beside.comparison, Span(limit, limit))[0]
    first, last = ((multiply(number, Decimal(factor.numerator)), at) for number, at in span)
    inside = start <= first < end, start <= last < end
    return inside[0] if inside[0] == inside[1] else None
