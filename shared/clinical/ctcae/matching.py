"""Which CTCAE term a reported event means, and by what it was recognised.

Sites write British spellings, MedDRA preferred terms and the words of another CTCAE version. Each
way of reading is tried only where the stricter ones find nothing, so that a new synonym can make
an event known but never move one that was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.clinical.ctcae.model import Term
from shared.clinical.ctcae.terms import (
    key_of,
    renamed_to,
    renames,
    term_by_code,
    term_of,
    terms,
    versions,
)
from shared.document import build, read_yaml

By = Literal["term", "meddra_code", "renamed", "spelling", "synonym"]


@dataclass(frozen=True, slots=True)
class Match:
    """A term, and what of the report it was recognised by: the words or the code ``said``."""

    term: Term
    by: By
    said: str


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Synonym(_Part):
    """Other names of a term, and why they mean the same."""

    term: str
    said: tuple[str, ...] = Field(min_length=1)
    why: str


class LeftOut(_Part):
    """A name that looks like a term's and is not."""

    said: str
    why: str


class SynonymDocument(_Part):
    """``spellings``: parts of words, British to American."""

    spellings: dict[str, str]
    synonyms: tuple[Synonym, ...]
    not_synonyms: tuple[LeftOut, ...]


@cache
def synonym_document() -> SynonymDocument:
    """The reviewed table of other names."""
    text = Path(__file__).with_name("synonyms.yaml").read_text(encoding="utf-8")
    return build(read_yaml(text), SynonymDocument)


@lru_cache(maxsize=8192)
def match_term(ctcae: str, *names: str | None, codes: tuple[str | None, ...] = ()) -> Match | None:
    """The term a report means, by its names (AEDECOD, then AETERM) and MedDRA codes (lowest level
    term, then preferred term). None where nothing means one; ValueError for an unknown version."""
    if ctcae not in versions():
        raise ValueError(f"no CTCAE version {ctcae}; there are {', '.join(versions())}")
    said = [name for name in names if name]
    ways: tuple[tuple[By, list[str], Callable[[str, str], Term | None]], ...] = (
        ("term", said, term_of),
        ("meddra_code", [code for code in codes if code], term_by_code),
        ("renamed", said, renamed_to),
        ("spelling", said, _respelled),
        ("synonym", said, _synonymous),
    )
    found = (
        Match(term, by, text)
        for by, texts, look in ways
        for text in texts
        if (term := look(ctcae, text))
    )
    return next(found, None)


def plain(name: str) -> str:
    """A name without case, hyphens and commas."""
    return key_of(name.replace("-", " ").replace(",", " "))


def american(name: str) -> str:
    """A plain name in the dictionary's spelling."""
    key = plain(name)
    for british, respelled in synonym_document().spellings.items():
        key = key.replace(british, respelled)
    return key


def _respelled(ctcae: str, name: str) -> Term | None:
    spelled = _by_spelling(ctcae)
    return spelled.get(plain(name)) or spelled.get(american(name))


def _synonymous(ctcae: str, name: str) -> Term | None:
    term = _synonyms().get(american(name))
    if term is None:
        return None
    return term_of(ctcae, term) or renamed_to(ctcae, term)


@cache
def _by_spelling(ctcae: str) -> Mapping[str, Term]:
    """The version's terms by their plain names, and by those that only other versions have."""
    renamed = {plain(name): renamed_to(ctcae, name) for name in renames(ctcae)}
    own = {plain(term.name): term for term in terms(ctcae)}
    return MappingProxyType({name: term for name, term in renamed.items() if term} | own)


@cache
def _synonyms() -> Mapping[str, str]:
    return MappingProxyType(
        {american(said): entry.term for entry in synonym_document().synonyms for said in entry.said}
    )
