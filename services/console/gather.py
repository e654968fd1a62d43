"""Asks all services at once for what one study page shows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from services.console.answers import Assessed, Inbox, Raised, StudyEntry
from services.console.notes import Gap, gap_of, may_not_read_alerts, routing_gap
from services.console.upstream import Forbidden, NotFound, Unavailable, Upstream

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Gathered:
    """`inbox` None: not asked for, or not known. `gaps` say what the page lacks."""

    entry: StudyEntry
    assessed: Assessed
    raised: Raised
    inbox: Inbox | None
    gaps: tuple[Gap, ...]


async def gather(upstream: Upstream, key: str, study: str, past: str | None) -> Gathered:
    """Everything for the page of `study`, now or as known at the end of the day `past`.

    Without the monitor there is no page, and its UpstreamError is raised. The notifier and the
    intake only leave gaps.
    """
    entries, assessed, raised, beside = await asyncio.gather(
        upstream.studies(key),
        upstream.assessment(key, study, past),
        upstream.signals(key, study),
        _beside(upstream, key, study, past),
        return_exceptions=True,
    )
    # All have ended by now: no question is left running behind a page that is sent already.
    line = line_of(study, got(entries))
    inbox, gaps = got(beside)
    return Gathered(line, got(assessed), got(raised), inbox, gaps)


async def _beside(
    upstream: Upstream, key: str, study: str, past: str | None
) -> tuple[Inbox | None, tuple[Gap, ...]]:
    if past is not None:
        return None, ()
    (inbox, gaps), more = await asyncio.gather(_inbox(upstream, key, study), _intake(upstream))
    return inbox, (*gaps, *more)


def got(outcome: Outcome | BaseException) -> Outcome:
    """The outcome of one of several questions asked at once. Raises the error that it is."""
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


async def _inbox(upstream: Upstream, key: str, study: str) -> tuple[Inbox | None, tuple[Gap, ...]]:
    try:
        inbox = await upstream.alerts(key, study)
    except Forbidden:
        return None, (may_not_read_alerts(),)
    except NotFound:
        problem = upstream.unavailable("notifier", "does not know this study")
        return None, (gap_of(problem),)
    except Unavailable as problem:
        return None, (gap_of(problem),)
    return inbox, tuple(routing_gap(warning) for warning in inbox.warnings)


async def _intake(upstream: Upstream) -> tuple[Gap, ...]:
    problem = await upstream.intake_problem()
    return () if problem is None else (gap_of(problem),)


def line_of(study: str, entries: Sequence[StudyEntry]) -> StudyEntry:
    """The study's line in the list. Raises NotFound."""
    for entry in entries:
        if entry.study == study:
            return entry
    raise NotFound
