"""A subject's toxicities over time: per CTCAE term, what grade when, by measurement and by report.

What is not certain stays a range: a grade without its baseline, a date that is a month, an event
that began before the first dose. `shared.clinical.runs` makes stretches of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain, groupby
from zoneinfo import ZoneInfo

from shared.clinical.criteria import Attribution
from shared.clinical.ctcae.reported import NoReportedGrade, ReportedGrade, grade_reported
from shared.clinical.measured import GradedSample
from shared.clinical.observations import DEATH, Course, Observation, Related
from shared.clinical.protocol import Protocol
from shared.clinical.samples import FirstDose, a_year_early
from shared.clinical.timeline import (
    Entry,
    Standing,
    highest_possible,
    is_death,
    is_fatal,
    is_life_threatening,
    worst_reported,
)
from shared.clinical.when import When
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import AdverseEvent

_BY_DRUG = re.compile(r"AEREL\d+")


def observe(
    zone: ZoneInfo,
    measured: Mapping[str, Course],
    reported: Mapping[str, Course],
    dispositions: Sequence[Standing],
    start: FirstDose,
) -> dict[str, Course]:
    """Every grade of the subject by term, ordered by date; measured and reported together.

    A death known only from a disposition is a grade 5 event of unknown cause.
    """
    deaths = list(_deaths(zone, dispositions, start))
    if deaths:
        courses = (*reported.values(), *measured.values())
        fatal = [seen for one in courses if one.high >= DEATH for seen in one if seen.high == DEATH]
        told = [one for one in deaths if not any(seen.first <= one.last for seen in fatal)]
        reported = _by_term([*chain.from_iterable(reported.values()), *told])
    return _joined(measured, reported)


def reported_courses(
    protocol: Protocol, zone: ZoneInfo, events: Iterable[Standing], start: FirstDose
) -> dict[str, Course]:
    """What was reported by term, ordered by date."""
    reported: list[Observation] = []
    for standing in events:
        related = relatedness(standing, protocol.attribution)
        reported += _worst_of(
            [tuple(_reported(protocol, zone, one, start, related)) for one in standing.entries]
        )
    return _by_term(reported)


def observed(
    zone: ZoneInfo, contents: Iterable[tuple[GradedSample, ...]], start: FirstDose
) -> Sequence[Observation]:
    """The observations that the graded measurements of one record give."""
    return _worst_of([_observed(content, zone, start) for content in contents])


def measured_courses(values: Iterable[Observation]) -> dict[str, Course]:
    """Measured observations by term, ordered by date. Of several values of one time the worst
    counts; and where a term has more than one kind of measurement (systolic and diastolic
    pressure), what one kind said stands until the next value of that kind."""
    found: dict[str, Course] = {}
    for term, seen in _by_term(values).items():
        times = {(one.before_treatment, one.moment) for one in seen}
        several = len(times) < len(seen) or len({one.series for one in seen}) > 1
        found[term] = Course(sorted(_course(seen), key=in_time)) if several else seen
    return dict(sorted(found.items(), key=lambda course: in_time(course[1][0])))


def observation_of(zone: ZoneInfo, start: FirstDose, graded: GradedSample) -> Observation:
    """The observation that one graded measurement gives."""
    return _observation(graded, _when(graded.sample.entry, zone, start))


def _joined(measured: Mapping[str, Course], reported: Mapping[str, Course]) -> dict[str, Course]:
    joined = dict(measured)
    for term, reports in reported.items():
        values = measured.get(term)
        joined[term] = reports if values is None else _both(values, reports)
    return joined


def _both(values: Course, reports: Course) -> Course:
    return values.remembered(
        "joined", reports, lambda: Course(sorted([*values, *reports], key=in_time))
    )


def _by_term(found: Iterable[Observation]) -> dict[str, Course]:
    """By term, in the order of time."""
    by_term: dict[str, list[Observation]] = {}
    for seen in sorted(found, key=in_time):
        by_term.setdefault(seen.term, []).append(seen)
    return {term: Course(seen) for term, seen in by_term.items()}


def in_time(seen: Observation) -> tuple[date, tuple[datetime, datetime], str]:
    """By which observations are put into the order of time."""
    return seen.first, seen.moment, seen.entry.fact.fact_id


def _worst_of(contents: list[tuple[Observation, ...]]) -> Sequence[Observation]:
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


def _observed(
    content: tuple[GradedSample, ...], zone: ZoneInfo, start: FirstDose
) -> tuple[Observation, ...]:
    """What the graded measurements of one record say; one that was not done says nothing."""
    if not content or content[0].answer.answer.reason == "not_done":
        return ()
    entry = content[0].sample.entry
    when = _when(entry, zone, start)
    return entry.remembered(
        "observed", (content, when), lambda: tuple(_observation(one, when) for one in content)
    )


def _observation(graded: GradedSample, when: When) -> Observation:
    return Observation(
        term=graded.answer.term,
        first=when.first,
        last=when.last,
        moment=when.moment,
        low=graded.low,
        high=graded.high,
        entry=graded.sample.entry,
        told=graded,
        reported=False,
        before_treatment=graded.before,
        worst=graded.worst,
        series=graded.series,
        others=graded.others,
    )


def _course(seen: Iterable[Observation]) -> Iterator[Observation]:
    standing: dict[object, Observation] = {}
    worst: Observation | None = None
    seen = sorted(seen, key=lambda one: (one.first, one.moment, not one.before_treatment))
    for _, together in groupby(seen, key=lambda one: (one.moment, one.before_treatment)):
        taken: dict[object, Observation] = {}
        for one in sorted(together, key=_badness):
            taken[one.series] = one
        standing |= taken
        before, worst = worst, max(standing.values(), key=_badness)
        said = worst if worst.series in taken else before and taken.get(before.series)
        if said:
            yield said._replace(
                low=max(one.low for one in standing.values()),
                high=worst.high,
                worst=max(one.worst for one in standing.values()),
                told=worst.told,
            )


def _badness(seen: Observation) -> tuple[int, int, int, str]:
    return seen.high, seen.low, seen.worst, seen.entry.fact.fact_id


def _when(entry: Entry, zone: ZoneInfo, start: FirstDose) -> When:
    """When it may have happened; of a date in the future only that it was on treatment."""
    when = entry.when(zone)
    if not when.slipped:
        return when
    return replace(when, first=start.first, moment=(start.moment[0], when.moment[1]))


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
    if any(word in related for entry in standing.versions for word in causality_of(entry)):
        return "yes"
    words = [word for entry in standing.entries for word in causality_of(entry)]
    return "no" if all(word in unrelated for word in words) else "unknown"


def causality_of(entry: Entry) -> list[str]:
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
    steps = grade_steps(_when(entry, zone, start), record, zone)
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
            yield from _a_year_later(entry, answer.term, (first, last), high, zone, start)
            continue
        seen = Observation(
            term=answer.term,
            first=first,
            last=last,
            moment=moment,
            low=value,
            high=high,
            entry=entry,
            told=f"{_said(record, value, high)}{words}",
            reported=True,
            before_treatment=before,
            end=end,
            over=at,
            related=related,
        )
        yield _on_treatment(seen, zone, start) if before and value not in stated else seen


def _a_year_later(
    entry: Entry, term: str, days: tuple[date, date], high: int, zone: ZoneInfo, start: FirstDose
) -> Iterator[Observation]:
    """An event over before treatment that would be of it a year later: it may have been."""
    later = a_year_early(entry, zone, start)
    if later is not None:
        first, last = max(later[0], start.first), later[1]
        yield Observation(
            term=term,
            first=first,
            last=last,
            moment=(start.moment[0], entry.fact.known_at),
            low=0,
            high=high,
            entry=entry,
            told=f"reported grade {high}, dated {days[1]}",
            reported=True,
            before_treatment=False,
            end=last,
        )


def _said(record: AdverseEvent, grade: int, high: int) -> str:
    if grade == high:
        return f"reported grade {grade}"
    if is_life_threatening(record):
        return f"reported as life-threatening, at grade {grade}"
    return "reported as severe, grade 3 or 4"


def _on_treatment(seen: Observation, zone: ZoneInfo, start: FirstDose) -> Observation:
    """An event that began before the first dose and outlasted it, with one grade for all of it:
    when it reached that grade nobody says. A death was not before the first dose."""
    known = seen.entry.fact.known_at
    return seen._replace(
        first=start.first,
        last=max(start.last, seen.end or known.astimezone(zone).date()),
        moment=(start.moment[0], max(start.moment[1], known)),
        low=DEATH if seen.low == DEATH else 0,
        told=f"{seen.why}, begun before the first dose",
        before_treatment=False,
    )


def _deaths(
    zone: ZoneInfo, dispositions: Sequence[Standing], start: FirstDose
) -> Iterable[Observation]:
    for standing in dispositions:
        for entry in standing.entries:
            if is_death(entry.record):
                when = _when(entry, zone, start)
                death = Observation(
                    term="Death NOS",
                    first=when.first,
                    last=when.last,
                    moment=when.moment,
                    low=DEATH,
                    high=DEATH,
                    entry=entry,
                    told="death by disposition, grade 5",
                    reported=True,
                    before_treatment=False,
                )
                before = when.last < start.first
                yield _on_treatment(death, zone, start) if before else death


def grade_steps(
    when: When, record: AdverseEvent, zone: ZoneInfo
) -> list[tuple[date, date, tuple[datetime, datetime], int]]:
    """The grades of a report over time: its start, then each change of grade."""
    start = (when.first, when.last, when.moment)
    changes = []
    for change in record.grade_changes:
        interval = parse_dtc(change.dtc)
        days, moment = interval.local_dates(zone), interval.instants(zone)
        if days[1] < when.first:
            # Nothing changes before it began: the event had that grade from its start.
            days, moment = (when.first, when.last), when.moment
        changes.append((*days, moment, int(change.grade)))
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
