"""A study's routing as it is in force now, or as it was when an alert was raised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection

from services.notifier.routing import (
    Audience,
    DocumentError,
    Ladder,
    Occasion,
    Routing,
    load_routing,
    who_is_told,
)
from services.notifier.store import routings
from services.notifier.store.routings import StoredRouting
from shared.contracts.signals import Signal

NO_ROUTING = "no routing: the study has none, so only its inbox shows what is raised"
NO_RULE = "no rule of the study's routing matches: only the inbox shows this alert"
UNREADABLE = "the study's routing can no longer be read, so only its inbox shows what is raised"


@dataclass(frozen=True, slots=True)
class InForce:
    """A study's routing; without one, `problem` says why."""

    version: int | None
    routing: Routing | None
    problem: str | None = None

    def audience(self, asked: Occasion) -> Audience:
        """Whom the rules name, and what a reader of the alert must know about that."""
        if self.routing is None:
            return Audience((), () if self.problem is None else (self.problem,))
        found = who_is_told(self.routing, asked)
        return found if found.told else Audience((), (*found.warnings, NO_RULE))

    def ladder(self, signal: Signal) -> Ladder | None:
        """How an alert of the signal is chased."""
        if self.routing is None:
            return None
        return self.routing.ladder_for(signal.severity, signal.type)

    def held_back(self, signal: Signal) -> bool:
        """Whether the signal waits for a digest. What follows up another never does."""
        if self.routing is None or signal.supersedes is not None:
            return False
        return self.routing.held_back(signal.severity, signal.type)

    @property
    def addresses(self) -> dict[tuple[str, str], str]:
        """Where each recipient, named with the channel, is reached at present."""
        recipients = () if self.routing is None else self.routing.recipients
        return {(one.name, one.channel): one.address for one in recipients}

    @property
    def synthetic(self) -> bool:
        """Whether the routing declares the study's data synthetic."""
        return self.routing is not None and self.routing.synthetic

    @property
    def alias(self) -> str | None:
        """What messages call the study."""
        return None if self.routing is None else self.routing.alias

    @property
    def details(self) -> dict[str, list[str]]:
        """What messages of each channel may say of a signal."""
        if self.routing is None:
            return {}
        return {channel: list(allowed) for channel, allowed in self.routing.details if allowed}


def occasion(signal: Signal, at: datetime) -> Occasion:
    """What rules may ask about the signal."""
    return Occasion(
        type=signal.type,
        severity=signal.severity,
        at=at,
        dose_level=signal.dose_level,
        cohort=signal.cohort,
        site=signal.site,
    )


def in_force(conn: Connection, study: str) -> InForce:
    """The study's routing. One that a newer version of this code refuses is as good as none: the
    alert still reaches the inbox, with a warning."""
    return _read(routings.current(conn, study))


def as_of(conn: Connection, study: str, version: int | None) -> InForce:
    """The routing by which an alert was raised."""
    return _read(None if version is None else routings.by_version(conn, study, version))


# A routing never changes once it is read, and is asked for with every signal.
_load = lru_cache(maxsize=256)(load_routing)


def _read(stored: StoredRouting | None) -> InForce:
    if stored is None:
        return InForce(None, None, NO_ROUTING)
    try:
        return InForce(stored.version, _load(stored.document))
    except DocumentError:
        return InForce(stored.version, None, UNREADABLE)
