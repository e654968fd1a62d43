"""Local time: who of a roster is on duty at a moment, when nobody will be, when a clock strikes.

An instant has exactly one local time, so asking "which local time is it" never skips or doubles an
hour when clocks change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.notifier.routing.document import DAYS, Roster, Routing, Shift

LOOK_AHEAD = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch in which nobody of a roster is on duty, as far as it was looked for."""

    roster: str
    first: datetime
    until: datetime


def next_time(zone: ZoneInfo, clock: time, now: datetime, weekday: int | None = None) -> datetime:
    """The next moment after `now` at which a local clock shows a time, on a weekday (0: Monday) or
    any. A time that the change to summer time leaves out comes as much later as the change is."""
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in range(9))
    return next(
        moment
        for day in days
        if weekday is None or day.weekday() == weekday
        if (moment := datetime.combine(day, clock, zone).astimezone(now.tzinfo)) > now
    )


def is_absent(routing: Routing, name: str, at: datetime) -> bool:
    """Whether somebody is away on the study's local date."""
    today = at.astimezone(routing.zone).date()
    return any(one.name == name and one.first <= today <= one.last for one in routing.absences)


def on_shift(routing: Routing, roster: Roster, at: datetime) -> tuple[str, ...]:
    """Whom the shifts name, absent or not, in the roster's order."""
    if not roster.shifts:
        return roster.people[:1]
    local = at.astimezone(_zone(routing, roster))
    named = {who for shift in roster.shifts if _holds(shift, local) for who in shift.people}
    return tuple(who for who in roster.people if who in named)


def on_duty(routing: Routing, roster: Roster, at: datetime) -> tuple[str, ...]:
    """Those on shift who are not absent; without shifts, the first who is not."""
    if not roster.shifts:
        present = [who for who in roster.people if not is_absent(routing, who, at)]
        return tuple(present[:1])
    return tuple(who for who in on_shift(routing, roster, at) if not is_absent(routing, who, at))


def holes(routing: Routing, since: datetime, until: datetime) -> Iterator[Hole]:
    """The first stretch of each roster without anybody on duty. Duty changes only where a shift
    begins or ends and at midnight, so only these moments are asked about."""
    for roster in routing.rosters:
        moments = [since, *_changes(routing, roster, since, until), until]
        empty = [not on_duty(routing, roster, moment) for moment in moments[:-1]]
        if True in empty:
            first = empty.index(True)
            ends = next((n for n in range(first, len(empty)) if not empty[n]), len(empty))
            yield Hole(roster.name, moments[first], moments[ends])


def _changes(routing: Routing, roster: Roster, since: datetime, until: datetime) -> list[datetime]:
    here, study = _zone(routing, roster), routing.zone
    times = {(here, clock) for shift in roster.shifts for clock in (shift.begins, shift.ends)}
    times.add((study, time()))
    days = range((until - since).days + 2)
    found = {
        datetime.combine(since.astimezone(zone).date() + timedelta(days=day), clock, zone)
        for zone, clock in times
        for day in days
    }
    return sorted(moment.astimezone(since.tzinfo) for moment in found if since < moment < until)


def _zone(routing: Routing, roster: Roster) -> ZoneInfo:
    return ZoneInfo(roster.time_zone or routing.time_zone)


def _holds(shift: Shift, local: datetime) -> bool:
    clock, today = local.time(), DAYS[local.weekday()]
    if shift.begins < shift.ends:
        return today in shift.days and shift.begins <= clock < shift.ends
    yesterday = DAYS[local.weekday() - 1]
    return (today in shift.days and clock >= shift.begins) or (
        yesterday in shift.days and clock < shift.ends
    )
