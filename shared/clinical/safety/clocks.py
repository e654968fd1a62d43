"""Clocks that run towards a deadline: where one stands at a moment, and when time alone turns it.

A clock is told at 50 and at 80 % of its time, when it is over, and when what it waits for came too
late. Where dates leave it open, it ends at the earliest moment it may have to, and is never called
kept in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.clinical.protocol import day_ends
from shared.clinical.protocol.safety import Region
from shared.contracts.assessment import ClockStatus, ClockView

Span = tuple[datetime, datetime]
"""The first and the last moment something may have been."""
WARNINGS: tuple[tuple[int, ClockStatus], ...] = ((50, "at_50"), (80, "at_80"))
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """``due`` is the last moment in time: the first to the last it may be. ``ended``: when what it
    waits for happened. ``assumed``: it is counted from what stands in for an unstated moment."""

    id: str
    text: str
    basis: str
    started: datetime
    due: Span
    ended: Span | None
    assumed: bool = False
    region: str | None = None
    day_0: date | None = None
    last_day: date | None = None

    def turns(self) -> Iterator[datetime]:
        """Every moment at which time alone changes where it stands."""
        stages = (moment for status, moment in self._stages() if status != "running")
        if self.ended is None:
            yield from stages
        else:
            yield from (moment for moment in stages if moment < self.ended[0])
            yield self.ended[0]

    def at(self, moment: datetime) -> ClockView:
        """Where it stands at a moment."""
        status, since = self._standing(moment)
        return ClockView(
            id=self.id,
            text=self.text,
            basis=self.basis,
            region=self.region,
            day_0=self.day_0,
            last_day=self.last_day,
            started=self.started,
            due=self.due[0],
            status=status,
            since=since,
        )

    def _stages(self) -> Iterator[tuple[ClockStatus, datetime]]:
        length = self.due[0] - self.started
        yield "running", self.started
        for percent, status in WARNINGS:
            yield status, self.started + length * percent / 100
        yield "overdue", self.due[0] + _TICK

    def _standing(self, moment: datetime) -> tuple[ClockStatus, datetime]:
        if self.ended is not None and self.ended[0] <= moment:
            return self._kept(self.ended), self.ended[0]
        passed = [stage for stage in self._stages() if stage[1] <= moment]
        return passed[-1] if passed else ("running", self.started)

    def _kept(self, ended: Span) -> ClockStatus:
        if ended[0] > self.due[1]:
            return "late"
        return "perhaps_late" if self.assumed or ended[1] > self.due[0] else "met"


def within_hours(
    name: str, text: str, hours: int, since: Span, basis: str, ended: Span | None, assumed: bool
) -> Clock:
    """A clock of so many hours; exactly so many are in time."""
    length = timedelta(hours=hours)
    due = since[0] + length, since[1] + length
    return Clock(name, text, basis, since[0], due, ended, assumed)


def within_days(
    name: tuple[str, str],
    text: str,
    days: int,
    day_0: date,
    basis: str,
    assumed: bool,
    ended: Span | None,
    region: Region,
) -> Clock:
    """A clock of so many calendar days after day 0 in the region's time zone; the whole of the last
    one is in time. ``name``: of the region, and of the clock in it."""
    zone = region.zone()
    last_day = day_0 + timedelta(days=days)
    due = day_ends(last_day, zone)
    return Clock(
        id="-".join(name),
        text=text,
        basis=basis,
        started=day_ends(day_0, zone),
        due=(due, due),
        ended=ended,
        assumed=assumed,
        region=name[0],
        day_0=day_0,
        last_day=last_day,
    )
