"""Faults of a document that names CTCAE terms: one its version lacks, or a grade the term lacks.

Such a criterion would load and never be met. Each finding says what the version has instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from shared.clinical.ctcae.matching import match_term, plain
from shared.clinical.ctcae.terms import successors, term_of, terms
from shared.document import Document, Finding, Path


def term_findings(
    document: Document, ctcae: str, path: Path, names: Sequence[str]
) -> list[Finding]:
    """Names in the list at ``path`` that are not, to the letter, terms of the version."""
    found = []
    for index, name in enumerate(names):
        term = term_of(ctcae, name)
        if term is None or term.name != name:
            problem = f"{name!r} is no term of CTCAE {ctcae}"
            found.append(document.finding((*path, index), problem, remedy_for(ctcae, name)))
    return found


def grade_findings(
    document: Document, ctcae: str, path: Path, names: Sequence[str], grade: int
) -> list[Finding]:
    """Terms in the list at ``path`` of which the version has neither this grade nor a higher one.
    One that only lacks the grade itself is met at the next."""
    found = []
    for index, name in enumerate(names):
        term = term_of(ctcae, name)
        if term is not None and max(term.grades) < grade:
            problem = f"{name!r} has no grade {grade} or higher in CTCAE {ctcae}"
            remedy = f"it can never be met: name grade {max(term.grades)} or lower, or remove it"
            found.append(document.finding((*path, index), problem, remedy))
    return found


def remedy_for(ctcae: str, name: str) -> str:
    """What to write instead of a name the version does not have."""
    match = match_term(ctcae, name)
    if match is not None and match.by == "term":
        return f"write {match.term.name!r}, the dictionary's exact term"
    if match is not None:
        return f"in {ctcae} the term is {match.term.name!r}"
    instead = successors(ctcae, name)
    if instead:
        return f"{ctcae} has instead: {_listed(instead)}"
    spelled = {plain(term.name): term.name for term in terms(ctcae)}
    close = get_close_matches(plain(name), spelled, n=3, cutoff=0.8)
    if close:
        return f"correct the spelling: is it {_listed([spelled[one] for one in close])}?"
    return "use the dictionary's exact term"


def _listed(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)
