"""The grade of a reported adverse event: the investigator's, checked against the dictionary.

Nothing is corrected. A grade the term does not have stays as it was reported, so that the stop side
counts it, and comes with a doubt for the site to answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from shared.clinical.ctcae.matching import Match, match_term
from shared.clinical.ctcae.model import Term
from shared.contracts.graded import NotGradableReason

SEVERITY: dict[str, tuple[int, int]] = {"MILD": (1, 1), "MODERATE": (2, 2), "SEVERE": (3, 4)}
"""The grades an AESEV may mean, lowest and highest."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the site is asked about a report."""

    about: Literal["term_unknown", "grade_not_in_term"]
    text: str


@dataclass(frozen=True, slots=True)
class ReportedGrade:
    """A grade as reported: ``low`` to ``high``, equal unless only a severity was given. ``term`` is
    CTCAE's where ``match`` says so, else the report's own word."""

    term: str
    match: Match | None
    ctcae: str
    low: int
    high: int
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class NoReportedGrade:
    """A report without a grade: an event there was, so it may be any from 1 to 5."""

    term: str
    match: Match | None
    ctcae: str
    reason: NotGradableReason
    why: str
    doubts: tuple[Doubt, ...] = ()
    low: int = 1
    high: int = 5


@lru_cache(maxsize=4096)
def grade_reported(
    aedecod: str | None,
    aeterm: str | None,
    aetoxgr: str | None,
    ctcae: str,
    ptcd: str | None = None,
    *,
    lltcd: str | None = None,
    aesev: str | None = None,
) -> ReportedGrade | NoReportedGrade:
    """The grade a report states for the term it means. ValueError for an unknown version.

    An AETOXGR decides where there is one; without it AESEV gives the grades it may mean.
    """
    match = match_term(ctcae, aedecod, aeterm, codes=(lltcd, ptcd))
    term = match.term.name if match else aedecod or aeterm or ""
    stated = (aetoxgr or "").strip()
    grades = (int(stated), int(stated)) if stated in set("12345") else None
    if not stated:
        grades = SEVERITY.get((aesev or "").strip().upper())
    if grades is None:
        doubts = _doubts(match, ctcae, ())
        if stated:
            why = "AETOXGR is no grade from 1 to 5"
            return NoReportedGrade(term, match, ctcae, "character_result", why, doubts)
        return NoReportedGrade(term, match, ctcae, "not_done", "no grade was given", doubts)
    return ReportedGrade(term, match, ctcae, *grades, doubts=_doubts(match, ctcae, (grades,)))


def _doubts(
    match: Match | None, ctcae: str, ranges: tuple[tuple[int, int], ...]
) -> tuple[Doubt, ...]:
    if match is None:
        return (Doubt("term_unknown", f"an event's term is not in CTCAE {ctcae}"),)
    texts = (lacking(match.term, ctcae, low, high) for low, high in ranges)
    return tuple(Doubt("grade_not_in_term", text) for text in texts if text)


def lacking(term: Term, ctcae: str, low: int, high: int) -> str | None:
    """What to ask where the term has none of the grades ``low`` to ``high``; None where it has."""
    if any(low <= grade <= high for grade in term.grades):
        return None
    said = f"grade {low}" if low == high else f"grade {low} to {high}"
    there_are = ", ".join(str(grade) for grade in sorted(term.grades))
    return f"{said} was reported, and CTCAE {ctcae} has {term.name} only at grade {there_are}"
