"""Which baselines a branch of a criterion speaks of, when not everything of the baseline is known.

Where the branch may or may not apply, its limits are worked out for the baselines it would apply
to. So ALT without a baseline is still not grade 4 when neither branch reaches that.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from shared.clinical.ctcae.form import Direction, When
from shared.clinical.ctcae.sample import Baseline
from shared.clinical.quantity import Point, Span, multiply
from shared.contracts.graded import NotGradableReason

_FIVE = Decimal(5)


class Meant(NamedTuple):
    """The baselines a clause is about; ``certain``: the true one is among them."""

    span: Span
    certain: bool
    lacking: NotGradableReason | None = None


def baselines_meant(when: When | None, direction: Direction, baseline: Baseline) -> Meant | None:
    """None where the branch does not apply. A baseline sample itself has no branch: it is graded
    as if its baseline were normal."""
    if when is None:
        return Meant(baseline.span, certain=True)
    if baseline.itself:
        return Meant(baseline.span, certain=True) if when == "baseline_normal" else None
    outside = when != "baseline_normal"
    if when in ("baseline_up_to_5x_uln", "baseline_above_5x_uln"):
        above = _side(baseline, low=False, outside=True)
        return above and _beside_five(above, baseline, beyond=when == "baseline_above_5x_uln")
    low = when == "baseline_below_lln" or direction == "low"
    return _side(baseline, low=low, outside=outside)


def _side(baseline: Baseline, *, low: bool, outside: bool) -> Meant | None:
    """Baselines outside one limit of normal, or not outside it."""
    limit = baseline.range.lln if low else baseline.range.uln
    if baseline.indicator is not None:
        if (baseline.indicator == ("LOW" if low else "HIGH")) != outside:
            return None
        part = (
            None if baseline.known or limit is None else _part(baseline.span, limit, low, outside)
        )
        return Meant(part or baseline.span, certain=True)
    if limit is None:
        return Meant(baseline.span, certain=False, lacking="no_range")
    return _meant(baseline, baseline.span, limit, low=low, outside=outside)


def _beside_five(above: Meant, baseline: Baseline, *, beyond: bool) -> Meant | None:
    """Of the baselines above ULN those above, or not above, 5 x ULN."""
    uln = baseline.range.uln
    if uln is None:
        return Meant(above.span, certain=False, lacking="no_range")
    five = Span(*((multiply(number, _FIVE), beside) for number, beside in uln))
    found = _meant(baseline, above.span, five, low=False, outside=beyond)
    if found is None:
        return None
    return Meant(found.span, above.certain and found.certain, above.lacking or found.lacking)


def _meant(
    baseline: Baseline, span: Span, limit: Span, *, low: bool, outside: bool
) -> Meant | None:
    part = _part(span, limit, low, outside)
    if part is None:
        return None
    if _part(span, limit, low, not outside) is None:
        return Meant(part, certain=True)
    return Meant(part, certain=False, lacking=None if baseline.known else "no_baseline")


def _part(span: Span, limit: Span, low: bool, outside: bool) -> Span | None:
    """The part of a span that may lie outside (or not outside) a limit of normal with one or two
    readings; None where it is empty."""
    first, last = span
    if low and outside:
        last = min(last, _just(limit.last, -1))
    elif low:
        first = max(first, limit.first)
    elif outside:
        first = max(first, _just(limit.first, 1))
    else:
        last = min(last, limit.last)
    return None if first > last else Span(first, last)


def _just(point: Point, beside: int) -> Point:
    """The place just beside a number; one that is beside a number already stays."""
    return point if point[1] else (point[0], beside)
