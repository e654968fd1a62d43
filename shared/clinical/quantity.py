"""Numbers with a unit: spellings from many laboratories read as one, conversions exact.

A unit misread is a grade misread: 1500 of ``10^3/mL`` and of ``10^3/uL`` are a thousandfold apart.
So a spelling the table (``units.yaml``) does not hold is unknown rather than guessed, and a factor
is a fraction of whole numbers that no rounding can move across a limit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from shared.contracts.results import Measured
from shared.document import build, read_yaml

Point = tuple[Decimal, int]
"""A place on the number line: a number, or (-1, +1) the place just below or just above it."""

INFINITY = Decimal("Infinity")

_EXACT = Context(prec=200, Emax=9999, Emin=-9999, traps=[Inexact, InvalidOperation, Overflow])
multiply: Callable[[Decimal, Decimal], Decimal] = _EXACT.multiply
"""Product without rounding; raises `decimal.Inexact` instead (beyond 200 digits)."""


class Span(NamedTuple):
    """Every value a reported result may be: one point, or an interval for ``<0.2``."""

    first: Point
    last: Point


def span_of(result: Measured) -> Span:
    """The values a measured result stands for. Counts and concentrations: nothing is below 0."""
    value = result.value
    if not result.comparator:
        return Span((value, 0), (value, 0))
    beside = {"<": -1, ">": 1}.get(result.comparator, 0)
    if result.comparator in ("<", "<="):
        return Span((Decimal(0), 0), (value, beside))
    return Span((value, beside), (INFINITY, 0))


def is_at_least(point: Point, limit: Decimal) -> bool:
    """``point >= limit``."""
    return point[0] > limit or (point[0] == limit and point[1] >= 0)


def is_below(point: Point, limit: Decimal) -> bool:
    """``point < limit``."""
    return not is_at_least(point, limit)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Unit(_Strict):
    """A unit: its UCUM code and how many of its kind's base unit one of it is."""

    ucum: str
    kind: str
    factor: Decimal
    spellings: tuple[str, ...]
    source: str


class Conversion(_Strict):
    """How many of unit ``target`` one of unit ``unit`` is, for the analytes named: where the two
    differ in kind (mass, amount of substance, charge)."""

    analytes: tuple[str, ...]
    unit: str
    target: str
    factor: Decimal
    source: str


class _Table(_Strict):
    units: tuple[Unit, ...]
    conversions: tuple[Conversion, ...]


_POWER = re.compile(r"[xX]?10(?:\^|\*{1,2}|[eE]\+?|[xX])?\(?0?(3|4|5|6|9|12)\)?(?=/)")
_CUBIC_MM = re.compile(r"/(?:mm\^3|mm\*3|cu\.?mm|c\.?mm|cubicmm)$", re.IGNORECASE)
_CELLS = re.compile(r"cells?(?=/)", re.IGNORECASE)
_MICROLITRE = re.compile(r"(?<=/)mc(?=l$)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def unit_of(text: str) -> Unit | None:
    """The unit a spelling means, or None where the table does not hold it.

    Letters are compared as written first (``G/L`` is giga per litre, ``g/L`` is gram); without
    regard to case only where that leaves one unit.
    """
    exact, folded = _spellings()
    spelling = _normal(text)
    return exact.get(spelling) or folded.get(spelling.casefold())


@lru_cache(maxsize=4096)
def factor_between(source: str, target: str, analyte: str) -> Fraction | None:
    """How many ``target`` one ``source`` is (UCUM codes) for this analyte; None where they do not
    convert. Exact."""
    units = units_by_code()
    if source not in units or target not in units:
        return None
    return _between(units[source], units[target], analyte)


def _between(source: Unit, target: Unit, analyte: str) -> Fraction | None:
    factor = Fraction(source.factor) / Fraction(target.factor)
    if source.kind == target.kind:
        return factor
    bridge = _bridges().get(analyte, {})
    if source.kind not in bridge or target.kind not in bridge:
        return None
    return factor * bridge[source.kind] / bridge[target.kind]


@cache
def _bridges() -> dict[str, dict[str, Fraction]]:
    """By analyte and kind: one base unit of the kind, in the base unit of the kind that all of the
    analyte's conversions lead to."""
    units, bridges = units_by_code(), dict[str, dict[str, Fraction]]()
    for item in conversions():
        start, end = units[item.unit], units[item.target]
        factor = Fraction(item.factor) * Fraction(end.factor) / Fraction(start.factor)
        for analyte in item.analytes:
            bridges.setdefault(analyte, {end.kind: Fraction(1)})[start.kind] = factor
    return bridges


def conversions() -> tuple[Conversion, ...]:
    """Every conversion that holds for named analytes only."""
    return _table().conversions


@cache
def units_by_code() -> MappingProxyType[str, Unit]:
    """Every unit of the table by its UCUM code."""
    return MappingProxyType({unit.ucum: unit for unit in _table().units})


@cache
def _table() -> _Table:
    path = Path(__file__).with_name("units.yaml")
    return build(read_yaml(path.read_text(encoding="utf-8")), _Table)


@cache
def _spellings() -> tuple[dict[str, Unit], dict[str, Unit]]:
    return spellings_of(_table().units)


def spellings_of(units: Iterable[Unit]) -> tuple[dict[str, Unit], dict[str, Unit]]:
    """Units by exact spelling, and by spelling without case where that leaves one unit; ValueError
    where one spelling is given to two units."""
    exact: dict[str, Unit] = {}
    folded: dict[str, list[Unit]] = {}
    for unit in units:
        for spelling in dict.fromkeys(map(_normal, (unit.ucum, *unit.spellings))):
            if exact.setdefault(spelling, unit) is not unit:
                raise ValueError(f"{spelling} is spelled for two units")
            folded.setdefault(spelling.casefold(), []).append(unit)
    clear = {text: found[0] for text, found in folded.items() if all(u is found[0] for u in found)}
    return exact, clear


def _normal(text: str) -> str:
    """One spelling for what differs only in typography: ``x 10⁹ / L``, ``10^9/L``, ``10E9/L``."""
    plain = "".join(unicodedata.normalize("NFKC", text.replace("×", "x")).split())
    plain = _MICROLITRE.sub("u", plain.replace("\u03bc", "u"))
    plain = _CUBIC_MM.sub("/mm3", _CELLS.sub("", plain))
    return _POWER.sub(r"10*\1", plain, count=1) if plain[:1] in "xX1" else plain
