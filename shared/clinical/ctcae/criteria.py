"""Finds the criteria: one YAML file per organ group and version, checked when loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from shared.clinical.ctcae.form import (
    ClauseDocument,
    CriteriaDocument,
    CriterionDocument,
    Direction,
    Domain,
    VersionDocument,
)
from shared.document import build, read_yaml

_HERE = Path(__file__).parent
_ABOUT = "version.yaml"


@cache
def folders(beside: Path = _HERE) -> Mapping[str, Path]:
    """The folder of each version: whichever have a ``version.yaml``, oldest first."""
    found = {
        build(read_yaml(path.read_text("utf-8")), VersionDocument).version: path.parent
        for path in beside.glob(f"*/{_ABOUT}")
    }
    return MappingProxyType(dict(sorted(found.items())))


def folder_of(ctcae: str) -> Path:
    """The folder of a version; ValueError where there is none."""
    if ctcae not in folders():
        raise ValueError(f"no CTCAE version {ctcae}; there are {', '.join(folders())}")
    return folders()[ctcae]


@dataclass(frozen=True, slots=True, eq=False)
class Criterion:
    """One term's criterion for one analyte, and what grading by it depends on.

    ``worst`` is the highest grade a number can give, or where no number gives any, a fact.
    """

    document: CriterionDocument
    ctcae: str
    testcd: str
    clauses: tuple[tuple[int, ClauseDocument], ...]
    worst: int
    uses: frozenset[str]
    facts: frozenset[str]
    beside: frozenset[str]

    @property
    def term(self) -> str:
        """The CTCAE term."""
        return self.document.term

    @property
    def direction(self) -> Direction:
        """Whether the term is about high or low values."""
        return self.document.direction


@cache
def documents(ctcae: str) -> tuple[CriteriaDocument, ...]:
    """Every criteria file of a version; ValueError for a version there is none of, or where one
    analyte has two criteria of one term and direction.

    `shared.document.DocumentError` names the lines at fault.
    """
    paths = sorted(folder_of(ctcae).glob("*.yaml"))
    found = tuple(load(path.read_text("utf-8"), ctcae) for path in paths if path.name != _ABOUT)
    check_unique(found)
    return found


def load(text: str, ctcae: str) -> CriteriaDocument:
    """Check one criteria file; it must say which version it belongs to."""
    found = build(read_yaml(text), CriteriaDocument)
    if found.ctcae != ctcae:
        raise ValueError(f"criteria of CTCAE {found.ctcae} in the folder of {ctcae}")
    return found


def check_unique(found: Iterable[CriteriaDocument]) -> None:
    """ValueError where two criteria would answer for one term, direction and analyte."""
    seen: set[tuple[str, str, str]] = set()
    for document in found:
        for one in document.criteria:
            for testcd in one.analytes:
                key = (one.term, one.direction, testcd)
                if key in seen:
                    raise ValueError(f"two criteria of {one.term} for {testcd}")
                seen.add(key)


@cache
def by_test(ctcae: str, domain: Domain = "lab") -> Mapping[str, tuple[Criterion, ...]]:
    """The criteria of a version and domain by test code (LBTESTCD, VSTESTCD, EGTESTCD)."""
    index: dict[str, tuple[Criterion, ...]] = {}
    for document in documents(ctcae):
        for one in document.criteria if document.domain == domain else ():
            for testcd in one.analytes:
                criterion = criterion_of(one, ctcae, testcd, domain)
                index[testcd] = (*index.get(testcd, ()), criterion)
    return MappingProxyType(index)


def criterion_of(
    document: CriterionDocument, ctcae: str, testcd: str, domain: Domain = "lab"
) -> Criterion:
    """A criterion for one of its analytes. A laboratory criterion that names no specimen is about
    blood."""
    if domain == "lab" and document.specimen is None:
        document = document.model_copy(update={"specimen": "blood"})
    clauses = [clause for _, clause in document.clauses]
    return Criterion(
        document=document,
        ctcae=ctcae,
        testcd=testcd,
        clauses=document.clauses,
        worst=max(document.grades or document.raised_by),
        uses=frozenset(use for clause in clauses for use in _uses(clause)),
        facts=frozenset(fact for clause in clauses for fact in (*clause.needs, *clause.without)),
        beside=frozenset(clause.beside.test for clause in clauses if clause.beside),
    )


def _uses(clause: ClauseDocument) -> Iterator[str]:
    yield from (condition.reference for condition in clause.conditions)
    if clause.when:
        yield "baseline"
    if clause.fasting:
        yield "fasting"
