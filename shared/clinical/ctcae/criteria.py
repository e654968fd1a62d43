"""Reads the criteria: one YAML file per organ group and version, checked when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from shared.clinical.ctcae.form import (
    ClauseDocument,
    Comparison,
    ConditionDocument,
    CriteriaDocument,
    CriterionDocument,
    Reference,
    VersionDocument,
    When,
)
from shared.clinical.document import build, read_yaml
from shared.clinical.quantity import factor_between, multiply, units_by_code

SIGNS: Mapping[Comparison, str] = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}


def _folders() -> Mapping[str, str]:
    here = Path(__file__).parent
    found = {
        build(read_yaml(path.read_text("utf-8")), VersionDocument).version: path.parent.name
        for path in here.glob("*/version.yaml")
    }
    return MappingProxyType(dict(sorted(found.items())))


FOLDERS = _folders()
"""The folder of each version: whichever folders beside this file have a ``version.yaml``."""


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
    return tuple(load(path.read_text("utf-8"), ctcae) for path in _files(folder))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.yaml") if path.name != "version.yaml")


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
    clauses = [(int(grade), _clause(clause, testcd)) for grade, clause in document.clauses]
    return Criterion(document.term, ctcae, document.unit or "", tuple(clauses))


def _clause(document: ClauseDocument, testcd: str) -> Clause:
    conditions = tuple(_condition(condition, testcd) for condition in document.conditions)
    needs = ", ".join(document.needs) or None
    is_plain = len(conditions) == 1 and document.when is None and needs is None
    return Clause(document.when, conditions, needs, is_plain)


def _condition(document: ConditionDocument, testcd: str) -> Condition:
    reference, printed = document.reference, document.limits
    limits = {unit: _limit(unit, printed, testcd) for unit in units_by_code() if printed}
    usable = {unit: limit for unit, limit in limits.items() if limit is not None}
    return Condition(document.comparison, reference, document.factor, MappingProxyType(usable))


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
