"""Reads a reported result and its context into what the criteria compare.

Everything unusable is recognised here, once: a result that is no number, an unknown unit or
specimen, a range that means nothing, a baseline that cannot be judged. The result itself is read
apart from its context, because one context serves many results.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from decimal import Context as DecimalContext
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from shared.clinical.analytes import unit_for
from shared.clinical.ctcae.form import Indicator
from shared.clinical.ctcae.model import Measurement
from shared.clinical.quantity import INFINITY, Point, Span, factor_between, span_of
from shared.contracts.graded import NotGradableReason
from shared.contracts.results import Character, Measured, parse_result

ANYTHING = Span((Decimal(0), 0), (INFINITY, 0))
_DIGITS = 40
_FROM_BELOW = Span((-INFINITY, 0), (INFINITY, 0))

_BLOOD = frozenset({"BLOOD", "SERUM", "PLASMA", "BLD", "SER", "PLAS"})
_URINE = frozenset({"URINE", "UR", "URINALYSIS"})
_OTHER = frozenset(
    {"CEREBROSPINAL", "CSF", "STOOL", "FECES", "SALIVA", "SPUTUM", "SWEAT", "BILE", "TISSUE",
     "MARROW", "PLEURAL", "PERITONEAL", "ASCITES", "ASCITIC", "SYNOVIAL", "PERICARDIAL", "LAVAGE"}
)  # fmt: skip
_TWO_READINGS = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*-\s*(\d+(?:\.\d*)?|\.\d+)\s*")


class Range(NamedTuple):
    """The limits of normal where they can be relied on; a span where they have two readings."""

    lln: Span | None
    uln: Span | None


class Baseline(NamedTuple):
    """What is known of the baseline: its number in ``unit``, its range in the same unit, and its
    indicator. Where no number is known the span is everything and the range the value's own.
    ``itself``: the value at hand is the baseline."""

    span: Span
    unit: str
    range: Range
    indicator: Indicator | None = None
    known: bool = True
    itself: bool = False


def span_of_result(text: str, *, signed: bool = False) -> Span | NotGradableReason:
    """The values a result may be, or why it is no use: not done, no number, or negative where the
    analyte cannot be."""
    measured = parse_result(text)
    if isinstance(measured, Character):
        said = text.strip().upper()
        return "not_done" if said in ("", "NOT DONE") else "character_result"
    if signed:
        return _signed(measured)
    if measured.value < 0 or (measured.value == 0 and measured.comparator == "<"):
        return "needs_clinical_input"
    return span_of(measured)


def _signed(measured: Measured) -> Span:
    found = span_of(measured)
    if measured.comparator in ("<", "<="):
        return Span(_FROM_BELOW.first, found.last)
    return found


@lru_cache(maxsize=1024)
def specimen_of(text: str) -> Literal["blood", "urine", "other", "unclear", "not_stated"]:
    """Which of the specimens the criteria speak of, something else under the same test code, or
    nothing that is understood."""
    words = frozenset(re.findall("[A-Z]+", text.upper()))
    if not words:
        return "not_stated"
    if words & _BLOOD:
        return "blood"
    if words & _URINE:
        return "urine"
    return "other" if words & _OTHER else "unclear"


@lru_cache(maxsize=4096)
def range_of(low: str | None, high: str | None) -> Range:
    """LLN and ULN. A lower limit of 0 is how some laboratories say that there is none; taken at its
    word it would make every low value normal. Nor does an upper limit of 0 mean anything, or a
    range whose ends are crossed."""
    lln, uln = _limit(low, (">", ">=")), _limit(high, ("<", "<="))
    if lln is not None and uln is not None and lln.first[0] > uln.last[0]:
        return Range(None, None)
    return Range(lln, uln)


def _limit(text: str | None, comparators: tuple[str, ...]) -> Span | None:
    """A limit of normal: a number; two readings (``35-40``); or the normal values (``<40`` as upper
    limit, ``>=5`` as lower), where it is open whether the figure itself is normal for ``<``."""
    if text is None:
        return None
    if two := _TWO_READINGS.fullmatch(text):
        first, last = Decimal(two[1]), Decimal(two[2])
        return Span((first, 0), (last, 0)) if 0 < first <= last else None
    found = parse_result(text)
    if isinstance(found, Character) or found.value <= 0:
        return None
    at: Point = (found.value, 0)
    if found.comparator and found.comparator not in comparators:
        return None
    if found.comparator == "<":
        return Span((found.value, -1), at)
    return Span(at, (found.value, 1)) if found.comparator == ">" else Span(at, at)


def baseline_of(
    baseline: Measurement | None, unit: str, normal: Range, testcd: str, *, signed: bool
) -> Baseline:
    """The baseline beside a value in ``unit`` (UCUM) with the range ``normal``. What a baseline
    lacks of a range is that one, in the baseline's unit."""
    nothing = Baseline(_FROM_BELOW if signed else ANYTHING, unit, normal, known=False)
    if baseline is None:
        return nothing
    indicator = indicator_of(baseline.indicator or "")
    span = span_of_result(baseline.result, signed=signed)
    own = unit_for(baseline.testcd, baseline.unit)
    stated = range_of(baseline.range_low, baseline.range_high)
    factor = factor_between(unit, own.ucum, testcd) if own is not None else None
    if isinstance(span, str) or own is None or factor is None:
        return nothing._replace(indicator=indicator)
    lln, uln = (limit and _converted(limit, factor) for limit in normal)
    return Baseline(span, own.ucum, Range(stated.lln or lln, stated.uln or uln), indicator)


def _converted(limit: Span, factor: Fraction) -> Span:
    """A limit in another unit; where no decimal says it exactly, between two that no reported
    number lies between."""
    (first, below), (last, above) = limit
    return Span(
        (_times(first, factor, ROUND_FLOOR), below), (_times(last, factor, ROUND_CEILING), above)
    )


def _times(number: Decimal, factor: Fraction, rounding: str) -> Decimal:
    context = DecimalContext(prec=_DIGITS, rounding=rounding)
    return context.divide(context.multiply(number, Decimal(factor.numerator)), factor.denominator)


@lru_cache(maxsize=256)
def indicator_of(text: str) -> Indicator | None:
    """LBNRIND and BNRIND as reported (``HIGH``, ``HIGH HIGH``, ``h``); None for ``ABNORMAL`` and
    whatever else does not say which side."""
    words = set(text.upper().split())
    known: dict[Indicator, set[str]] = {
        "LOW": {"LOW", "L", "LL"},
        "NORMAL": {"NORMAL", "N"},
        "HIGH": {"HIGH", "H", "HH"},
    }
    return next((name for name, spelled in known.items() if words and words <= spelled), None)
