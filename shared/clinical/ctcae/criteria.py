"""Reads the criteria: one YAML file per organ group and version, checked when loaded.

A criterion lists per grade the clauses that give it; each clause compares the value with limits in
the units NCI prints, or with a multiple of the upper or lower limit of normal or of the baseline.
The words are closed and a misspelt one is an error with its line, because a clause that is silently
ignored is a grade that is silently missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.clinical.document import build, read_yaml
from shared.clinical.quantity import factor_between, multiply, unit_of, units_by_code

FOLDERS = MappingProxyType({"4.03": "v4_03", "5.0": "v5", "6.0": "v6"})
"""The folder of each CTCAE version."""

Comparison = Literal["above", "at_least", "below"]
Reference = Literal["absolute", "uln", "lln", "baseline"]
When = Literal[
    "baseline_normal", "baseline_abnormal", "baseline_up_to_5x_uln", "baseline_above_5x_uln"
]

SIGNS: Mapping[Comparison, str] = {"above": ">", "at_least": ">=", "below": "<"}
_REFERENCES: tuple[Literal["uln", "lln", "baseline"], ...] = ("uln", "lln", "baseline")
_UPWARD = ("above", "at_least")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConditionDocument(_Strict):
    """One comparison, for example ``below: {10*9/L: 25, /mm3: 25000}`` or ``above: {uln: 3}``."""

    above: dict[str, Decimal] | None = None
    at_least: dict[str, Decimal] | None = None
    below: dict[str, Decimal] | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> ConditionDocument:
        if len(self._given()) != 1:
            raise ValueError("give exactly one of above, at_least, below")
        reference, limits = self.reference, self.limits
        if not limits or (reference != "absolute" and len(limits) > 1):
            raise ValueError("give limits by unit, or one of uln, lln, baseline with its factor")
        if reference == "absolute" and any(unit not in units_by_code() for unit in limits):
            raise ValueError("a limit's unit is not a UCUM code of units.yaml")
        return self

    @property
    def comparison(self) -> Comparison:
        """Which way the value is compared."""
        return self._given()[0][0]

    @property
    def limits(self) -> dict[str, Decimal]:
        """The limits as printed, by unit; or the factor of the one reference."""
        return self._given()[0][1]

    @property
    def reference(self) -> Reference:
        """What the value is compared with."""
        return next((name for name in _REFERENCES if name in self.limits), "absolute")

    def _given(self) -> list[tuple[Comparison, dict[str, Decimal]]]:
        given: tuple[tuple[Comparison, dict[str, Decimal] | None], ...] = (
            ("above", self.above),
            ("at_least", self.at_least),
            ("below", self.below),
        )
        return [(name, limits) for name, limits in given if limits is not None]

    def condition(self, testcd: str) -> Condition:
        """The condition as grading uses it, for one analyte."""
        if self.reference != "absolute":
            factor = self.limits[self.reference]
            return Condition(self.comparison, self.reference, factor, MappingProxyType({}))
        limits = {unit: _limit(unit, self.limits, testcd) for unit in units_by_code()}
        usable = {unit: limit for unit, limit in limits.items() if limit is not None}
        return Condition(self.comparison, "absolute", Decimal(1), MappingProxyType(usable))


class ClauseDocument(ConditionDocument):
    """A condition, when it applies, what must hold besides, and what a number cannot tell.

    A clause with ``needs`` counts for the worst case only.
    """

    when: When | None = None
    also: ConditionDocument | None = None
    needs: str | None = None

    @property
    def conditions(self) -> tuple[ConditionDocument, ...]:
        """This comparison and the one beside it."""
        return (self,) if self.also is None else (self, self.also)

    def clause(self, testcd: str) -> Clause:
        """The clause as grading uses it, for one analyte."""
        conditions = tuple(condition.condition(testcd) for condition in self.conditions)
        is_plain = len(conditions) == 1 and self.when is None and self.needs is None
        return Clause(self.when, conditions, self.needs, is_plain)


class Case(_Strict):
    """A worked example: the value and range as reported, and the grade, the range of grades, or the
    reason why there is none. ``baseline`` is in the same unit and has the same range."""

    value: Decimal | str
    unit: str | None
    lln: Decimal | None = None
    uln: Decimal | None = None
    baseline: Decimal | None = None
    is_baseline: bool = False
    grade: int | tuple[int, int] | str

    @model_validator(mode="after")
    def _unit_known(self) -> Case:
        if self.grade != "unit_unknown" and (self.unit is None or unit_of(self.unit) is None):
            raise ValueError("the unit is not in units.yaml")
        return self


class CriterionDocument(_Strict):
    """One term's criterion for one analyte."""

    term: str
    soc: str
    meddra: str
    source: str
    direction: Literal["high", "low"]
    analytes: tuple[str, ...] = Field(min_length=1)
    unit: str
    grades: dict[Literal[1, 2, 3, 4], tuple[ClauseDocument, ...]] = Field(min_length=1)
    notes: tuple[str, ...] = ()
    cases: tuple[Case, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _grade_numbers(cls, data: dict[str, object]) -> dict[str, object]:
        grades = data.get("grades")
        if isinstance(grades, dict):
            numbers = {"1": 1, "2": 2, "3": 3, "4": 4}
            data = {**data, "grades": {numbers.get(key, key): grades[key] for key in grades}}
        return data

    @model_validator(mode="after")
    def _fits_together(self) -> CriterionDocument:
        if self.unit not in units_by_code():
            raise ValueError("unit is not a UCUM code of units.yaml")
        upward = self.direction == "high"
        for condition in self.conditions():
            if (condition.comparison in _UPWARD) != upward:
                raise ValueError("a comparison points against the criterion's direction")
            if condition.reference == "absolute" and not self._convert(condition.limits):
                raise ValueError("a limit's unit does not convert to the criterion's unit")
        return self

    def conditions(self) -> Iterator[ConditionDocument]:
        """Every comparison of every grade."""
        for clause in (clause for clauses in self.grades.values() for clause in clauses):
            yield from clause.conditions

    def _convert(self, units: Iterable[str]) -> bool:
        return all(
            factor_between(unit, self.unit, testcd) is not None
            for unit in units
            for testcd in self.analytes
        )


class CriteriaDocument(_Strict):
    """One file: the criteria of an organ group in one version."""

    ctcae: str
    group: str
    criteria: tuple[CriterionDocument, ...] = Field(min_length=1)


class Limit(NamedTuple):
    """An absolute limit for values of one unit: the value times ``scale`` is compared with
    ``limit``, both exact. ``printed``: NCI's own figure and unit it comes from."""

    scale: Decimal
    limit: Decimal
    printed: str


@dataclass(frozen=True, slots=True)
class Condition:
    """``value <comparison> factor x reference``, or a limit by the value's unit where the reference
    is absolute."""

    comparison: Comparison
    reference: Reference
    factor: Decimal
    limits: Mapping[str, Limit]


@dataclass(frozen=True, slots=True)
class Clause:
    """All conditions must hold, where ``when`` applies; ``needs``: what a number cannot tell.

    ``is_plain``: one condition that always applies and decides by itself.
    """

    when: When | None
    conditions: tuple[Condition, ...]
    needs: str | None
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion ready for use: clauses with their grade, the worst first."""

    term: str
    ctcae: str
    unit: str
    clauses: tuple[tuple[int, Clause], ...]

    @property
    def worst(self) -> int:
        """The highest grade a number can give."""
        return self.clauses[0][0]


@cache
def documents(ctcae: str) -> tuple[CriteriaDocument, ...]:
    """Every criteria file of a version; ValueError for a version there is none of.

    `shared.clinical.document.DocumentError` names the lines at fault.
    """
    if ctcae not in FOLDERS:
        raise ValueError(f"no CTCAE version {ctcae}; there are {', '.join(FOLDERS)}")
    folder = Path(__file__).with_name(FOLDERS[ctcae])
    return tuple(load(path.read_text("utf-8"), ctcae) for path in sorted(folder.glob("*.yaml")))


def load(text: str, ctcae: str) -> CriteriaDocument:
    """Check one criteria file; it must say which version it belongs to."""
    found = build(read_yaml(text), CriteriaDocument)
    if found.ctcae != ctcae:
        raise ValueError(f"criteria of CTCAE {found.ctcae} in the folder of {ctcae}")
    return found


@cache
def by_test(ctcae: str) -> Mapping[str, tuple[Criterion, ...]]:
    """The criteria of a version by LBTESTCD."""
    index: dict[str, tuple[Criterion, ...]] = {}
    for document in documents(ctcae):
        for criterion in document.criteria:
            for testcd in criterion.analytes:
                index[testcd] = (*index.get(testcd, ()), _compiled(criterion, ctcae, testcd))
    return MappingProxyType(index)


def _compiled(document: CriterionDocument, ctcae: str, testcd: str) -> Criterion:
    clauses = [
        (int(grade), clause.clause(testcd))
        for grade, given in sorted(document.grades.items(), reverse=True)
        for clause in given
    ]
    return Criterion(document.term, ctcae, document.unit, tuple(clauses))


def _limit(unit: str, printed: Mapping[str, Decimal], testcd: str) -> Limit | None:
    """NCI's own limit in this unit where it prints one, else the first it prints, the value to be
    converted; None where the unit does not convert."""
    source = unit if unit in printed else next(iter(printed))
    factor = factor_between(unit, source, testcd)
    if factor is None:
        return None
    figure = printed[source]
    limit = multiply(figure, Decimal(factor.denominator))
    return Limit(Decimal(factor.numerator), limit, f"{figure} {source}")
