"""Results that cannot be: a value outside what a living patient has, a specimen the test is never
taken from, an upper limit of normal that no laboratory has.

Such a result is wrong by its unit, a digit or its test, and which is for the site to say. Until
then it is graded as it stands, and is no proof that there was no toxicity
(`shared.clinical.doubts`).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from shared.clinical.analytes import analyte_of, unit_for
from shared.clinical.ctcae.model import Measurement
from shared.clinical.ctcae.sample import indicator_of, range_of, specimen_of
from shared.clinical.quantity import factor_between
from shared.contracts.facts import numeric
from shared.contracts.results import Measured, parse_result
from shared.document import build, read_yaml

WIDER = 3
"""How many times a published upper limit of normal a laboratory's own may be: those of eleven
laboratories differed 2.5-fold for one enzyme (see plausibility.yaml), and a digit too many or
another unit make it ten times and more."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Strict):
    """The least and the most a test can be, both plausible, in a unit (UCUM code)."""

    testcd: str
    unit: str
    low: Decimal | None = None
    high: Decimal | None = None
    source: str


class _Table(_Strict):
    limits: tuple[Limits, ...]
    upper_limits_of_normal: tuple[Limits, ...]
    only_in_blood: frozenset[str]
    not_in_urine: frozenset[str]


class _Ends(NamedTuple):
    """Limits in the unit of a result; ``factor``: how many of their own unit one of it is."""

    limits: Limits
    factor: Fraction


def limits() -> tuple[Limits, ...]:
    """What each result can be."""
    return _table().limits


def upper_limits() -> tuple[Limits, ...]:
    """Upper limits of normal as published, in ``high``."""
    return _table().upper_limits_of_normal


@lru_cache(maxsize=65536)
def implausible(
    testcd: str, result: str, unit: str | None, specimen: str | None = None
) -> str | None:
    """Why a result cannot be, in words; None where it can, or nothing is known of it."""
    if contradicts(testcd, specimen):
        return f"{testcd} is not measured in {(specimen or '').lower()}"
    if specimen_of(specimen or "") not in ("blood", "not_stated"):
        return None
    return _beyond(testcd, result, unit)


def _beyond(testcd: str, result: str, unit: str | None) -> str | None:
    """A bound such as ``<0.2`` says how far the assay reads and not what the value was."""
    ends, measured = _ends(limits, testcd, unit), parse_result(result)
    if ends is None or not isinstance(measured, Measured):
        return None
    limit, value = ends.limits, Fraction(measured.value) * ends.factor
    shown = f"{testcd} {result.strip()} {unit or ''}".strip()
    if limit.high is not None and value > limit.high and "<" not in measured.comparator:
        return f"{shown} is implausible, above {limit.high} {limit.unit}"
    if limit.low is not None and value < limit.low and not measured.comparator:
        return f"{shown} is implausible, below {limit.low} {limit.unit}"
    return None


@lru_cache(maxsize=4096)
def implausible_normal(
    testcd: str, upper: str | None, unit: str | None, specimen: str | None = None
) -> str | None:
    """Why an upper limit of normal cannot be, in words: with it a severe result looks normal."""
    uln, ends = range_of(None, upper).uln, _ends(upper_limits, testcd, unit)
    if uln is None or ends is None or ends.limits.high is None:
        return None
    if specimen_of(specimen or "") not in ("blood", "not_stated"):
        return None
    if Fraction(uln.first[0]) * ends.factor <= WIDER * ends.limits.high:
        return None
    return (
        f"{testcd} with an upper limit of normal of {upper} {unit} is implausible,"
        f" above {WIDER} times {ends.limits.high} {ends.limits.unit}"
    )


def contradicted(value: Measurement, standard: str | None, unit: str | None) -> str | None:
    """Why a result is not what its own record says of it elsewhere: the standardised result
    (LBSTRESN) is another one by a factor of two, which no rounding makes, or the laboratory's
    indicator (LBNRIND) calls it low or high where its range does not."""
    if standard is None and value.indicator is None:
        return None
    measured, shown = parse_result(value.result), f"{value.testcd} {value.result.strip()}"
    if not isinstance(measured, Measured) or measured.comparator:
        return None
    other, factor = numeric(standard), _factor(value, unit)
    if other is not None and factor is not None and other and measured.value:
        ratio = Fraction(measured.value) * factor / Fraction(other)
        if not Fraction(1, 2) < ratio < 2:
            return f"{shown} is {standard} {unit} by its standardised result"
    low, high = numeric(value.range_low), numeric(value.range_high)
    said = indicator_of(value.indicator or "")
    too_low = said == "LOW" and low is not None and measured.value > low
    too_high = said == "HIGH" and high is not None and measured.value < high
    return (
        f"{shown} is called {str(said).lower()} against its own range"
        if too_low or too_high
        else None
    )


def _factor(value: Measurement, unit: str | None) -> Fraction | None:
    """How many of the standard unit one of the result's unit is."""
    analyte, own, other = (
        analyte_of(value.testcd),
        unit_for(value.testcd, value.unit),
        unit_for(value.testcd, unit),
    )
    if analyte is None or own is None or other is None:
        return None
    return factor_between(own.ucum, other.ucum, analyte.testcd)


@lru_cache(maxsize=4096)
def contradicts(testcd: str, specimen: str | None) -> bool:
    """Whether a test is never taken from the specimen stated with it."""
    said, analyte, table = specimen_of(specimen or ""), analyte_of(testcd), _table()
    if analyte is None or said not in ("urine", "other"):
        return False
    in_urine = said == "urine" and analyte.testcd in table.not_in_urine
    return in_urine or analyte.testcd in table.only_in_blood


@lru_cache(maxsize=4096)
def _ends(rows: Callable[[], tuple[Limits, ...]], testcd: str, unit: str | None) -> _Ends | None:
    analyte, own = analyte_of(testcd), unit_for(testcd, unit)
    for limit in rows():
        if own is not None and analyte is not None and limit.testcd == analyte.testcd:
            # A pH is a plain number, however its unit is written.
            same = limit.testcd == "PH"
            factor = Fraction(1) if same else factor_between(own.ucum, limit.unit, limit.testcd)
            if factor is not None:
                return _Ends(limit, factor)
    return None


@cache
def _table() -> _Table:
    path = Path(__file__).with_name("plausibility.yaml")
    return build(read_yaml(path.read_text(encoding="utf-8")), _Table)
