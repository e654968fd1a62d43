"""Qualifiers of a toxicity: read from the reports where they have a field, judged where not."""

from __future__ import annotations

from typing import Literal

from shared.clinical.blocks.answers import Answer, judged
from shared.clinical.blocks.care import missing_means
from shared.clinical.blocks.episode import Episode
from shared.clinical.criteria import Qualifier
from shared.clinical.runs import runs_at
from shared.clinical.timeline import Entry
from shared.contracts.facts import AdverseEvent

_FIELDS: dict[str, tuple[str, Literal["Y", "N"]]] = {
    "hospitalised": ("AESHOSP", "Y"),
    "not_hospitalised": ("AESHOSP", "N"),
    "serious": ("AESER", "Y"),
    "life_threatening": ("AESLIFE", "Y"),
    "medically_important": ("AESMIE", "Y"),
}


def qualified(qualifier: Qualifier, role: str, episode: Episode) -> Answer:
    """Whether the qualifier holds for the toxicity."""
    if qualifier in _FIELDS:
        return _by_field(qualifier, episode)
    if qualifier == "isolated":
        return _isolated(role, episode)
    return judged(f"whether it is {qualifier.replace('_', ' ')}", role)


def _by_field(qualifier: Qualifier, episode: Episode) -> Answer:
    """Any report that says "Y" makes it so; "N" needs every report of the toxicity to say it."""
    field, wanted = _FIELDS[qualifier]
    entries = [entry for entry in episode.run.entries if isinstance(entry.record, AdverseEvent)]
    said = {getattr(entry.record, field) for entry in entries}
    value = "Y" if "Y" in said else "N" if said == {"N"} else None
    words = qualifier.replace("_", " ")
    found = tuple(entries)
    if value is None:
        missing = f"whether {episode.run.term} is {words} ({field})"
        return Answer("open", f"not known whether {words}", entries=found, missing=missing)
    if value == wanted:
        return Answer("yes", words, entries=found)
    return Answer("no", f"not {words}" if wanted == "Y" else words.removeprefix("not "))


def _isolated(role: str, episode: Episode) -> Answer:
    """No other event reported at the time; whether one has to do with it is for a person."""
    run = episode.run
    others = [
        (term, entry)
        for term, course in episode.case.observations.items()
        if term != run.term
        for other in runs_at(course.reports, 1)
        if other.first <= episode.until and (other.end is None or other.end >= run.first)
        for entry in other.entries
    ]
    if others:
        terms = ", ".join(dict.fromkeys(term for term, _ in others))
        answer = judged(f"whether it is isolated beside {terms}", role)
        return Answer("judge", answer.why, entries=_entries(others))
    absent = missing_means(episode, "AE", "isolated")
    if absent.holds == "open":
        return Answer("open", absent.why, deadline=absent.deadline, missing="other events")
    if absent.deadline is not None:
        return Answer("open", "isolated so far", deadline=absent.deadline)
    return Answer("yes", "isolated")


def _entries(others: list[tuple[str, Entry]]) -> tuple[Entry, ...]:
    return tuple(dict.fromkeys(entry for _, entry in others))
