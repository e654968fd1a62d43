"""What the DLT rules ask about, and what they answer: one subject's facts, and triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from shared.clinical.measured import Measurements
from shared.clinical.observations import Course
from shared.clinical.protocol import Protocol, day_ends, local_day
from shared.clinical.samples import FirstDose
from shared.clinical.timeline import Entry, Standing
from shared.contracts.assessment import CriterionResult
from shared.contracts.facts import CohortAssignment

Place = Literal["in", "out", "possible"]
Spans = tuple[tuple[date, date], ...]
"""Stretches of local dates, both ends inclusive, in order."""
RANK: dict[CriterionResult, int] = {"not_met": 0, "open": 1, "needs_review": 2, "met": 3}
"""How bad a result is."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One moment a rule bit. ``deadline``: when time alone may change it; ``missing``: what the
    site has to supply; ``first`` to ``last``: the local dates of the onset; ``grade``: the worst.
    """

    result: CriterionResult
    first: date
    last: date
    why: str
    entries: tuple[Entry, ...]
    deadline: datetime | None = None
    missing: str | None = None
    flags: tuple[str, ...] = ()
    grade: int | None = None


@dataclass
class Case:
    """Everything about one subject that the DLT rules may ask, as of one moment.

    ``window`` is the DLT window, ``windows`` those that criteria name; one is empty while its
    treatment has not begun. ``doubtful``: measurements of which the value is no proof;
    ``asked``: those that are asked about, and why;
    ``assigned``: the assignment of the first dose.
    """

    protocol: Protocol
    zone: ZoneInfo
    as_of: datetime
    start: FirstDose
    window: tuple[date, date]
    windows: Mapping[str, Spans]
    observations: dict[str, Course]
    measurements: Measurements
    doubtful: Set[Entry]
    asked: Mapping[Entry, str]
    labs: Sequence[Standing]
    events: Sequence[Standing]
    doses: Sequence[Standing]
    concomitants: Sequence[Standing]
    dispositions: Sequence[Standing]
    reviews: Sequence[Standing]
    complete: dict[str, date]
    assigned: CohortAssignment | None = None

    @cached_property
    def undecided(self) -> frozenset[str]:
        """The terms of which some value is of a higher grade at its worst."""
        found = self.observations.items()
        return frozenset(term for term, course in found if course.is_undecided)

    @cached_property
    def today(self) -> date:
        """The local calendar date of ``as_of``."""
        return local_day(self.as_of, self.zone)

    @property
    def followed(self) -> date:
        """The last day of the DLT window and of every awaited window that has begun."""
        ends = [
            spans[-1][1]
            for name, spans in self.windows.items()
            if spans and self.protocol.windows[name].awaited
        ]
        return max(self.window[1], *ends) if ends else self.window[1]

    @property
    def not_begun(self) -> list[str]:
        """Awaited windows whose treatment has no dose on record."""
        named = self.protocol.windows
        return [name for name, spans in self.windows.items() if not spans and named[name].awaited]

    def spans(self, window: str | None) -> Spans:
        """The stretches of a named window, or of the DLT window."""
        return (self.window,) if window is None else self.windows[window]

    def place(self, first: date, last: date, window: str | None = None) -> Place:
        """Whether an onset lies in a window, its days inclusive."""
        spans = self.spans(window)
        if any(first >= begin and last <= end for begin, end in spans):
            return "in"
        touched = any(last >= begin and first <= end for begin, end in spans)
        return "possible" if touched else "out"

    def is_late(self, onset: date, window: str | None = None) -> bool:
        """Whether an onset lies after the last day of a window."""
        spans = self.spans(window)
        return bool(spans) and onset > spans[-1][1]

    @property
    def closings(self) -> list[date]:
        """The last day of each window."""
        named = [spans[-1][1] for spans in self.windows.values() if spans]
        return sorted({self.window[1], *named})

    def day(self, number: int) -> tuple[date, date]:
        """First and last date a study day may be."""
        offset = timedelta(days=self.protocol.window.offset(number))
        return self.start.first + offset, self.start.last + offset

    def complete_through(self, domain: str) -> date | None:
        """How far the source says a domain is entered completely."""
        known = [self.complete[name] for name in (domain, "ALL") if name in self.complete]
        return max(known) if known else None

    def is_complete(self, domain: str, through: date) -> bool:
        """Whether an absent record of the domain means "no" up to a date."""
        known = self.complete_through(domain)
        if known is not None and known >= through:
            return True
        assumed = self.assumed_complete(through)
        return assumed is not None and self.as_of >= assumed

    def assumed_complete(self, through: date) -> datetime | None:
        """From when on everything up to a date counts as entered without anyone saying so."""
        rule = self.protocol.completeness
        if rule.mode != "assumed":
            return None
        return day_ends(through + timedelta(days=rule.grace_days), self.zone)
