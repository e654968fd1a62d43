"""Who would be told, how and when, if a signal came and nobody acknowledged its alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.routing.audience import Told, who_is_next, who_is_told
from services.notifier.routing.document import MailDetail, Occasion, Routing
from services.notifier.routing.duty import next_time


@dataclass(frozen=True, slots=True)
class Telling:
    """One time of telling: at the beginning, or at a step of the ladder `after` it."""

    after: timedelta
    at: datetime
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The first telling and every step of the ladder. `by_digest`: the first one waits for the
    digest; `again_every`: how everybody is reminded after the last; `details`: what each channel
    that is used may say beyond study, severity and link, a digest never anything."""

    tellings: tuple[Telling, ...]
    warnings: tuple[str, ...]
    by_digest: bool
    ladder: str | None
    again_every: timedelta | None
    details: Mapping[str, Sequence[MailDetail]]


def forecast(routing: Routing, asked: Occasion) -> Forecast:
    """What the routing would do with such a signal, raised at `asked.at`."""
    first = who_is_told(routing, asked)
    by_digest = routing.held_back(asked.severity, asked.type)
    at = asked.at
    if by_digest and routing.digest is not None:
        at = next_time(routing.zone, routing.digest.at, asked.at)
    tellings = [Telling(at - asked.at, at, first.told)]
    warnings = dict.fromkeys(first.warnings)
    ladder = routing.ladder_for(asked.severity, asked.type)
    told = dict.fromkeys(way.subscriber for way in first.told)
    for step in ladder.steps if ladder else ():
        then = asked.model_copy(update={"at": asked.at + step.after})
        found = who_is_next(routing, step, then, list(told))
        tellings.append(Telling(step.after, then.at, found.told))
        told.update(dict.fromkeys(way.subscriber for way in found.told))
        warnings.update(dict.fromkeys(found.warnings))
    channels = {way.channel for telling in tellings[by_digest:] for way in telling.told}
    return Forecast(
        tellings=tuple(tellings),
        warnings=tuple(warnings),
        by_digest=by_digest,
        ladder=ladder.name if ladder else None,
        again_every=ladder.again_every if ladder else None,
        details={channel: routing.details.of(channel) for channel in sorted(channels)},
    )
