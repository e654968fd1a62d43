"""The term dictionary of each CTCAE version, and what became of a term in another version.

``terms.csv`` and ``renames.csv`` lie in each version's folder, so that a version is complete in
itself: its renames say what it calls the terms of other versions that it does not have.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from shared.clinical.ctcae.criteria import folder_of, folders
from shared.clinical.ctcae.model import Term

OTHER = " - Other, specify"


class Rename(NamedTuple):
    """What a version has for a term that only others have. ``becomes`` holds several names where
    the one term was divided, or merged from several."""

    said_in: frozenset[str]
    becomes: tuple[str, ...]


def versions() -> tuple[str, ...]:
    """The CTCAE versions there are criteria and terms of, oldest first."""
    return tuple(folders())


def term_of(ctcae: str, name: str) -> Term | None:
    """The dictionary's own term of this name, whatever its case and spacing; None where the version
    has no such term. ValueError for an unknown version. `match_term` reads what sites write."""
    return _by_name(ctcae).get(key_of(name))


def terms(ctcae: str) -> tuple[Term, ...]:
    """Every term of a version, in NCI's order. ValueError for an unknown version."""
    return tuple(_by_name(ctcae).values())


def term_by_code(ctcae: str, code: str) -> Term | None:
    """The term with this MedDRA lowest level term code. A preferred term has the code of the lowest
    level term of the same name, so a PT code finds its term where the names are equal."""
    return _by_code(ctcae).get(code.strip())


def renamed(name: str, from_version: str, to_version: str) -> str | None:
    """What one version's term is called in another: Platelet count decreased is Thrombocytopenia in
    6.0. None where it is no term of ``from_version``, or has no single counterpart."""
    if term_of(from_version, name) is None:
        return None
    term = term_of(to_version, name) or renamed_to(to_version, name)
    return term.name if term else None


def renamed_to(ctcae: str, name: str) -> Term | None:
    """The one term that a version has for another version's name; None where there is none, or more
    than one, or only "Other, specify", under which unlike events would become one."""
    names = successors(ctcae, name)
    if len(names) != 1 or names[0].endswith(OTHER):
        return None
    return term_of(ctcae, names[0])


def successors(ctcae: str, name: str) -> tuple[str, ...]:
    """Every term a version offers for another version's name; several where a person must choose.
    ValueError for an unknown version."""
    found = renames(ctcae).get(key_of(name))
    return found.becomes if found else ()


@cache
def renames(ctcae: str) -> Mapping[str, Rename]:
    """The names only other versions have, by `key_of`. ValueError for an unknown version."""
    rows = _read(ctcae, "renames.csv")
    return MappingProxyType(
        {
            key_of(row["said"]): Rename(
                frozenset(row["said_in"].split()), tuple(row["becomes"].split(" | "))
            )
            for row in rows
        }
    )


@cache
def _by_name(ctcae: str) -> Mapping[str, Term]:
    return MappingProxyType({key_of(row["term"]): _term(row) for row in _read(ctcae, "terms.csv")})


@cache
def _by_code(ctcae: str) -> Mapping[str, Term]:
    return MappingProxyType({term.meddra_code: term for term in terms(ctcae)})


def _read(ctcae: str, name: str) -> list[dict[str, str]]:
    path = folder_of(ctcae) / name
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _term(row: dict[str, str]) -> Term:
    grades = frozenset(int(grade) for grade in row["grades"])
    return Term(row["term"], row["soc"], row["meddra_code"], grades)


def key_of(name: str) -> str:
    """A name without its case and spacing."""
    return " ".join(name.split()).casefold()
