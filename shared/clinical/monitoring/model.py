"""The one shape of question and answer for all stopping rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.clinical.designs.model import Report, Value

Status = Literal["crossed", "near", "open", "clear"]


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Subjects of one rule's denominator.

    ``n``: whether they have the event is final, ``events`` those of them who have it; ``pending``:
    not final, ``candidate`` those of them with an event that a person still has to confirm.
    A two-stage design counts responses as events.
    """

    n: int = 0
    events: int = 0
    pending: int = 0
    candidate: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.events <= self.n:
            raise ValueError(f"{self.events} events among {self.n} subjects")
        if not 0 <= self.candidate <= self.pending:
            raise ValueError(f"{self.candidate} candidates among {self.pending} pending subjects")

    def as_inputs(self) -> dict[str, Value]:
        """As a report names them."""
        return {
            "n": self.n,
            "events": self.events,
            "pending": self.pending,
            "candidate": self.candidate,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """What a rule says of the counts as they are.

    ``crossed``: stop, confirmed and candidate events reach the boundary. ``near``: one more event
    stops, and at least one has been seen. ``open``: those pending could cross together. ``clear``:
    nothing pending can cross. ``margin``: how many more events stop, 0 when crossed; None where
    no number within the rule's reach does.
    """

    status: Status
    margin: int | None
    report: Report


def margin_of(limits: Sequence[int], counts: EventCounts) -> int | None:
    """How many more events cross, candidates counted first and 0 when they do already.

    ``limits[n]`` events stop at n subjects. Events one after another are the worst order: a
    subject without the event can only raise the boundary. Looking back, the counts have crossed
    where they did even if the last subjects all had the event.
    """
    for more in range(-counts.events, len(limits) - counts.n):
        if counts.events + more >= limits[counts.n + more]:
            return max(0, more - counts.candidate)
    return None


def status_of(counts: EventCounts, margin: int | None) -> Status:
    """Where the counts stand. A rule that stops at the first event is never near before it."""
    if margin == 0:
        return "crossed"
    if margin == 1 and counts.events + counts.candidate:
        return "near"
    if margin is not None and margin <= counts.pending - counts.candidate:
        return "open"
    return "clear"
