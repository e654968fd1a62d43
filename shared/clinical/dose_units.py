"""Doses in another unit than they were planned in: converted where that is exact, else in doubt.

A record states the planned dose without a unit of its own. Where it is the number of the plan (the
assignment's, or that of the treatment's first dose) it is of the plan's unit, whatever unit the
given dose has; any other number is the subject's own dose, in the unit of the record.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from shared.clinical.case import Case
from shared.clinical.timeline import Entry
from shared.contracts.facts import Dose

_MASS = {
    "kg": Fraction(1000),
    "g": Fraction(1),
    "mg": Fraction(1, 10**3),
    "ug": Fraction(1, 10**6),
    "ng": Fraction(1, 10**9),
}
_SPELLED = {"mcg": "ug", "\u03bcg": "ug", "gram": "g", "grams": "g"}
_TENFOLD = 10
"""Units of mass are a thousandfold apart: a dose so far from its plan is a slip of one of them."""


class Plan(NamedTuple):
    """A planned dose with its unit."""

    amount: Fraction
    unit: str


class Amounts(NamedTuple):
    """Planned and given in one unit."""

    planned: Fraction
    given: Fraction


def amounts_of(dose: Dose, plan: Plan | None) -> Amounts | None:
    """What was planned and given of a dose; None where one of them is not stated, or their units do
    not compare."""
    if dose.planned_dose is None or (dose.ECOCCUR == "Y" and dose.ECDOSE is None):
        return None
    planned = _exact(dose.planned_dose)
    given = _exact(dose.ECDOSE or "0") if dose.ECOCCUR == "Y" else Fraction(0)
    if plan is None or dose.ECDOSU is None or planned != plan.amount or not given:
        return Amounts(planned, given)
    factor = factor_of(dose.ECDOSU, plan.unit)
    if factor is None:
        return None
    given *= factor
    near = planned < given * _TENFOLD and given < planned * _TENFOLD
    return Amounts(planned, given) if factor == 1 or near else None


def plan_of(case: Case, treatment: str) -> Plan | None:
    """The planned dose of a treatment by the subject's assignment, or else by the first record of
    it that states unit and plan."""
    first = case.protocol.window.day_1_is_first_dose_of
    if treatment == first and case.assigned is not None:
        amount, unit = case.assigned.planned_dose, case.assigned.dose_unit
        if amount is not None and unit is not None:
            return Plan(_exact(amount), unit)
    stated = sorted(
        (entry.dates(case.zone), entry.fact.fact_id, dose.planned_dose, dose.ECDOSU)
        for entry, dose in _doses(case)
        if treatment == dose.ECTRT and dose.planned_dose is not None and dose.ECDOSU is not None
    )
    return Plan(_exact(stated[0][2]), stated[0][3]) if stated else None


def doses_in_doubt(case: Case) -> Iterator[tuple[str, Entry]]:
    """The doses whose unit does not compare with the plan's, and why in words."""
    plans = {name: plan_of(case, name) for name in case.protocol.treatments}
    for entry, dose in _doses(case):
        plan = plans.get(dose.ECTRT)
        if plan is not None and is_in_doubt(dose, plan):
            planned = f"{dose.ECTRT}: {dose.planned_dose} {plan.unit} planned"
            yield f"{planned}, {dose.ECDOSE} {dose.ECDOSU} given: which unit is right", entry


def is_in_doubt(dose: Dose, plan: Plan) -> bool:
    """Whether plan and dose are stated, and do not compare."""
    stated = dose.planned_dose is not None and dose.ECDOSE is not None
    return stated and amounts_of(dose, plan) is None


def _doses(case: Case) -> Iterator[tuple[Entry, Dose]]:
    for standing in case.doses:
        for entry in standing.entries:
            if isinstance(entry.record, Dose):
                yield entry, entry.record


_exact = lru_cache(maxsize=4096)(Fraction)


@lru_cache(maxsize=1024)
def factor_of(unit: str, other: str) -> Fraction | None:
    """How many of the other unit one of a unit is; None where they do not compare."""
    (of, per), (other_of, other_per) = _parts(unit), _parts(other)
    if per != other_per:
        return None
    if of == other_of:
        return Fraction(1)
    return _MASS[of] / _MASS[other_of] if of in _MASS and other_of in _MASS else None


def _parts(unit: str) -> tuple[str, tuple[str, ...]]:
    """What is given, and per what: ``mg/m2`` is milligrams per square metre."""
    plain = unicodedata.normalize("NFKC", unit).casefold().replace("^", "")
    of, *per = ("".join(part.split()) for part in plain.split("/"))
    return _SPELLED.get(of, of), tuple(sorted(per))
