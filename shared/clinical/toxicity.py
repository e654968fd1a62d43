"""A subject's toxicities over time: per CTCAE term, what grade when, by laboratory and by report.

A laboratory value stands until the next one is measured (carry forward). A `Run` is a stretch at or
above a grade; it must start or worsen on treatment (treatment-emergent, ICH E9), so a grade the
subject already had before the first dose is not one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from shared.clinical.ctcae import Graded, LabValue, NotGradable, grade, term_of
from shared.clinical.protocol import Attribution, Protocol
from shared.clinical.timeline import Entry, Standing, highest_possible, worst_reported
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import AdverseEvent, Disposition, Lab

Related = Literal["yes", "no", "unknown"]
DEATH = 5


@dataclass(frozen=True, slots=True)
class Observation:
    """One grade of one term, from a day on. ``low`` to ``high`` is a range where it is not certain.

    ``first`` to ``last`` are the local dates it may have begun, ``end`` the date a reported event
    was over (None: not over, or a laboratory value, which the next value ends).
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
    related: Related = "unknown"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch at or above a grade. ``end`` is the first date below it, None while it lasts.

    ``certain`` is false where only the upper end of a grade range reaches the grade; ``measured``
    says that a laboratory value is part of it. ``attribution`` joins the reports of the same term
    during the stretch; ``judge`` means that a laboratory value qualifies and every report calls it
    unrelated.
    """

    term: str
    first: date
    last: date
    moment: tuple[datetime, datetime]
    end: date | None
    last_observed: date
    certain: bool
    measured: bool
    worst: int
    why: str
    entries: tuple[Entry, ...]
    attribution: Related | Literal["judge"]


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
        for entry in standing.entries:
            found += _laboratory(protocol, zone, entry, start, baselines)
    for standing in events:
        related = relatedness(standing.versions, protocol.attribution)
        for entry in standing.entries:
            found += _reported(protocol, zone, entry, start, related)
    if not any(seen.high == DEATH for seen in found):
        found += _deaths(zone, dispositions)
    found.sort(key=lambda seen: (seen.first, seen.moment, seen.entry.fact.fact_id))
    by_term: dict[str, list[Observation]] = {}
    for seen in found:
        by_term.setdefault(seen.term, []).append(seen)
    return by_term


def _is_baseline(record: Lab, entry: Entry, zone: ZoneInfo, start: FirstDose) -> bool:
    """Flagged by the source, or certainly taken before the first dose."""
    if record.LBLOBXFL == "Y":
        return True
    return entry.instants(zone)[1] < start.moment[0] and entry.dates(zone)[1] <= start.first


def _baselines(
    labs: Sequence[Standing], zone: ZoneInfo, start: FirstDose
) -> dict[tuple[str, str | None], LabValue]:
    """Per test and specimen the last value before treatment, the flagged one if there is one."""
    best: dict[tuple[str, str | None], tuple[tuple[bool, datetime, str], LabValue]] = {}
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
    baselines: dict[tuple[str, str | None], LabValue],
) -> tuple[Observation, ...]:
    record = entry.record
    assert isinstance(record, Lab)
    if record.LBORRES is None:
        return ()
    before = _is_baseline(record, entry, zone, start)
    baseline = None if before else baselines.get((record.LBTESTCD, record.LBSPEC))
    basis = (protocol.ctcae, zone, before, baseline)
    if entry.graded is None or entry.graded[0] != basis:
        entry.graded = (basis, _grades(protocol, zone, entry, before, baseline))
    return entry.graded[1]


def _grades(
    protocol: Protocol, zone: ZoneInfo, entry: Entry, before: bool, baseline: LabValue | None
) -> tuple[Observation, ...]:
    when = entry.when(zone)
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
    value: LabValue, ctcae: str, baseline: LabValue | None, is_baseline: bool
) -> tuple[Graded | NotGradable, ...]:
    return grade(value, ctcae=ctcae, baseline=baseline, is_baseline=is_baseline)


def known_term(protocol: Protocol, record: AdverseEvent) -> str | None:
    """The CTCAE term of a reported event, where the dictionary has it."""
    for name in (record.AEDECOD, record.AETERM):
        term = term_of(protocol.ctcae, name) if name else None
        if term is not None:
            return term.name
    return None


def relatedness(versions: Sequence[Entry], attribution: Attribution) -> Related:
    """Causality over all versions of a report: whoever once said related is not overruled by a
    later version (only a `dlt_review` does that); no statement, or a wording the protocol does not
    know, is unknown and counts as related until answered."""
    related = {word.upper() for word in attribution.related}
    unrelated = {word.upper() for word in attribution.not_related}
    words = [
        (entry.record.AEREL or "").strip().upper()
        for entry in versions
        if isinstance(entry.record, AdverseEvent)
    ]
    if any(word in related for word in words):
        return "yes"
    return "no" if words and words[-1] in unrelated else "unknown"


def _reported(
    protocol: Protocol, zone: ZoneInfo, entry: Entry, start: FirstDose, related: Related
) -> Iterable[Observation]:
    record = entry.record
    assert isinstance(record, AdverseEvent)
    term = known_term(protocol, record) or record.AEDECOD or record.AETERM
    over = _over(record, zone)
    steps = _steps(entry, record, zone)
    possible = highest_possible(record)
    for index, (first, last, moment, value) in enumerate(steps):
        high = possible if value == worst_reported(record) else value
        later = steps[index + 1][0] if index + 1 < len(steps) else None
        yield Observation(
            term=term,
            first=first,
            last=last,
            moment=moment,
            low=value,
            high=high,
            entry=entry,
            why=f"reported grade {value}" if value == high else "reported as severe, grade 3 or 4",
            reported=True,
            before_treatment=last < start.first,
            end=later or over,
            related=related,
        )


def _deaths(zone: ZoneInfo, dispositions: Sequence[Standing]) -> Iterable[Observation]:
    for standing in dispositions:
        for entry in standing.entries:
            if isinstance(entry.record, Disposition) and entry.record.DSDECOD.upper() == "DEATH":
                first, last = entry.dates(zone)
                yield Observation(
                    term="Death NOS",
                    first=first,
                    last=last,
                    moment=entry.instants(zone),
                    low=DEATH,
                    high=DEATH,
                    entry=entry,
                    why="death by disposition, grade 5",
                    reported=True,
                    before_treatment=False,
                )


def _steps(
    entry: Entry, record: AdverseEvent, zone: ZoneInfo
) -> list[tuple[date, date, tuple[datetime, datetime], int]]:
    """The grades of a report over time: its start, then each change of grade."""
    first, last = entry.dates(zone)
    changes = []
    for change in record.grade_changes:
        interval = parse_dtc(change.dtc)
        days = interval.local_dates(zone)
        changes.append((days[0], days[1], interval.instants(zone), int(change.grade)))
    changes.sort(key=lambda step: (step[0], step[3]))
    worst = worst_reported(record)
    if not changes:
        return [(first, last, entry.instants(zone), worst)]
    if changes[0][0] > first:
        changes.insert(0, (first, last, entry.instants(zone), worst))
    elif worst > max(step[3] for step in changes):
        changes[0] = (*changes[0][:3], worst)
    return changes


def _over(record: AdverseEvent, zone: ZoneInfo) -> date | None:
    """The date a reported event was certainly over: the last its end may mean."""
    if record.AEENDTC is None or (record.AEOUT or "").upper() == "FATAL":
        return None
    return parse_dtc(record.AEENDTC).local_dates(zone)[1]


def runs_at(observations: Sequence[Observation], threshold: int) -> list[Run]:
    """The treatment-emergent stretches of one term at ``threshold`` or above, by onset."""
    measured = [seen for seen in observations if not seen.reported]
    reports = [seen for seen in observations if seen.reported]
    before = [seen for seen in measured if seen.before_treatment][-1:]
    before += [seen for seen in reports if seen.before_treatment]
    needed = max(threshold, max((seen.low for seen in before), default=0) + 1)
    pieces = _measured_runs(measured, needed)
    pieces += [
        _piece([seen], needed, seen.end, seen.end or seen.last)
        for seen in reports
        if seen.high >= needed and not seen.before_treatment
    ]
    pieces.sort(key=lambda run: (run.first, run.moment, run.entries[0].fact.fact_id))
    return [_attributed(run, reports) for run in _merge(pieces)]


def _measured_runs(measured: Sequence[Observation], needed: int) -> list[Run]:
    runs: list[Run] = []
    current: list[Observation] = []
    for seen in measured:
        if seen.before_treatment:
            continue
        if seen.high >= needed:
            current.append(seen)
        elif current:
            runs.append(_piece(current, needed, seen.first, current[-1].last))
            current = []
    if current:
        runs.append(_piece(current, needed, None, current[-1].last))
    return runs


def _piece(seen: list[Observation], needed: int, end: date | None, last_observed: date) -> Run:
    worst = max(seen, key=lambda one: (one.high, one.low))
    return Run(
        term=seen[0].term,
        first=seen[0].first,
        last=seen[0].last,
        moment=seen[0].moment,
        end=end,
        last_observed=last_observed,
        certain=any(one.low >= needed for one in seen),
        measured=not seen[0].reported,
        worst=worst.high,
        why=worst.why,
        entries=tuple(one.entry for one in seen),
        attribution="unknown",
    )


def _merge(pieces: Sequence[Run]) -> list[Run]:
    """Join overlapping stretches: the laboratory and the report of one event are one event."""
    merged: list[Run] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last is None or (last.end is not None and piece.first > last.end):
            merged.append(piece)
            continue
        worst = max(last, piece, key=lambda run: (run.worst, run.measured))
        merged[-1] = replace(
            last,
            end=None if last.end is None or piece.end is None else max(last.end, piece.end),
            last_observed=max(last.last_observed, piece.last_observed),
            certain=last.certain or piece.certain,
            worst=worst.worst,
            measured=last.measured or piece.measured,
            why=worst.why,
            entries=tuple(dict.fromkeys((*last.entries, *piece.entries))),
        )
    return merged


def _attributed(run: Run, reports: Sequence[Observation]) -> Run:
    """Add what the reports of the same term during the stretch say about causality."""
    slack = timedelta(days=1)
    during = [
        seen
        for seen in reports
        if (run.end is None or seen.first <= run.end + slack)
        and (seen.end is None or seen.end >= run.first - slack)
    ]
    said = {seen.related for seen in during}
    attribution: Related | Literal["judge"] = "unknown"
    if "yes" in said:
        attribution = "yes"
    elif said == {"no"}:
        attribution = "judge" if run.measured else "no"
    entries = tuple(dict.fromkeys((*run.entries, *(seen.entry for seen in during))))
    return replace(run, attribution=attribution, entries=entries)
