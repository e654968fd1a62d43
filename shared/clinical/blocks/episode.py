"""A toxicity under question: one stretch of a subject with what is needed to ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shared.clinical.blocks.doses import planned_next_dose
from shared.clinical.case import Case
from shared.clinical.criteria import Origin
from shared.clinical.observations import Observation
from shared.clinical.protocol import day_ends, day_starts
from shared.clinical.runs import Run, runs_at

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch with all observations of its term; ``reached`` is the date it had lasted as long as
    its criterion asks, where it asks."""

    case: Case
    run: Run
    observations: Sequence[Observation]
    reached: date | None = None

    @property
    def until(self) -> date:
        """The last date it is known to be looked at: its end, or today."""
        return self.run.end or self.case.today

    @property
    def needed_until(self) -> date:
        """Up to when an absent record must be known to be none."""
        return min(self.until, self.case.window[1])


@dataclass(frozen=True, slots=True)
class Start:
    """Where a clock starts: the dates and the instants it may be."""

    first: date
    last: date
    moment: Interval


def clock_start(origin: Origin, episode: Episode) -> Start:
    """Where a clock starts that always does (care: see `shared.clinical.blocks.care`)."""
    case, run = episode.case, episode.run
    if origin == "first_dose":
        return Start(case.start.first, case.start.last, case.start.moment)
    if origin == "planned_next_dose":
        planned = planned_next_dose(case)
        moment = day_starts(planned, case.zone), day_ends(planned, case.zone)
        return Start(planned, planned, moment)
    if origin == "onset":
        begun = _begun(episode)
        return Start(begun.first, begun.last, begun.moment)
    assert origin == "grade"
    return Start(run.first, run.last, run.moment)


def _begun(episode: Episode) -> Run:
    """The stretch of any grade that leads into this one."""
    run = episode.run
    for wider in runs_at(episode.observations, 1):
        if wider.first <= run.first and (wider.end is None or wider.end >= run.first):
            return wider
    return run
