"""Whether a subject has responded: what backfill and a two-stage design ask.

A response lets a study go on, so it counts only where every content of its record says so; what
is contradicted or not confirmed yet leaves the subject open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from shared.clinical.person import Person
from shared.clinical.protocol.response import Response
from shared.clinical.timeline import Standing, latest
from shared.contracts.facts import Disposition, TumourResponse

Standings = Literal["response", "unconfirmed", "none", "open"]


@dataclass(frozen=True, slots=True)
class ResponseState:
    """How a subject stands, and since when that was known."""

    standing: Standings
    since: datetime


@dataclass(frozen=True, slots=True)
class _Seen:
    """One assessment: the local dates it may have been, and what all of its contents say."""

    first: date
    last: date
    said: frozenset[str]
    known: datetime


def response_of(person: Person) -> ResponseState | None:
    """The subject's response; None where the protocol defines none or nothing was given."""
    rule = person.protocol.response
    if rule is None or person.start is None:
        return None
    seen = sorted(
        (one for record in person.of("tumour_response") if (one := _seen(rule, record, person))),
        key=lambda one: (one.first, one.last, one.known),
    )
    responders, progression = _upper(rule.responders), _upper(rule.progression)
    ended = next((one for one in seen if one.said & progression), None)
    before = [one for one in seen if ended is None or one.last < ended.first]
    found = [one for one in before if one.said <= responders]
    confirmed = _confirmed(rule, found)
    if confirmed is not None:
        return ResponseState("response", confirmed)
    over = _over(rule, person, seen, ended)
    if over is not None:
        return ResponseState("none", over)
    since = max((one.known for one in seen), default=person.as_of)
    doubtful = any(one.said & responders for one in before)
    return ResponseState("unconfirmed" if doubtful else "open", since)


def _upper(words: Iterable[str]) -> set[str]:
    return {word.upper() for word in words}


def _seen(rule: Response, record: Standing, person: Person) -> _Seen | None:
    asked = [
        (entry, entry.record.RSORRES.strip().upper())
        for entry in record.entries
        if isinstance(entry.record, TumourResponse) and entry.record.RSTESTCD in rule.testcds
    ]
    known = latest([entry for entry, _ in asked])
    if known is None:
        return None
    days = [entry.dates(person.zone) for entry, _ in asked]
    said = frozenset(word for _, word in asked)
    return _Seen(min(day[0] for day in days), max(day[1] for day in days), said, known)


def _confirmed(rule: Response, found: Sequence[_Seen]) -> datetime | None:
    """When the response that counts was known."""
    if rule.confirmed_after_days is None:
        return min((one.known for one in found), default=None)
    gap = timedelta(days=rule.confirmed_after_days)
    pairs = [
        max(one.known, later.known)
        for one in found
        for later in found
        if later.first - one.last >= gap
    ]
    return min(pairs, default=None)


def _over(
    rule: Response, person: Person, seen: Sequence[_Seen], ended: _Seen | None
) -> datetime | None:
    """Since when it is known that no response can follow."""
    known = [ended.known] if ended is not None else []
    known += [
        entry.fact.known_at
        for one in person.of("disposition")
        for entry in one.entries
        if isinstance(entry.record, Disposition)
        and "TREATMENT" not in (entry.record.DSSCAT or "").upper()
        and entry.record.supp.get("DSCAT") != "PROTOCOL MILESTONE"
    ]
    if rule.final_after_days is not None and person.start is not None:
        due = person.start.last + timedelta(days=rule.final_after_days)
        known += [one.known for one in seen if one.first >= due]
    return min(known, default=None)
