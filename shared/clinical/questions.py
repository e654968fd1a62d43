"""What the site is asked: records that contradict themselves or each other, and facts in doubt.

A question changes no status. It stands as long as the records say what they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Literal
from zoneinfo import ZoneInfo

from shared.clinical.case import Case, Trigger
from shared.clinical.ctcae.reported import lacking
from shared.clinical.dose_units import doses_in_doubt
from shared.clinical.person import Person, Standings
from shared.clinical.protocol import day_ends
from shared.clinical.reconcile import SEVERE, discordances
from shared.clinical.samples import DOMAINS, a_year_early, is_before, may_be_before
from shared.clinical.timeline import (
    Entry,
    highest_possible,
    is_life_threatening,
    latest,
    worst_reported,
)
from shared.clinical.toxicity import end_of_event, reported_grade
from shared.clinical.worst_cases import unknown_tests, worst_cases
from shared.contracts.assessment import Query, SafetyFinding
from shared.contracts.dates import parse_dtc
from shared.contracts.envelope import sha256
from shared.contracts.facts import AdverseEvent, Disposition

_LEFT = ("DEATH", "WITHDRAWAL", "LOST TO FOLLOW-UP", "SCREEN FAILURE")
"""Words of a disposition by which a subject is no more to be treated (CDISC, NCOMPLT)."""

SERIOUSNESS = ("AESDTH", "AESLIFE", "AESHOSP", "AESDISAB", "AESCONG", "AESMIE")
"""The criteria of a serious adverse event (ICH E2A), as SDTM names them."""


@dataclass
class Findings:
    """Collects what is found on the way to a status."""

    subject: str
    queries: list[Query] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    deadlines: list[datetime] = field(default_factory=list)
    safety: list[SafetyFinding] = field(default_factory=list)

    def ask(
        self,
        kind: Literal["missing", "doubtful", "conflict"],
        text: str,
        entries: Sequence[Entry] = (),
    ) -> None:
        """Put a question to the site; the same question only once."""
        identity = sha256(f"{self.subject}|{kind}|{text}")[:16]
        if any(query.id == identity for query in self.queries):
            return
        self.queries.append(
            Query(
                id=identity,
                subject=self.subject,
                kind=kind,
                text=text,
                evidence=tuple(entry.evidence for entry in entries),
                known_at=latest(entries),
            )
        )


def ask_conflicts(standing: Standings, found: Findings) -> None:
    """Ask about records of which more than one content stands."""
    for kind in sorted(standing):
        for one in standing[kind]:
            if one.doubt is not None:
                found.flags.add("conflict")
                found.ask("conflict", f"{kind}: {one.doubt}", one.entries)


def ask_place(person: Person, found: Findings) -> None:
    """Ask about a cohort that belongs to no arm of a study with arms: every criterion applies."""
    arms = person.protocol.arms.values()
    if arms and not any(person.cohort in arm.cohorts for arm in arms):
        found.ask("doubtful", f"cohort {person.cohort} belongs to no arm: every criterion applies")


def ask_doubts(person: Person, case: Case, found: Findings) -> None:
    """Ask about what can be read only on the safe side: a first dose without a day, a dose level
    that is none, a baseline after treatment, doubtful reports of events, and reports that do not
    agree with the laboratory."""
    if person.start_moved:
        text = "which day treatment began: an earlier dose was entered after a later one"
        found.ask("doubtful", text, tuple(person.first_doses()))
    elif case.start.first != case.start.last:
        found.ask("doubtful", "the date of the first dose is not a day")
    if person.part in person.protocol.counted_parts and not person.protocol.has(person.dose_level):
        found.ask("missing", "the dose level of a treated subject, as the protocol numbers it")
    for text, entry in _record_doubts(person, case):
        found.ask("doubtful", f"{text} ({entry.fact.recordid})", (entry,))
    _ask_discordances(case, found)
    if person.part in person.protocol.counted_parts:
        _ask_about_values(case, found)


def ask_first_day(trigger: Trigger, case: Case, found: Findings) -> None:
    """Ask whether a measurement that a criterion rests on was taken before the first dose, where
    its date and time leave that open: it counts as on treatment."""
    for entry in trigger.entries if trigger.result != "not_met" else ():
        of_day_1 = entry.fact.kind in DOMAINS and may_be_before(entry, case.zone, case.start)
        if of_day_1 and not is_before(entry, case.zone, case.start):
            text = "a value of the day of the first dose counts as taken after it"
            found.ask("doubtful", f"{text} ({entry.fact.recordid})", (entry,))


def _too_early(entry: Entry, case: Case) -> Iterator[str]:
    """Who is treated later has neither left nor died before; an event over a year before it would
    have been of treatment may be of it."""
    match entry.record:
        case Disposition() as left if any(word in left.DSDECOD.upper() for word in _LEFT):
            yield f"{left.DSDECOD} is dated before the first dose"
        case AdverseEvent() as event if a_year_early(entry, case.zone, case.start) is not None:
            over = end_of_event(event, case.zone)
            if over is not None and over < case.start.first:
                yield f"dated {entry.dates(case.zone)[1]}, a year before it may have happened"


def _excusing(case: Case) -> Iterator[tuple[str, Entry]]:
    """Severe grades before treatment by which one as bad on treatment does not count."""
    for term, seen in case.observations.items():
        if seen.low < SEVERE:
            continue
        before = list(takewhile(lambda one: one.before_treatment, seen))
        worst = max((one.low for one in before), default=0)
        after = max((one.low for one in seen[len(before) :]), default=0) if worst >= SEVERE else 0
        if SEVERE <= after <= worst:
            last = before[-1]
            yield (
                f"{term} of grade {worst} before treatment excuses grade {after} on it",
                last.entry,
            )


def _record_doubts(person: Person, case: Case) -> Iterator[tuple[str, Entry]]:
    """What is doubtful of single records, in words."""
    flagged = [one for kind in DOMAINS for one in person.of(kind) if one.flagged]
    for entry in (entry for one in flagged for entry in one.entries):
        if entry.flagged and entry.dates(case.zone)[0] > case.start.last:
            yield "a value flagged as baseline was taken after the first dose", entry
    yield from ((text, entry) for entry, text in case.asked.items())
    for kind in ("dose", "adverse_event", "concomitant", "disposition"):
        for entry in _entries(person, kind):
            if entry.when(case.zone).slipped:
                yield "dated after it was known", entry
            elif entry.dates(case.zone)[1] < case.start.first:
                yield from ((text, entry) for text in _too_early(entry, case))
    yield from _excusing(case)
    yield from doses_in_doubt(case)
    for entry in _entries(person, "adverse_event"):
        doubts = _doubts_of_report(person.protocol.ctcae, case.zone, entry)
        yield from ((text, entry) for text in doubts)


def _entries(person: Person, kind: str) -> Iterator[Entry]:
    return (entry for one in person.of(kind) for entry in one.entries)


def _doubts_of_report(ctcae: str, zone: ZoneInfo, entry: Entry) -> list[str]:
    """Read once: a record version never changes."""
    return entry.remembered("doubts", (ctcae, zone), lambda: list(_read_doubts(ctcae, zone, entry)))


def _read_doubts(ctcae: str, zone: ZoneInfo, entry: Entry) -> Iterator[str]:
    """A term the dictionary lacks, a grade the term lacks, an event called not serious against its
    own criteria, one that threatened life below grade 4, one that changes its grade or ends before
    it begins."""
    record = entry.record
    assert isinstance(record, AdverseEvent)
    yield from _grade_doubts(ctcae, record)
    criteria = [name for name in SERIOUSNESS if getattr(record, name) == "Y"]
    if record.AESER == "N" and criteria:
        yield f"an event is called not serious in spite of {', '.join(criteria)}"
    if highest_possible(record) > worst_reported(record) and record.AETOXGR is not None:
        called = "life-threatening" if is_life_threatening(record) else str(record.AESEV).lower()
        yield f"an event of grade {worst_reported(record)} is called {called}"
    began = entry.dates(zone)[0]
    if any(parse_dtc(one.dtc).local_dates(zone)[1] < began for one in record.grade_changes):
        yield "an event changes its grade before it begins"
    over = parse_dtc(record.AEENDTC).local_dates(zone)[1] if record.AEENDTC else None
    if over is not None and over < began:
        yield "an event ends before it begins"


def _grade_doubts(ctcae: str, record: AdverseEvent) -> Iterator[str]:
    """The doubts about the stated grade, and about the worst over time where that is another."""
    answer = reported_grade(ctcae, record)
    yield from (doubt.text for doubt in answer.doubts)
    worst = worst_reported(record)
    if answer.match is not None and worst != answer.low:
        text = lacking(answer.match.term, ctcae, worst, worst)
        if text is not None:
            yield text


def _ask_discordances(case: Case, found: Findings) -> None:
    """Ask where laboratory and reports disagree, once both had their time to come in."""
    for one in discordances(case.observations):
        due = day_ends(one.due, case.zone)
        found.deadlines.append(due)
        if due <= case.as_of:
            found.ask("doubtful", one.text, one.entries)


def _ask_about_values(case: Case, found: Findings) -> None:
    """Ask what decides between two grades, until the events of the time are in: who reports none
    then says that there was no symptom. Ask about tests nobody knows."""
    for text, entries, through in worst_cases(case):
        if not case.is_complete("AE", through):
            found.ask("missing", text, entries)
            assumed = case.assumed_complete(through)
            found.deadlines += [assumed] if assumed else []
    for text, entry in unknown_tests(case):
        found.ask("doubtful", text, (entry,))
