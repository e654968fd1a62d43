"""The limits of a criterion for values of one unit, as whole-number multiples ready to be compared.

Where NCI prints a limit in the reported unit it is used as printed. Else the value is converted
once: not by dividing, but by multiplying value and limit with whole numbers, so that the comparison
is exact. All limits of a criterion share one such ``scale``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import NamedTuple

from shared.clinical.ctcae.criteria import Criterion
from shared.clinical.ctcae.form import (
    BesideDocument,
    ClauseDocument,
    Comparison,
    ConditionDocument,
    Reference,
    When,
)
from shared.clinical.ctcae.model import UnitSystem
from shared.clinical.quantity import factor_between, multiply, units_by_code

add: Callable[[Decimal, Decimal], Decimal] = Context(prec=200, traps=[Inexact]).add
"""Sum without rounding; raises `decimal.Inexact` instead (beyond 200 digits)."""

SIGNS: Mapping[Comparison, str] = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
_NAMES: Mapping[Reference, str] = {"uln": "ULN", "lln": "LLN", "baseline": "baseline"}


class Limit(NamedTuple):
    """``value x scale <comparison> multiplier x reference + addend``; an absolute limit is the
    addend alone. The distance between the sides is ``per`` times that in the limit's unit.
    ``is_plain``: the reference itself, neither multiplied nor moved."""

    comparison: Comparison
    reference: Reference
    multiplier: Decimal
    addend: Decimal
    per: int
    is_plain: bool


class ScaledClause(NamedTuple):
    """A clause of ``grade`` with its limits, and the limits as text. ``is_bare``: nothing but the
    value, its range and its baseline matters."""

    grade: int
    when: When | None
    limits: tuple[Limit, ...]
    beside: BesideDocument | None
    fasting: bool
    needs: tuple[str, ...]
    without: tuple[str, ...]
    is_bare: bool
    text: str
    unit_system: UnitSystem


class Scaled(NamedTuple):
    """A criterion for one unit: the value is multiplied by ``scale``; the worst grade first."""

    scale: int
    clauses: tuple[ScaledClause, ...]
    branches: tuple[When | None, ...]
    unit_system: UnitSystem


@lru_cache(maxsize=4096)
def scaled(criterion: Criterion, unit: str, baseline_unit: str) -> Scaled | None:
    """The limits for a value in this unit (UCUM) and a baseline in one that converts to it; None
    where the unit does not belong to the test."""
    if not belongs(criterion, unit):
        return None
    to_own = factor_between(baseline_unit, unit, criterion.testcd)
    assert to_own is not None
    conditions = [one for _, clause in criterion.clauses for one in clause.conditions]
    into = {id(one): _into(one.figures, criterion, unit) for one in conditions if one.figures}
    scale = lcm(to_own.denominator, *(factor.numerator for _, factor in into.values()))
    reader = _Reader(criterion, unit, scale, to_own, into)
    clauses = tuple(reader.clause(grade, clause) for grade, clause in criterion.clauses)
    systems = [clause.unit_system for clause in clauses if clause.unit_system != "multiple"]
    branches = tuple({clause.when: None for clause in clauses})
    return Scaled(scale, clauses, branches, systems[0] if systems else "multiple")


def belongs(criterion: Criterion, unit: str) -> bool:
    """Whether values of this unit can be compared: it converts into the criterion's own unit or one
    that limits are printed in."""
    own = criterion.document.unit
    if own is not None and factor_between(unit, own, criterion.testcd) is not None:
        return True
    return any(
        factor_between(unit, printed, criterion.testcd) is not None
        for _, clause in criterion.clauses
        for one in clause.conditions
        for printed in one.figures
    )


def _into(figures: Mapping[str, Decimal], criterion: Criterion, unit: str) -> tuple[str, Fraction]:
    """The printed unit to compare in, and how many of it one reported unit is: the reported unit
    itself, else one of its kind, else NCI's SI unit, else the first that converts. There is one for
    every unit that belongs to the criterion."""
    kind, own = units_by_code()[unit].kind, criterion.document.unit

    def rank(code: str) -> tuple[bool, bool, bool]:
        return code != unit, units_by_code()[code].kind != kind, code != own

    return next(
        (code, factor)
        for code in sorted(figures, key=rank)
        if (factor := factor_between(unit, code, criterion.testcd)) is not None
    )


class _Reader(NamedTuple):
    criterion: Criterion
    unit: str
    scale: int
    to_own: Fraction
    into: Mapping[int, tuple[str, Fraction]]

    def clause(self, grade: int, clause: ClauseDocument) -> ScaledClause:
        texts = [self._text(condition) for condition in clause.conditions]
        texts += [beside_text(clause.beside)] if clause.beside else []
        return ScaledClause(
            grade=grade,
            when=clause.when,
            limits=tuple(self._limit(condition) for condition in clause.conditions),
            beside=clause.beside,
            fasting=clause.fasting,
            needs=clause.needs,
            without=clause.without,
            is_bare=not (clause.beside or clause.fasting or clause.needs or clause.without),
            text=" and ".join(texts),
            unit_system=self._unit_system(clause),
        )

    def _limit(self, condition: ConditionDocument) -> Limit:
        reference, multiplier, addend, per = condition.reference, Decimal(0), Decimal(0), self.scale
        if reference == "baseline":
            whole = self.scale * self.to_own.numerator // self.to_own.denominator
            multiplier = multiply(condition.factor, Decimal(whole))
        elif reference != "absolute":
            multiplier = multiply(condition.factor, Decimal(self.scale))
        if condition.figures:
            code, factor = self.into[id(condition)]
            per = self.scale * factor.denominator // factor.numerator
            addend = multiply(condition.figures[code], Decimal(per))
        is_plain = condition.factor == 1 and not addend
        return Limit(condition.comparison, reference, multiplier, addend, per, is_plain)

    def _unit_system(self, clause: ClauseDocument) -> UnitSystem:
        if not clause.figures:
            return "multiple"
        code = self.into[id(clause)][0]
        if code != self.unit:
            return "converted"
        return "SI" if code == self.criterion.document.unit else "conventional"

    def _text(self, condition: ConditionDocument) -> str:
        sign, reference = SIGNS[condition.comparison], condition.reference
        if reference == "absolute":
            code = self.into[id(condition)][0]
            return f"{sign} {condition.figures[code]} {code}"
        name = _NAMES[reference]
        if (percent := condition.change_percent) is not None:
            return f"{sign} {name} {_signed(percent)} %"
        multiple = name if condition.factor == 1 else f"{condition.factor} x {name}"
        if not condition.figures:
            return f"{sign} {multiple}"
        code = self.into[id(condition)][0]
        return f"{sign} {multiple} {_signed(condition.figures[code])} {code}"


def beside_text(beside: BesideDocument) -> str:
    """The condition on another measurement, in the first unit NCI prints."""
    code, figure = next(iter(beside.limits.items()))
    return f"{beside.test} {SIGNS[beside.comparison]} {figure} {code}"


def _signed(figure: Decimal) -> str:
    return f"{'-' if figure < 0 else '+'} {abs(figure)}"
