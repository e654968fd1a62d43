"""What every handler of this service needs: its parts, and who may read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, NoReturn

from fastapi import Depends, Request
from sqlalchemy import Connection, Engine

from services.notifier.alerting import Alerting
from services.notifier.feed import Feed
from services.notifier.responding import Person, Responding
from shared.runtime.auth import Authenticator, Principal, Role, require
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.web import Problem

READERS: tuple[Role, ...] = ("medical_monitor", "committee_member", "study_admin", "auditor")
ACKNOWLEDGERS: tuple[Role, ...] = ("medical_monitor", "committee_member")
SENDERS: tuple[Role, ...] = ("medical_monitor", "study_admin")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers work with; `app.state.notifier`."""

    engine: Engine
    bus: Bus
    clock: Clock
    alerting: Alerting
    responding: Responding
    feed: Feed
    authenticator: Authenticator
    trusted_webhook_hosts: frozenset[str]
    apprise_targets: frozenset[str]


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.notifier
    return parts


Service = Annotated[Parts, Depends(_parts)]
Reader = Annotated[Principal, require(*READERS, study=None)]
Acknowledger = Annotated[Principal, require(*ACKNOWLEDGERS, study=None)]
Resender = Annotated[Principal, require(*SENDERS, study=None)]
StudyAdmin = Annotated[Principal, require("study_admin")]


@contextmanager
def changing(service: Parts) -> Iterator[Connection]:
    """A transaction after which readers of the event log look again."""
    with service.engine.begin() as conn:
        yield conn
    service.bus.wake()


def not_found() -> NoReturn:
    """The answer for what does not exist, and for what belongs to other studies."""
    raise Problem(404, "not-found", "Not Found")


def person(principal: Principal, study: str, roles: tuple[Role, ...]) -> Person:
    """Who the key was made for, in the first of the roles it holds; Problem where it holds none."""
    principal.check(study, *roles)
    held = principal.roles_in(study)
    return Person(principal.key_id, principal.name, next(role for role in roles if role in held))


def studies_for(principal: Principal, study: str | None) -> list[str]:
    """The studies a reader asks about: the one named, or all it may read."""
    if study is not None:
        principal.check(study, *READERS)
        return [study]
    return sorted(principal.studies(*READERS))
