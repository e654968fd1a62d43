"""QTcF outliers: the longest value of each subject and its rise from before treatment.

Source: ICH E14, The Clinical Evaluation of QT/QTc Interval Prolongation, 2005, categorical
analyses: above 450, 480 and 500 ms; a rise of more than 30 and 60 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from shared.clinical.analytes import unit_for
from shared.clinical.ctcae.sample import span_of_result
from shared.clinical.figures.liver import rounded_down
from shared.clinical.person import Person
from shared.clinical.quantity import factor_between
from shared.clinical.samples import Sample, is_before, is_flagged
from shared.contracts.figures import QtPoint

ABOVE: Final[tuple[Literal[450, 480, 500], ...]] = (450, 480, 500)
RISE_ABOVE: Final[tuple[Literal[30, 60], ...]] = (30, 60)

_Point = tuple[Fraction, int]
"""A length in ms, or the place just below (-1) or above (1) it."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One QTcF: from ``low`` to ``high``, None where it has no such end; both None where it could
    not be read."""

    first: date
    moment: tuple[bool, datetime]
    before: bool
    derived: bool
    low: _Point | None
    high: _Point | None


def qt_point(person: Person) -> QtPoint:
    """One subject's longest QTcF and its largest rise."""
    readings = list(_readings(person))
    after = [one for one in readings if not one.before]
    known = [(one.low, one) for one in after if one.low is not None]
    longest, at = max(known, key=lambda one: one[0], default=(None, None))
    baseline = _baseline([one for one in readings if one.before])
    rise = (longest[0] - baseline, longest[1]) if longest and baseline else None
    start = person.start.first if person.start else None
    unclear = any(one.high is None or longest is None or one.high > longest for one in after)
    return QtPoint(
        usubjid=person.usubjid,
        longest=rounded_down(longest[0], 1) if longest else None,
        on=at.first if at else None,
        day=(at.first - start).days + 1 if at and start else None,
        baseline=rounded_down(baseline, 1) if baseline else None,
        rise=_signed(rise[0]) if rise else None,
        open_above=unclear,
        derived=any(one.derived for one in readings),
        above=_above(longest),
        rise_above=_rise_above(rise),
        why_none=_why_none(after, longest, baseline),
    )


def _readings(person: Person) -> Iterator[_Reading]:
    for record in person.measurements().of("ecg", "QTCF"):
        for sample in record:
            entry = sample.entry
            low, high = _milliseconds(sample)
            yield _Reading(
                first=entry.dates(person.zone)[0],
                moment=(is_flagged(entry), entry.instants(person.zone)[1]),
                before=is_before(entry, person.zone, person.start),
                derived=sample.derived is not None,
                low=low,
                high=high,
            )


def _milliseconds(sample: Sample) -> tuple[_Point | None, _Point | None]:
    span = span_of_result(sample.value.result)
    unit = unit_for("QTCF", sample.value.unit)
    factor = factor_between(unit.ucum, "ms", "QTCF") if unit else None
    if isinstance(span, str) or factor is None:
        return None, None
    first, last = span
    low = (Fraction(first[0]) * factor, first[1]) if first[0] > 0 else None
    return low, (Fraction(last[0]) * factor, last[1]) if last[0].is_finite() else None


def _baseline(before: Sequence[_Reading]) -> Fraction | None:
    """The last value before treatment, the shortest of several of one time; None where it is not
    one number."""
    last = max((one.moment for one in before), default=None)
    of_that_time = [one for one in before if one.moment == last]
    if any(one.low is None or one.low != one.high for one in of_that_time):
        return None
    return min((one.low[0] for one in of_that_time if one.low), default=None)


def _above(longest: _Point | None) -> Literal[0, 450, 480, 500] | None:
    if longest is None:
        return None
    return max((limit for limit in ABOVE if longest > (limit, 0)), default=0)


def _rise_above(rise: _Point | None) -> Literal[0, 30, 60] | None:
    if rise is None:
        return None
    return max((limit for limit in RISE_ABOVE if rise > (limit, 0)), default=0)


def _signed(rise: Fraction) -> Decimal:
    return rounded_down(rise, 1) if rise >= 0 else -rounded_down(-rise, 1)


def _why_none(
    after: Sequence[_Reading], longest: _Point | None, baseline: Fraction | None
) -> str | None:
    if not after:
        return "no QTcF on treatment, reported or derived"
    if longest is None:
        return "no QTcF on treatment could be read as a length"
    return "no single QTcF before treatment" if baseline is None else None
