"""Everybody a study's routing can tell, and the secrets their webhooks are signed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.notifier.api.common import READERS, Service, not_found
from services.notifier.channels.webhook import new_secret, secret_bytes
from services.notifier.inforce import in_force
from services.notifier.routing import Rule
from services.notifier.store import routings
from services.notifier.watch import GROUP
from shared.runtime.auth import require
from shared.runtime.db import lock_studies
from shared.runtime.web import Problem, api_router

router = api_router("/notifier/v1/studies/{study}", tags=["routing"])


class Subscription(BaseModel):
    """One recipient, the rules that tell it, and since when its webhooks have their secret."""

    subscriber: str
    channel: str
    address: str
    rules: list[str]
    rosters: list[str]
    deputy: str | None
    secret_set_at: datetime | None


class Subscriptions(BaseModel):
    """The recipients of the routing in force."""

    study: str
    version: int
    subscriptions: list[Subscription]


class SecretBody(BaseModel):
    """A signing secret; left out, the server makes one."""

    model_config = ConfigDict(extra="forbid")
    secret: str | None = None


class SecretView(BaseModel):
    """The secret just set, shown this once. The one before signs too until the next change."""

    subscriber: str
    secret: str


@router.get("/subscriptions", dependencies=[require(*READERS)])
def list_subscriptions(service: Service, study: str) -> Subscriptions:
    """Everybody the routing in force can tell."""
    with service.engine.connect() as conn:
        rules = in_force(conn, study)
        secrets = routings.secrets_set_at(conn, study)
    if rules.routing is None or rules.version is None:
        raise Problem(404, "no-routing", "The study has no routing", rules.problem)
    routing = rules.routing
    return Subscriptions(
        study=study,
        version=rules.version,
        subscriptions=[
            Subscription(
                subscriber=one.name,
                channel=one.channel,
                address=one.address,
                rules=[rule.name for rule in _every(routing.rules) if one.name in rule.tell],
                rosters=[roster.name for roster in routing.rosters if one.name in roster.people],
                deputy=one.deputy,
                secret_set_at=secrets.get(one.name) if one.channel == "webhook" else None,
            )
            for one in routing.recipients
        ],
    )


@router.post("/webhooks/{subscriber}/secret", dependencies=[require("study_admin")])
def set_secret(service: Service, study: str, subscriber: str, body: SecretBody) -> SecretView:
    """Sets or makes a new signing secret for a subscriber's webhooks."""
    secret = body.secret or new_secret()
    try:
        secret_bytes(secret)
    except ValueError as error:
        raise Problem(
            422,
            "invalid-request",
            "The request does not have the expected form",
            errors=[{"pointer": "/secret", "detail": str(error)}],
        ) from None
    with service.engine.begin() as conn:
        lock_studies(conn, [study], space=GROUP)
        routing = in_force(conn, study).routing
        webhooks = (
            one.name for one in (routing.recipients if routing else ()) if one.channel == "webhook"
        )
        if subscriber not in webhooks:
            not_found()
        routings.set_secret(conn, study, subscriber, secret, service.clock.now())
    return SecretView(subscriber=subscriber, secret=secret)


def _every(rules: Iterable[Rule]) -> Iterator[Rule]:
    for rule in rules:
        yield rule
        yield from _every(rule.rules)
