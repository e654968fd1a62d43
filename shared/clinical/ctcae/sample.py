"""Reads a reported value into what the criteria compare: a number, a unit, a range, a baseline.

Everything unusable is recognised here, once: a result that is no number, an unknown unit or
specimen, a range that means nothing, a baseline that cannot be judged.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

from shared.clinical.ctcae.model import LabValue
from shared.clinical.quantity import (
    INFINITY,
    Point,
    Span,
    Unit,
    factor_between,
    multiply,
    span_of,
    unit_of,
)
from shared.contracts.facts import numeric
from shared.contracts.graded import NotGradableReason
from shared.contracts.results import Character, parse_result

ONE = Decimal(1)
ZERO = Decimal(0)

_EVERY_BASELINE = Span((ZERO, 0), (INFINITY, 0))
_BLOOD = frozenset({"BLOOD", "SERUM", "PLASMA", "BLD", "SER", "PLAS"})
_NOT_BLOOD = frozenset(
    {"URINE", "CEREBROSPINAL", "CSF", "STOOL", "FECES", "SALIVA", "SPUTUM", "SWEAT", "BILE",
     "TISSUE", "MARROW", "PLEURAL", "PERITONEAL", "ASCITES", "ASCITIC", "SYNOVIAL", "PERICARDIAL",
     "LAVAGE"}
)  # fmt: skip


class Baseline(NamedTuple):
    """The baseline in the value's unit after both are multiplied by whole numbers: ``scale`` is the
    value's. ``uln`` is the baseline's own upper limit; ``itself``: the value is the baseline."""

    span: Span
    uln: Decimal | None
    scale: Decimal = ONE
    known: bool = True
    itself: bool = False


class Sample(NamedTuple):
    """A value ready to be compared; ``lln`` and ``uln`` are in its own unit."""

    span: Span
    unit: Unit
    lln: Decimal | None
    uln: Decimal | None
    baseline: Baseline


def sample_of(
    value: LabValue, baseline: LabValue | None, is_baseline: bool
) -> Sample | NotGradableReason:
    """The value ready to be compared, or why it cannot be."""
    span = usable_span(value.result)
    if isinstance(span, str):
        return span
    if specimen_of(value.specimen or "") == "unclear":
        return "needs_clinical_input"
    unit = unit_of(value.unit) if value.unit else None
    if unit is None:
        return "unit_unknown"
    lln, uln = limits_of(value.range_low, value.range_high)
    if is_baseline:
        return Sample(span, unit, lln, uln, Baseline(span, uln, itself=True))
    known = None if baseline is None else _known_baseline(baseline, unit.ucum)
    # Nothing known: any baseline, judged normal or abnormal by the range of the value at hand.
    return Sample(span, unit, lln, uln, known or Baseline(_EVERY_BASELINE, uln, known=False))


def usable_span(result: str) -> Span | NotGradableReason:
    """The values a result may be, or why it is no use: no number, or a negative concentration."""
    measured = parse_result(result)
    if isinstance(measured, Character):
        return "character_result"
    if measured.value < 0 or (measured.value == 0 and measured.comparator == "<"):
        return "needs_clinical_input"
    return span_of(measured)


@lru_cache(maxsize=1024)
def specimen_of(text: str) -> Literal["blood", "other", "unclear"]:
    """What the criteria speak of, something else under the same LBTESTCD (urine), or neither."""
    words = frozenset(re.findall("[A-Z]+", text.upper()))
    if not words or words & _BLOOD:
        return "blood"
    return "other" if words & _NOT_BLOOD else "unclear"


@lru_cache(maxsize=4096)
def limits_of(low: str | None, high: str | None) -> tuple[Decimal | None, Decimal | None]:
    """LLN and ULN where they can be relied on. A lower limit of 0 is how some laboratories say that
    there is none; taken at its word it would make every low value normal. Nor does an upper limit
    of 0 mean anything, or a range whose ends are crossed."""
    lln, uln = _positive(numeric(low)), _positive(numeric(high))
    if lln is not None and uln is not None and lln > uln:
        return None, None
    return lln, uln


def _positive(limit: Decimal | None) -> Decimal | None:
    return limit if limit is not None and limit > 0 else None


def times(point: Point, factor: Decimal) -> Point:
    """The place multiplied by a positive factor."""
    return point if factor is ONE else (multiply(point[0], factor), point[1])


@lru_cache(maxsize=4096)
def _known_baseline(baseline: LabValue, unit: str) -> Baseline | None:
    span = usable_span(baseline.result)
    own = unit_of(baseline.unit) if baseline.unit else None
    uln = limits_of(baseline.range_low, baseline.range_high)[1]
    if isinstance(span, str) or own is None or uln is None:
        return None
    factor = factor_between(own.ucum, unit, baseline.testcd)
    if factor is None:
        return None
    numerator = Decimal(factor.numerator)
    return Baseline(
        Span(times(span.first, numerator), times(span.last, numerator)),
        multiply(uln, numerator),
        scale=Decimal(factor.denominator),
    )
