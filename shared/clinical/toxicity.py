"""A subject's toxicities over time: per CTCAE term, what grade when, by laboratory and by report.

What is not certain stays a range: a grade without its baseline, a date that is a month, an event
that began before the first dose. `shared.clinical.runs` makes stretches of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from shared.clinical.criteria import Attribution
from shared.clinical.ctcae import Graded, Measurement, NotGradable, grade
from shared.clinical.ctcae.reported import NoReportedGrade, ReportedGrade, grade_reported
from shared.clinical.protocol import Protocol
from shared.clinical.timeline import (
    Entry,
    Standing,
    When,
    highest_possible,
    is_death,
    is_fatal,
    worst_reported,
)
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import AdverseEvent, Lab

Related = Literal["yes", "no", "unknown"]
DEATH = 5
_BY_DRUG = re.compile(r"AEREL\d+")


@dataclass(frozen=True, slots=True)
class Observation:
    """One grade of one term, from a day on. ``low`` to ``high`` is a range where it is not certain.

    ``first`` to ``last`` are the local dates it may have begun, ``end`` the date a reported event
    was over (None: not over, or a laboratory value, which the next value ends) and ``over`` the
    instants that may have been.
    """

    term: str
    first: date
    last: date
    moment: tuple[datetime, datetime]
    low: int
    high: int
    entry: Entry
    why: str
    reported: bool
    before_treatment: bool
    end: date | None = None
    over: tuple[datetime, datetime] | None = None
    related: Related = "unknown"


@dataclass(frozen=True, slots=True)
class FirstDose:
    """The start of treatment, as dates and instants it may be."""

    first: date
    last: date
    moment: tuple[datetime, datetime]


def observe(
    protocol: Protocol,
    zone: ZoneInfo,
    labs: Sequence[Standing],
    events: Sequence[Standing],
    dispositions: Sequence[Standing],
    start: FirstDose,
) -> dict[str, list[Observation]]:
    """Every grade of the subject by term, ordered by date; laboratory and reported together.

    A death known only from a disposition is a grade 5 event of unknown cause.
    """
    found: list[Observation] = []
    baselines = _baselines(labs, zone, start)
    for standing in labs:
        found += _worst_of(
            [_laboratory(protocol, zone, entry, start, baselines) for entry in standing.entries]
        )
    for standing in events:
        related = relatedness(standing, protocol.attribution)
        found += _worst_of(
            [tuple(_reported(protocol, zone, one, start, related)) for one in standing.entries]
        )
    fatal = [seen for seen in found if seen.high == DEATH]
    found += [
        death
        for death in _deaths(zone, dispositions, start)
        if not any(seen.first <= death.last for seen in fatal)
    ]
    found.sort(key=lambda seen: (seen.first, seen.moment, seen.entry.fact.fact_id))
    by_term: dict[str, list[Observation]] = {}
    for seen in found:
        by_term.setdefault(seen.term, []).append(seen)
    return by_term


def _worst_of(contents: list[tuple[Observation, ...]]) -> Iterable[Observation]:
    """Of a record that contradicts itself only the worst content, term by term: the other can
    neither end a stretch nor be what existed before treatment."""
    if len(contents) == 1:
        return contents[0]
    everything = [seen for content in contents for seen in content]
    kept = []
    for content in contents:
        for seen in content:
            here, there = (
                max((not one.before_treatment, one.high) for one in group if one.term == seen.term)
                for group in (content, everything)
            )
            if here == there:
                kept.append(seen)
    return kept


def _is_baseline(record: Lab, entry: Entry, zone: ZoneInfo, start: FirstDose) -> bool:
    """Flagged by the source and not of a later day than the first dose, or certainly taken before
    it."""
    if record.LBLOBXFL == "Y" and entry.dates(zone)[0] <= start.last:
        return True
    return entry.instants(zone)[1] < start.moment[0] and entry.dates(zone)[1] <= start.first


def _baselines(
    labs: Sequence[Standing], zone: ZoneInfo, start: FirstDose
) -> dict[tuple[str, str | None], Measurement]:
    """Per test and specimen the last value before treatment, the flagged one if there is one."""
    best: dict[tuple[str, str | None], tuple[tuple[bool, datetime, str], Measurement]] = {}
    for standing in labs:
        entry = standing.entries[0]
        record = entry.record
        assert isinstance(record, Lab)
        if record.LBORRES is None or not _is_baseline(record, entry, zone, start):
            continue
        rank = (record.LBLOBXFL == "Y", entry.instants(zone)[1], entry.fact.fact_id)
        key = (record.LBTESTCD, record.LBSPEC)
        if key not in best or rank > best[key][0]:
            best[key] = (rank, entry.lab_value())
    return {key: value for key, (_, value) in best.items()}


def _laboratory(
    protocol: Protocol,
    zone: ZoneInfo,
    entry: Entry,
    start: FirstDose,
    baselines: dict[tuple[str, str | None], Measurement],
) -> tuple[Observation, ...]:
    record = entry.record
    assert isinstance(record, Lab)
    if record.LBORRES is None:
        return ()
    before = _is_baseline(record, entry, zone, start)
    baseline = None if before else baselines.get((record.LBTESTCD, record.LBSPEC))
    when = _when(entry, zone, start)
    basis = (protocol.ctcae, when, before, baseline)
    if entry.graded is None or entry.graded[0] != basis:
        entry.graded = (basis, _grades(protocol, when, entry, before, baseline))
    return entry.graded[1]


def _when(entry: Entry, zone: ZoneInfo, start: FirstDose) -> When:
    """When it may have happened; of a date in the future only that it was on treatment."""
    when = entry.when(zone)
    if not when.slipped:
        return when
    return replace(when, first=start.first, moment=(start.moment[0], when.moment[1]))


def _grades(
    protocol: Protocol, when: When, entry: Entry, before: bool, baseline: Measurement | None
) -> tuple[Observation, ...]:
    answers = _graded(entry.lab_value(), protocol.ctcae, baseline, before)
    return tuple(
        Observation(
            term=answer.term,
            first=when.first,
            last=when.last,
            moment=when.moment,
            low=answer.low,
            high=answer.high,
            entry=entry,
            why=answer.why if isinstance(answer, Graded) else f"not gradable: {answer.why}",
            reported=False,
            before_treatment=before,
        )
        for answer in answers
    )


@lru_cache(maxsize=65536)
def _graded(
    value: Measurement, ctcae: str, baseline: Measurement | None, is_baseline: bool
) -> tuple[Graded | NotGradable, ...]:
    return grade(value, ctcae=ctcae, baseline=baseline, is_baseline=is_baseline)


def reported_grade(ctcae: str, record: AdverseEvent) -> ReportedGrade | NoReportedGrade:
    """The term a reported event means, and its grade as stated beside it."""
    return grade_reported(
        record.AEDECOD,
        record.AETERM,
        record.AETOXGR,
        ctcae,
        record.AEPTCD,
        lltcd=str(record.supp.get("AELLTCD") or ""),
        aesev=record.AESEV,
    )


def relatedness(standing: Standing, attribution: Attribution) -> Related:
    """Causality over all versions of a report: whoever once said related is not overruled by a
    later version (only a `dlt_review` does that); no statement, or a wording the protocol does not
    know, is unknown and counts as related until answered. Related to one drug (``AEREL1``, ...) is
    related."""
    related = {word.upper() for word in attribution.related}
    unrelated = {word.upper() for word in attribution.not_related}
    if any(word in related for entry in standing.versions for word in _causality(entry)):
        return "yes"
    words = [word for entry in standing.entries for word in _causality(entry)]
    return "no" if all(word in unrelated for word in words) else "unknown"


def _causality(entry: Entry) -> list[str]:
    """What a version says about causality, overall and by drug; empty for a deletion."""
    record = entry.record
    if not isinstance(record, AdverseEvent):
        return []
    by_drug = [record.supp[name] for name in sorted(record.supp) if _BY_DRUG.fullmatch(name)]
    return [str(word or "").strip().upper() for word in (record.AEREL, *by_drug)]


def _reported(
    protocol: Protocol, zone: ZoneInfo, entry: Entry, start: FirstDose, related: Related
) -> Iterable[Observation]:
    record = entry.record
    assert isinstance(record, AdverseEvent)
    answer = reported_grade(protocol.ctcae, record)
    match = answer.match
    words = f' as "{match.said}"' if match is not None and match.by != "term" else ""
    over = end_of_event(record, zone)
    steps = _steps(_when(entry, zone, start), record, zone)
    worst, possible = worst_reported(record), highest_possible(record)
    stated = {int(change.grade) for change in record.grade_changes}
    for index, (first, last, moment, value) in enumerate(steps):
        high = possible if value == worst else value
        end = steps[index + 1][0] if index + 1 < len(steps) else over
        at = steps[index + 1][2] if index + 1 < len(steps) else None
        if at is None and over is not None and record.AEENDTC is not None:
            at = parse_dtc(record.AEENDTC).instants(zone)
        before = last < start.first
        if before and end is not None and end < start.first:
            continue
        seen = Observation(
            term=answer.term,
            first=first,
            last=last,
            moment=moment,
            low=value,
            high=high,
            entry=entry,
            why=f"{_said(value, high)}{words}",
            reported=True,
            before_treatment=before,
            end=end,
            over=at,
            related=related,
        )
        yield _on_treatment(seen, zone, start) if before and value not in stated else seen


def _said(grade: int, high: int) -> str:
    return f"reported grade {grade}" if grade == high else "reported as severe, grade 3 or 4"


def _on_treatment(seen: Observation, zone: ZoneInfo, start: FirstDose) -> Observation:
    """An event that began before the first dose and outlasted it, with one grade for all of it:
    when it reached that grade nobody says. A death was not before the first dose."""
    known = seen.entry.fact.known_at
    return replace(
        seen,
        first=start.first,
        last=max(start.last, seen.end or known.astimezone(zone).date()),
        moment=(start.moment[0], max(start.moment[1], known)),
        low=DEATH if seen.low == DEATH else 0,
        why=f"{seen.why}, begun before the first dose",
        before_treatment=False,
    )


def _deaths(
    zone: ZoneInfo, dispositions: Sequence[Standing], start: FirstDose
) -> Iterable[Observation]:
    for standing in dispositions:
        for entry in standing.entries:
            if is_death(entry.record):
                when = _when(entry, zone, start)
                yield Observation(
                    term="Death NOS",
                    first=when.first,
                    last=when.last,
                    moment=when.moment,
                    low=DEATH,
                    high=DEATH,
                    entry=entry,
                    why="death by disposition, grade 5",
                    reported=True,
                    before_treatment=False,
                )


def _steps(
    when: When, record: AdverseEvent, zone: ZoneInfo
) -> list[tuple[date, date, tuple[datetime, datetime], int]]:
    """The grades of a report over time: its start, then each change of grade."""
    start = (when.first, when.last, when.moment)
    changes = []
    for change in record.grade_changes:
        interval = parse_dtc(change.dtc)
        days = interval.local_dates(zone)
        changes.append((days[0], days[1], interval.instants(zone), int(change.grade)))
    changes.sort(key=lambda step: (step[0], step[3]))
    worst = worst_reported(record)
    if not changes:
        return [(*start, worst)]
    if changes[0][0] > when.first:
        changes.insert(0, (*start, worst))
    elif worst > max(step[3] for step in changes):
        changes[0] = (*changes[0][:3], worst)
    return changes


def end_of_event(record: AdverseEvent, zone: ZoneInfo) -> date | None:
    """The date a reported event was certainly over: the last its end may mean. None where it ended
    in death, or before it began."""
    if record.AEENDTC is None or is_fatal(record):
        return None
    over = parse_dtc(record.AEENDTC).local_dates(zone)[1]
    return over if over >= parse_dtc(record.AESTDTC).local_dates(zone)[0] else None
