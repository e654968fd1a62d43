"""Stretches of a toxicity at or above a grade, and what is said about their cause.

A laboratory value stands until the next one is measured (carry forward). A `Run` must start or
worsen on treatment (treatment-emergent, ICH E9), so a grade the subject already had before the
first dose is not one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from shared.clinical.observations import Course, Observation, Related
from shared.clinical.timeline import Entry


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch at or above a grade. ``end`` is the first date below it, None while it lasts;
    ``over`` are the instants it may have ended at, ``seen`` those of the last value in it.
    ``needed`` is the grade that makes it one.

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
    over: tuple[datetime, datetime] | None
    last_observed: date
    seen: tuple[datetime, datetime]
    needed: int
    certain: bool
    measured: bool
    worst: int
    why: str
    entries: tuple[Entry, ...]
    attribution: Related | Literal["judge"]


def runs_at(
    observations: Sequence[Observation], threshold: int, over_baseline: int = 1
) -> Sequence[Run]:
    """The treatment-emergent stretches of one term at ``threshold`` or above, and at least so many
    grades over baseline, by onset."""
    if not isinstance(observations, Course):
        return _runs_at(Course(observations), threshold, over_baseline) if observations else ()
    return observations.remembered(
        ("runs", threshold, over_baseline),
        None,
        lambda: _runs_at(observations, threshold, over_baseline),
    )


def _runs_at(course: Course, threshold: int, over_baseline: int) -> Sequence[Run]:
    if course.high < threshold:
        return ()
    pieces = _measured_runs(
        course.measured, _needed(threshold, baseline_of(course.measured), over_baseline)
    )
    needed = _needed(threshold, baseline_of(course), over_baseline)
    pieces += [
        _piece([seen], needed, seen.end, seen.over, seen.end or seen.last)
        for seen in course.reports
        if seen.high >= needed and not seen.before_treatment
    ]
    pieces.sort(key=lambda run: (run.first, run.moment, run.entries[0].fact.fact_id))
    return [_attributed(run, course.reports) for run in _merge(pieces)]


def baseline_of(observations: Sequence[Observation]) -> list[Observation]:
    """What existed before treatment: the last value measured, and what was reported."""
    before = [seen for seen in observations if seen.before_treatment]
    measured = [seen for seen in before if not seen.reported]
    return [*measured[-1:], *(seen for seen in before if seen.reported)]


def _needed(threshold: int, before: Sequence[Observation], over_baseline: int) -> int:
    """The grade that is reached only by worsening from what existed before treatment."""
    return max(threshold, max((seen.low for seen in before), default=0) + over_baseline)


def _measured_runs(measured: Sequence[Observation], needed: int) -> list[Run]:
    runs: list[Run] = []
    current: list[Observation] = []
    for seen in measured:
        if seen.before_treatment:
            continue
        if seen.high >= needed:
            current.append(seen)
        elif current:
            runs.append(_piece(current, needed, seen.first, seen.moment, current[-1].last))
            current = []
    if current:
        runs.append(_piece(current, needed, None, None, current[-1].last))
    return runs


def _piece(
    seen: list[Observation],
    needed: int,
    end: date | None,
    over: tuple[datetime, datetime] | None,
    last_observed: date,
) -> Run:
    worst = max(seen, key=lambda one: (one.high, one.low))
    return Run(
        term=seen[0].term,
        first=seen[0].first,
        last=seen[0].last,
        moment=seen[0].moment,
        end=end,
        over=over,
        last_observed=last_observed,
        seen=over if over and seen[0].reported else seen[-1].moment,
        needed=needed,
        certain=any(one.low >= needed for one in seen),
        measured=not seen[0].reported,
        worst=worst.high,
        why=worst.why,
        entries=tuple(dict.fromkeys(entry for one in seen for entry in (one.entry, *one.others))),
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
            over=None if last.over is None or piece.over is None else max(last.over, piece.over),
            last_observed=max(last.last_observed, piece.last_observed),
            seen=max(last.seen, piece.seen),
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
