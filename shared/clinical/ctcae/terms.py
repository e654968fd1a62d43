"""The term dictionary of each CTCAE version: what an adverse event may be called in it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from shared.clinical.ctcae.criteria import FOLDERS
from shared.clinical.ctcae.model import Term


def versions() -> tuple[str, ...]:
    """The CTCAE versions there are criteria and terms of, oldest first."""
    return tuple(FOLDERS)


def term_of(ctcae: str, name: str) -> Term | None:
    """The term an AEDECOD or AETERM names, whatever its case and spacing; None where the version
    has no such term. ValueError for an unknown version."""
    return _by_name(ctcae).get(_key(name))


def terms(ctcae: str) -> tuple[Term, ...]:
    """Every term of a version, in NCI's order. ValueError for an unknown version."""
    return tuple(_by_name(ctcae).values())


@cache
def _by_name(ctcae: str) -> Mapping[str, Term]:
    if ctcae not in FOLDERS:
        raise ValueError(f"no CTCAE version {ctcae}; there are {', '.join(FOLDERS)}")
    path = Path(__file__).with_name(FOLDERS[ctcae]) / "terms.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return MappingProxyType({_key(row["term"]): _term(row) for row in rows})


def _term(row: dict[str, str]) -> Term:
    grades = frozenset(int(grade) for grade in row["grades"])
    return Term(row["term"], row["soc"], row["meddra_code"], grades)


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
