"""Reported adverse events of a study as a listing and as summary tables.

An event counts if it began or worsened on treatment (treatment-emergent, ICH E9), in subjects who
were given a dose. What is not certain counts on the safe side: a range of grades by its upper end,
a causality that nobody stated as related.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, get_args

from shared.clinical.ctcae.terms import term_of
from shared.clinical.observations import Observation
from shared.clinical.person import Person
from shared.clinical.protocol import Protocol
from shared.contracts.adverse_events import (
    AdverseEventSummary,
    Group,
    Line,
    Measure,
    ReportedEvent,
)
from shared.contracts.facts import AdverseEvent

NOT_CODED = "Not coded"
_ACTION: Final = re.compile(r"AEACN\d+")
_WITHDRAWN: Final = "DRUG WITHDRAWN"
_MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)


def reported_events(people: Iterable[Person]) -> tuple[ReportedEvent, ...]:
    """Every event on treatment, by subject, onset and term."""
    found = [event for person in people if person.start for event in _events_of(person)]
    return tuple(
        sorted(found, key=lambda one: (one.subject, one.usubjid, one.onset, one.term, -one.grade))
    )


def summarise(
    protocol: Protocol, treated: Sequence[int | None], events: Sequence[ReportedEvent]
) -> AdverseEventSummary:
    """The tables by dose level and in total. ``treated``: the dose level of each subject who was
    given a dose."""
    groups = tuple(_groups(protocol, treated))
    by_soc: dict[str, dict[str, list[ReportedEvent]]] = {}
    for event in events:
        by_soc.setdefault(event.soc or NOT_CODED, {}).setdefault(event.term, []).append(event)
    lines = [_line(groups, events, None, None)]
    for soc, terms in sorted(by_soc.items(), key=lambda one: (one[0] == NOT_CODED, one[0])):
        lines.append(_line(groups, [one for held in terms.values() for one in held], soc, None))
        lines += [_line(groups, held, soc, term) for term, held in sorted(terms.items())]
    return AdverseEventSummary(
        ctcae=protocol.ctcae, groups=groups, lines=tuple(lines), notes=tuple(_notes(events))
    )


def _events_of(person: Person) -> Iterator[ReportedEvent]:
    """One for each record and term; a death known from a disposition is one as well."""
    by_record: dict[tuple[object, ...], list[Observation]] = {}
    for course in person.reported().values():
        for seen in course:
            if not seen.before_treatment:
                by_record.setdefault((*seen.entry.fact.record, seen.term), []).append(seen)
    for seen_of_record in by_record.values():
        yield _event(person, seen_of_record)


def _event(person: Person, seen: Sequence[Observation]) -> ReportedEvent:
    assert person.start is not None
    first = min(seen, key=lambda one: one.first)
    term = term_of(person.protocol.ctcae, first.term)
    entries = tuple(dict.fromkeys(one.entry for one in seen))
    records = [one.record for one in entries if isinstance(one.record, AdverseEvent)]
    actions = [action for record in records for action in _actions(record)]
    ends = [one.end for one in seen]
    return ReportedEvent(
        subject=person.subject,
        usubjid=person.usubjid,
        part=person.part,
        dose_level=person.dose_level,
        term=first.term,
        soc=term.soc if term else None,
        grade=max(one.high for one in seen),
        onset=first.first,
        day=(first.first - person.start.first).days + 1,
        end=None if None in ends else max(end for end in ends if end is not None),
        related=first.related,
        serious=any(record.AESER == "Y" for record in records),
        discontinued=_WITHDRAWN in actions,
        action="; ".join(dict.fromkeys(actions)) or None,
        outcome=next((record.AEOUT for record in records if record.AEOUT), None),
        evidence=tuple(one.evidence for one in entries),
    )


def _actions(record: AdverseEvent) -> Iterator[str]:
    """What was done with the study treatment, overall and by drug (``AEACN1``, ...)."""
    by_drug = (record.supp[name] for name in sorted(record.supp) if _ACTION.fullmatch(name))
    for said in (record.AEACN, *by_drug):
        if said and str(said).strip():
            yield str(said).strip().upper()


def _groups(protocol: Protocol, treated: Sequence[int | None]) -> Iterator[Group]:
    for level in sorted(level for level in set(treated) if level is not None):
        label = protocol.label(level)
        yield Group(label=label, dose_level=level, treated=treated.count(level))
    if None in treated:
        yield Group(label="no dose level", dose_level=None, treated=treated.count(None))
    yield Group(label="Total", dose_level=None, treated=len(treated))


def _line(
    groups: Sequence[Group], events: Sequence[ReportedEvent], soc: str | None, term: str | None
) -> Line:
    counted: Mapping[Measure, tuple[int, ...]] = {
        measure: _subjects(groups, [one for one in events if _counts(one, measure)])
        for measure in _MEASURES
    }
    return Line(soc=soc, term=term, subjects=dict(counted))


def _subjects(groups: Sequence[Group], events: Sequence[ReportedEvent]) -> tuple[int, ...]:
    """How many subjects of each group; the last group is everybody."""
    by_level = {one.usubjid: one.dose_level for one in events}
    *levels, _ = groups
    return (
        *(sum(level == group.dose_level for level in by_level.values()) for group in levels),
        len(by_level),
    )


def _counts(event: ReportedEvent, measure: Measure) -> bool:
    match measure:
        case "any_grade":
            return True
        case "grade_3_or_higher":
            return event.grade >= 3
        case "related":
            return event.related != "no"
        case "related_grade_3_or_higher":
            return event.related != "no" and event.grade >= 3
        case "serious":
            return event.serious
        case "led_to_discontinuation":
            return event.discontinued


def _notes(events: Sequence[ReportedEvent]) -> Iterator[str]:
    yield "Subjects with at least one event on treatment, each counted once in each line."
    unknown = sum(one.related == "unknown" for one in events)
    if unknown:
        yield f"Counted as related though nobody says so: {unknown} of {len(events)} events."
    silent = sum(one.action is None for one in events)
    if silent:
        yield (
            f"The action taken (AEACN) is not stated for {silent} of {len(events)} events: of these"
            " it is not known whether they led to discontinuation."
        )
