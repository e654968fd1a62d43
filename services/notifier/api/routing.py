"""A study's routing: setting it, reading it, and asking who would be told."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from services.notifier.addresses import AddressRefused, check_url, is_trusted
from services.notifier.alerting import GROUP, routing_in_force
from services.notifier.api.common import READERS, Service, StudyAdmin, not_found
from services.notifier.channels.webhook import new_secret, secret_bytes
from services.notifier.routing import (
    DocumentRefused,
    Routing,
    gaps,
    load_routing,
    who_is_told,
)
from services.notifier.store import routings
from services.notifier.store.routings import StoredRouting
from shared.contracts.signals import Severity, SignalType
from shared.runtime.auth import require
from shared.runtime.db import lock_studies
from shared.runtime.web import Problem, RawBody, api_router

router = api_router("/notifier/v1/studies/{study}", tags=["routing"])


class RoutingView(BaseModel):
    """The routing in force. `warnings`: signals that would reach the inbox only, and the like.
    `new_secrets` are shown in the answer that made them and never again."""

    study: str
    version: int
    document: str
    set_by: str
    set_at: datetime
    warnings: list[str]
    new_secrets: dict[str, str] = {}


class Question(BaseModel):
    """A signal that might come."""

    model_config = ConfigDict(extra="forbid")
    type: SignalType
    severity: Severity
    dose_level: int | None = Field(default=None, ge=0, strict=True)


class ToldView(BaseModel):
    """Who would be told, how, and by which rules."""

    model_config = ConfigDict(from_attributes=True)
    subscriber: str
    channel: str
    address: str
    why: str


class Answer(BaseModel):
    """Everybody who would be told; the inbox always shows the alert."""

    told: list[ToldView]
    warnings: list[str]


class Subscription(BaseModel):
    """One recipient, the rules that tell it, and since when its webhooks have their secret."""

    subscriber: str
    channel: str
    address: str
    rules: list[str]
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


@router.put("/routing")
def set_routing(service: Service, principal: StudyAdmin, study: str, body: RawBody) -> RoutingView:
    """Puts a routing document (YAML) in force; the same text again changes nothing.

    422 `routing-refused` with line, place, problem and remedy of every finding.
    """
    text = _text(body)
    routing = _accepted(text, study, service.trusted_webhook_hosts)
    with service.engine.begin() as conn:
        lock_studies(conn, [study], space=GROUP)
        stored = routings.current(conn, study)
        made: dict[str, str] = {}
        if stored is None or stored.document != text:
            now = service.clock.now()
            version = 1 if stored is None else stored.version + 1
            stored = StoredRouting(study, version, text, principal.name, now)
            routings.add(conn, stored)
            made = _missing_secrets(conn, routing, now)
        return _view(stored, routing, made)


@router.get("/routing", dependencies=[require(*READERS)])
def read_routing(service: Service, study: str) -> RoutingView:
    """The routing in force."""
    with service.engine.connect() as conn:
        stored = routings.current(conn, study)
        if stored is None:
            raise Problem(404, "no-routing", "The study has no routing")
        return _view(stored, routing_in_force(conn, study).routing, {})


@router.post("/routing/test", dependencies=[require(*READERS)])
def test_routing(service: Service, study: str, body: Question) -> Answer:
    """Who would be told of such a signal."""
    with service.engine.connect() as conn:
        rules = routing_in_force(conn, study)
    told = (
        who_is_told(rules.routing, body.type, body.severity, body.dose_level)
        if rules.routing
        else ()
    )
    return Answer(
        told=[ToldView.model_validate(way) for way in told], warnings=list(rules.warnings(told))
    )


@router.get("/subscriptions", dependencies=[require(*READERS)])
def list_subscriptions(service: Service, study: str) -> Subscriptions:
    """Everybody the routing in force can tell."""
    with service.engine.connect() as conn:
        rules = routing_in_force(conn, study)
        secrets = routings.secrets_set_at(conn, study)
    if rules.routing is None or rules.version is None:
        raise Problem(404, "no-routing", "The study has no routing", rules.problem)
    return Subscriptions(
        study=study,
        version=rules.version,
        subscriptions=[
            Subscription(
                subscriber=r.name,
                channel=r.channel,
                address=r.address,
                rules=[rule.name for rule in rules.routing.rules if r.name in rule.tell],
                secret_set_at=secrets.get(r.name) if r.channel == "webhook" else None,
            )
            for r in rules.routing.recipients
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
        routing = routing_in_force(conn, study).routing
        if routing is None or subscriber not in _webhooks(routing):
            not_found()
        routings.set_secret(conn, study, subscriber, secret, service.clock.now())
    return SecretView(subscriber=subscriber, secret=secret)


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "not-utf8", "The document is not UTF-8") from None
    if "\x00" in text:
        raise Problem(400, "nul-character", "The document holds a NUL character")
    return text


def _accepted(text: str, study: str, trusted_hosts: frozenset[str]) -> Routing:
    try:
        routing = load_routing(text, study=study)
    except DocumentRefused as refused:
        raise Problem(
            422,
            "routing-refused",
            "The routing document is not acceptable",
            errors=[
                {
                    "line": str(finding.line),
                    "path": finding.path,
                    "detail": finding.problem,
                    "remedy": finding.remedy,
                }
                for finding in refused.findings
            ],
        ) from None
    for recipient in routing.recipients:
        if recipient.channel == "webhook":
            try:
                is_trusted(check_url(recipient.address), trusted_hosts)
            except AddressRefused as error:
                raise Problem(
                    422,
                    "routing-refused",
                    "The routing document is not acceptable",
                    errors=[{"path": recipient.name, "detail": str(error)}],
                ) from None
    return routing


def _webhooks(routing: Routing) -> list[str]:
    return [r.name for r in routing.recipients if r.channel == "webhook"]


def _missing_secrets(conn: Connection, routing: Routing, now: datetime) -> dict[str, str]:
    known = routings.secrets_set_at(conn, routing.study)
    made = {name: new_secret() for name in _webhooks(routing) if name not in known}
    for name, secret in made.items():
        routings.set_secret(conn, routing.study, name, secret, now)
    return made


def _view(stored: StoredRouting, routing: Routing | None, made: dict[str, str]) -> RoutingView:
    return RoutingView(
        study=stored.study,
        version=stored.version,
        document=stored.document,
        set_by=stored.set_by,
        set_at=stored.set_at,
        warnings=list(gaps(routing)) if routing else ["this document can no longer be read"],
        new_secrets=made,
    )
