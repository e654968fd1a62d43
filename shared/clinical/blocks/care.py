"""Treatments given for a toxicity: whether, how much, how long, and whether it persists under them.

An absent record means "not given" only where the source is complete for concomitant treatments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from shared.clinical.blocks.answers import Answer, any_of, decider, negated
from shared.clinical.blocks.episode import Episode, Interval, Start
from shared.clinical.blocks.names import is_named, sounds_like
from shared.clinical.case import Case
from shared.clinical.criteria import Despite, Treatment
from shared.clinical.protocol import day_ends, day_starts
from shared.clinical.timeline import Entry
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import Concomitant, numeric

_CARE = ("supportive_care", "steroid", "immunosuppressant", "growth_factor", "transfusion")


@dataclass(frozen=True, slots=True)
class Given:
    """One treatment record: the dates and instants it may have begun, and its last day (today
    while it goes on). ``ended``: the instants it may have ended at, None while it goes on."""

    entry: Entry
    record: Concomitant
    first: date
    last: date
    moment: Interval
    until: date
    ended: Interval | None


def given(case: Case, category: str, names: Sequence[str]) -> list[Given]:
    """Every standing record of a treatment, by category and (part of) name. A record without a
    category counts if its name does."""
    return [
        one
        for one in _of_category(case, category)
        if (is_named(names, one.record.CMTRT) if names else one.record.category is not None)
    ]


def _of_category(case: Case, category: str) -> Iterator[Given]:
    """Every standing record of a category, or of none."""
    for standing in case.concomitants:
        for entry in standing.entries:
            record = entry.record
            assert isinstance(record, Concomitant)
            if record.category in (category, None):
                yield _given(entry, record, case)


def _given(entry: Entry, record: Concomitant, case: Case) -> Given:
    first, last = entry.dates(case.zone)
    ended: Interval | None = None
    if record.CMENDTC is not None:
        end = parse_dtc(record.CMENDTC)
        until, ended = end.local_dates(case.zone)[1], end.instants(case.zone)
    elif record.category in ("transfusion", None):
        # A transfusion is given on a day; other treatments go on until they are said to have ended.
        until, ended = last, entry.instants(case.zone)
    else:
        until = case.today
    moment = entry.instants(case.zone)
    return Given(entry, record, first, last, moment, max(last, until), ended)


def during(episode: Episode, category: str, names: Sequence[str]) -> list[Given]:
    """The treatments given while the toxicity lasts, by start."""
    return _during(episode, given(episode.case, category, names))


def _during(episode: Episode, found: Iterable[Given]) -> list[Given]:
    lasting = (
        one for one in found if one.until >= episode.run.first and one.first <= episode.until
    )
    return sorted(lasting, key=lambda one: (one.first, one.moment, one.entry.fact.fact_id))


def care_start(
    episode: Episode, category: str | None = None, names: Sequence[str] = ()
) -> Start | None:
    """When care for the toxicity began, not before the toxicity itself; None where none is on
    record."""
    kinds = _CARE if category is None else (category,)
    starts = [one for kind in kinds for one in during(episode, kind, names)]
    if not starts:
        return None
    begun = min(starts, key=lambda one: (one.first, one.moment))
    run = episode.run
    moment = max(begun.moment[0], run.moment[0]), max(begun.moment[1], run.moment[1])
    return Start(max(begun.first, run.first), max(begun.last, run.last), moment)


def treated(rule: Treatment, episode: Episode) -> Answer:
    """Whether the treatment was given during the toxicity as the rule describes."""
    if not rule.given:
        answer = negated(_not_before(episode, _given_at_all(rule, episode)))
        nothing = f"no {rule.category} on record"
        return replace(answer, why=nothing) if answer.holds == "yes" else answer
    if rule.classes_at_least is not None:
        return _classes(rule, rule.classes_at_least, episode)
    return _given_at_all(rule, episode)


def _not_before(episode: Episode, answer: Answer) -> Answer:
    """A treatment that began after the toxicity had lasted as long as the criterion asks came too
    late to matter."""
    reached = episode.reached
    if answer.holds != "yes" or reached is None or answer.first is None or answer.first <= reached:
        return answer
    return Answer("no", f"{answer.why}, begun after {reached}")


def _given_at_all(rule: Treatment, episode: Episode) -> Answer:
    records = during(episode, rule.category, rule.names)
    answers = [_as_described(rule, one, records, episode) for one in records]
    found = any_of(answers)
    if any(answer.holds != "no" for answer in answers):
        return found
    doubtful = _unclear(rule, episode)
    if doubtful is not None:
        return doubtful
    return missing_means(episode, "CM", found.why or "nothing else reported with it", found.entries)


def _unclear(rule: Treatment, episode: Episode) -> Answer | None:
    """Open where a record of the time may be what the criterion names, by a word of its name."""
    alike = [
        one
        for one in _during(episode, _of_category(episode.case, rule.category))
        if sounds_like(rule.names, one.record.CMTRT) and not is_named(rule.names, one.record.CMTRT)
    ]
    if not alike:
        return None
    said = ", ".join(dict.fromkeys(one.record.CMTRT for one in alike))
    missing = f"whether {said} is what the criterion means by {' or '.join(rule.names)}"
    entries = tuple(one.entry for one in alike)
    return Answer("open", f"{rule.category} {said}", entries=entries, missing=missing)


def missing_means(
    episode: Episode, domain: str, why: str, entries: tuple[Entry, ...] = ()
) -> Answer:
    """What an absent record of a domain means: "no" where the source is complete, otherwise open.
    While the toxicity lasts within the window each day needs its own confirmation."""
    case, until = episode.case, episode.needed_until
    tomorrow = day_starts(until + timedelta(days=1), case.zone)
    lasting = episode.run.end is None and until < case.window[1]
    if case.is_complete(domain, until):
        return Answer("no", why, entries=entries, deadline=tomorrow if lasting else None)
    deadlines = [case.assumed_complete(until), tomorrow if lasting else None]
    return Answer(
        "open",
        f"the source is not complete through {until}",
        entries=entries,
        deadline=min((one for one in deadlines if one is not None), default=None),
        missing="whether it came with another event",
    )


def _as_described(
    rule: Treatment, one: Given, records: Sequence[Given], episode: Episode
) -> Answer:
    """Whether a record shows the dose and length the rule asks for."""
    run = episode.run
    what = f"{rule.category} {one.record.CMTRT}"
    base = Answer("yes", what, max(one.first, run.first), max(one.last, run.last), (one.entry,))
    if rule.daily_dose_above is not None:
        enough = _dose_above(one.record, *next(iter(rule.daily_dose_above.items())))
        if enough is None:
            return _open(base, f"the total daily dose of {one.record.CMTRT}")
        if not enough:
            return Answer("no", f"{what}, daily dose not above the limit", entries=base.entries)
    if rule.for_more_than_days is not None:
        return _long_enough(rule, rule.for_more_than_days, one, records, base, episode)
    if rule.for_at_most_hours is not None:
        return _short_enough(timedelta(hours=rule.for_at_most_hours), one, base, episode)
    return base


def _open(base: Answer, missing: str) -> Answer:
    return Answer(
        "open", f"{base.why}: {missing} is not known", None, None, base.entries, None, missing
    )


def _dose_above(record: Concomitant, unit: str, limit: Decimal) -> bool | None:
    """By the total daily dose (CMDOSTOT), or a single dose where it says once daily (CMDOSFRQ QD);
    None where that or its unit is not stated."""
    daily = record.supp.get("CMDOSTOT")
    if daily is None and str(record.supp.get("CMDOSFRQ", "")).upper() == "QD":
        daily = record.CMDOSE
    dose = numeric(None if daily is None else str(daily))
    if dose is None or (record.CMDOSU or "").strip().casefold() != unit.casefold():
        return None
    return dose > limit


def _long_enough(
    rule: Treatment,
    days: int,
    one: Given,
    records: Sequence[Given],
    base: Answer,
    episode: Episode,
) -> Answer:
    """Longer than so many days, adjoining records of sufficient dose counted together."""
    until = one.until
    limit = rule.daily_dose_above
    for other in records:
        adjoins = one.first <= other.first <= until + timedelta(days=1)
        enough = limit is None or _dose_above(other.record, *next(iter(limit.items())))
        until = max(until, other.until) if adjoins and enough else until
    certain, possible = (until - one.last).days + 1, (until - one.first).days + 1
    length = f"for more than {days} days"
    if certain > days:
        return replace(base, why=f"{base.why} {length}")
    if possible > days:
        return _open(base, f"the day {one.record.CMTRT} began")
    if until < episode.case.today:
        return Answer("no", f"{base.why} not {length}", entries=base.entries)
    due = day_starts(one.last + timedelta(days=days), episode.case.zone)
    return Answer("open", f"{base.why}, {certain} days so far", entries=base.entries, deadline=due)


def _short_enough(limit: timedelta, one: Given, base: Answer, episode: Episode) -> Answer:
    hours = f"{limit // timedelta(hours=1)} hours"
    too_long = Answer("no", f"{base.why} for more than {hours}", entries=base.entries)
    if one.ended is None:
        due = one.moment[1] + limit
        if episode.case.as_of > due:
            return too_long
        return Answer("open", f"{base.why} goes on", None, None, base.entries, due)
    if one.ended[1] - one.moment[0] <= limit:
        return replace(base, why=f"{base.why} for at most {hours}")
    if one.ended[0] - one.moment[1] > limit:
        return too_long
    return _open(base, f"the times of day of {one.record.CMTRT}")


def _classes(rule: Treatment, number: int, episode: Episode) -> Answer:
    """So many different medication classes on one day; a record without a class may be another."""
    records = during(episode, rule.category, rule.names)
    known_best: tuple[date, tuple[Entry, ...]] | None = None
    possible = False
    for day in sorted({max(one.first, episode.run.first) for one in records}):
        that_day = [one for one in records if one.first <= day <= one.until]
        classes = [str(one.record.supp.get("CMCLAS") or "").upper() for one in that_day]
        if len(set(filter(None, classes))) >= number and known_best is None:
            known_best = day, tuple(one.entry for one in that_day)
        possible = possible or len(set(filter(None, classes))) + classes.count("") >= number
    words = f"{number} classes of {rule.category}"
    if known_best is not None:
        return Answer("yes", words, known_best[0], known_best[0], known_best[1])
    entries = tuple(one.entry for one in records)
    if possible:
        why = f"whether {words} were given"
        return Answer("open", why, entries=entries, missing="the medication class (CMCLAS)")
    return missing_means(episode, "CM", f"fewer than {words}", entries)


def despite(rule: Despite, role: str, episode: Episode) -> Answer:
    """Whether it persists under care for so long. That the care was optimal, or that none was
    possible, is for a person to say."""
    run, case = episode.run, episode.case
    start = care_start(episode, rule.category, rule.names)
    if start is None:
        absent = missing_means(episode, "CM", f"no {rule.category} on record")
        if absent.holds == "open":
            return absent
        why = f"{absent.why}: {decider(role)}"
        return Answer("judge", why, deadline=absent.deadline)
    length, surely, possibly = _care_due(rule, start, case)
    why = f"still there {length} after the start of {rule.category}"
    over = None
    if run.end is not None:
        over = run.over or (day_starts(run.end, case.zone), day_ends(run.end, case.zone))
    if over is not None and over[1] <= possibly:
        return Answer("no", f"not {why}")
    if over is not None and over[0] <= surely:
        return Answer("open", f"whether {why}", missing="times of day", flags=("date_uncertain",))
    if over is None and case.as_of < surely:
        return Answer("open", f"may be {why}", deadline=surely)
    if over is None and run.seen[0] < surely and run.last_observed < _day(surely, case):
        missing = f"a value of {run.term} on or after {_day(surely, case)}"
        return Answer("open", f"not seen {why}", missing=missing, flags=("unobserved",))
    if rule.optimal:
        return Answer("judge", f"{why}; whether the care was optimal: {decider(role)}")
    return Answer("yes", why)


def _care_due(rule: Despite, start: Start, case: Case) -> tuple[str, datetime, datetime]:
    """In words, from when it certainly persists so long, and up to when it certainly does not."""
    if rule.for_at_least_days is not None:
        limit = timedelta(days=rule.for_at_least_days)
        last, first = (day_starts(day + limit, case.zone) for day in (start.last, start.first))
        return f"{rule.for_at_least_days} days", last, first
    assert rule.for_at_least_hours is not None
    hours = timedelta(hours=rule.for_at_least_hours)
    return f"{rule.for_at_least_hours} hours", start.moment[1] + hours, start.moment[0] + hours


def _day(moment: datetime, case: Case) -> date:
    return moment.astimezone(case.zone).date()
