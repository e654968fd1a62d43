"""A study's routing: setting it, reading it, and asking who would be told, how and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, NoReturn

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from services.notifier.addresses import AddressRefused, check_host, check_url, is_trusted
from services.notifier.api.common import READERS, Service, StudyAdmin
from services.notifier.channels.webhook import new_secret
from services.notifier.duetimes import arm_weekly_test
from services.notifier.inforce import in_force
from services.notifier.routing import (
    LOOK_AHEAD,
    DocumentError,
    Occasion,
    Routing,
    forecast,
    gaps,
    holes,
    load_routing,
    on_duty,
)
from services.notifier.store import routings
from services.notifier.store.routings import StoredRouting
from services.notifier.watch import GROUP
from shared.contracts.signals import Severity, SignalType
from shared.runtime.auth import require
from shared.runtime.db import lock_studies
from shared.runtime.web import Problem, RawBody, api_router

MAX_VERSION = 2**31 - 1

router = api_router("/notifier/v1/studies/{study}", tags=["routing"])


_YEARS = range(1970, 2200)


def _with_days_around(moment: datetime) -> datetime:
    """Rosters are asked about the days around a moment: those have to be on the calendar."""
    if moment.year not in _YEARS:
        raise ValueError("not a moment of this or the next century")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_with_days_around)]


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


class VersionView(BaseModel):
    """One version, without its document."""

    model_config = ConfigDict(from_attributes=True)
    version: int
    set_by: str
    set_at: datetime


class Versions(BaseModel):
    """Every version a study's routing has had."""

    versions: list[VersionView]


class Question(BaseModel):
    """A signal that might come, at a moment (now, if none is given)."""

    model_config = ConfigDict(extra="forbid")
    type: SignalType
    severity: Severity
    dose_level: int | None = Field(default=None, ge=0, strict=True)
    cohort: str | None = Field(default=None, max_length=64)
    site: str | None = Field(default=None, max_length=64)
    at: Moment | None = None


class ToldView(BaseModel):
    """Who would be told, how, and by which rules."""

    model_config = ConfigDict(from_attributes=True)
    subscriber: str
    channel: str
    address: str
    why: str


class TellingView(BaseModel):
    """When, and who; `after` in seconds from the signal."""

    after: float
    at: datetime
    told: list[ToldView]


class Answer(BaseModel):
    """Everybody who would be told at once (or by `by_digest`), then at each step of the ladder
    while nobody acknowledges. The inbox always shows the alert. `details`: what each channel that
    is used may say of the signal beyond study, severity and link."""

    told: list[ToldView]
    warnings: list[str]
    by_digest: bool = False
    ladder: str | None = None
    tellings: list[TellingView] = []
    again_every: float | None = None
    details: dict[str, list[str]] = {}


class HoleView(BaseModel):
    """A stretch without anybody on duty."""

    first: datetime
    until: datetime


class RosterView(BaseModel):
    """Who of a roster is on duty at the moment asked for, and when next nobody will be."""

    name: str
    people: list[str]
    on_duty: list[str]
    otherwise: list[str]
    unmanned: HoleView | None


class Rosters(BaseModel):
    """A study's rosters."""

    study: str
    version: int
    at: datetime
    rosters: list[RosterView]


@router.put("/routing")
def set_routing(service: Service, principal: StudyAdmin, study: str, body: RawBody) -> RoutingView:
    """Puts a routing document (YAML) in force; the same text again changes nothing.

    422 `routing-refused` with line, place, problem and remedy of every finding.
    """
    text = _text(body)
    routing = _accepted(text, study)
    doubts = [*_checked_hosts(routing, service.trusted_webhook_hosts)]
    doubts += _unknown_targets(routing, service.apprise_targets)
    now = service.clock.now()
    with service.engine.begin() as conn:
        lock_studies(conn, [study], space=GROUP)
        stored = routings.current(conn, study)
        made: dict[str, str] = {}
        if stored is None or stored.document != text:
            version = 1 if stored is None else stored.version + 1
            stored = StoredRouting(study, version, text, principal.name, now)
            routings.add(conn, stored)
            arm_weekly_test(conn, routing, now)
            made = _missing_secrets(conn, routing, now)
        return _view(stored, [*gaps(routing, now), *doubts], made)


@router.get("/routing", dependencies=[require(*READERS)])
def read_routing(
    service: Service, study: str, version: Annotated[int | None, Query(ge=1, le=MAX_VERSION)] = None
) -> RoutingView:
    """The routing in force, or a version that was; alerts name the one they were raised by."""
    with service.engine.connect() as conn:
        current = routings.current(conn, study)
        stored = current if version is None else routings.by_version(conn, study, version)
        if current is None or stored is None:
            _no_routing()
        routing = in_force(conn, study).routing
    if stored.version != current.version:
        return _view(stored, [f"not in force: version {current.version} is"], {})
    if routing is None:
        return _view(stored, ["this document can no longer be read"], {})
    return _view(stored, list(gaps(routing, service.clock.now())), {})


@router.get("/routing/versions", dependencies=[require(*READERS)])
def list_versions(service: Service, study: str) -> Versions:
    """Who put which version in force, and when, newest first."""
    with service.engine.connect() as conn:
        found = routings.versions(conn, study)
    return Versions(versions=[VersionView.model_validate(one) for one in found])


@router.post("/routing/test", dependencies=[require(*READERS)])
def test_routing(service: Service, study: str, body: Question) -> Answer:
    """Who would be told of such a signal, how and when. Tells nobody."""
    with service.engine.connect() as conn:
        rules = in_force(conn, study)
    asked = Occasion(
        type=body.type,
        severity=body.severity,
        at=(body.at or service.clock.now()).astimezone(UTC),
        dose_level=body.dose_level,
        cohort=body.cohort,
        site=body.site,
    )
    found = rules.audience(asked)
    if rules.routing is None:
        return Answer(told=[], warnings=list(found.warnings))
    seen = forecast(rules.routing, asked)
    return Answer(
        told=[ToldView.model_validate(way) for way in found.told],
        warnings=list(dict.fromkeys((*found.warnings, *seen.warnings))),
        by_digest=seen.by_digest,
        ladder=seen.ladder,
        tellings=[
            TellingView(
                after=one.after.total_seconds(),
                at=one.at,
                told=[ToldView.model_validate(way) for way in one.told],
            )
            for one in seen.tellings
        ],
        again_every=_seconds(seen.again_every),
        details={channel: list(said) for channel, said in seen.details.items()},
    )


@router.get("/rosters", dependencies=[require(*READERS)])
def list_rosters(
    service: Service, study: str, at: Annotated[Moment | None, Query()] = None
) -> Rosters:
    """Who is on duty, now or at a moment, and the first stretch of the next two weeks in which
    nobody is."""
    moment = (at or service.clock.now()).astimezone(UTC)
    with service.engine.connect() as conn:
        rules = in_force(conn, study)
    if rules.routing is None or rules.version is None:
        _no_routing()
    unmanned = {one.roster: one for one in holes(rules.routing, moment, moment + LOOK_AHEAD)}
    views = []
    for roster in rules.routing.rosters:
        hole = unmanned.get(roster.name)
        views.append(
            RosterView(
                name=roster.name,
                people=list(roster.people),
                on_duty=list(on_duty(rules.routing, roster, moment)),
                otherwise=list(roster.otherwise),
                unmanned=None if hole is None else HoleView(first=hole.first, until=hole.until),
            )
        )
    return Rosters(study=study, version=rules.version, at=moment, rosters=views)


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _no_routing() -> NoReturn:
    raise Problem(404, "no-routing", "The study has no routing")


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "not-utf8", "The document is not UTF-8") from None
    if "\x00" in text:
        raise Problem(400, "nul-character", "The document holds a NUL character")
    return text


def _accepted(text: str, study: str) -> Routing:
    try:
        return load_routing(text, study=study)
    except DocumentError as refused:
        _refuse(
            [
                {
                    "line": str(finding.line),
                    "path": finding.path,
                    "detail": finding.problem,
                    "remedy": finding.remedy,
                }
                for finding in refused.findings
            ]
        )


def _checked_hosts(routing: Routing, trusted_hosts: frozenset[str]) -> Iterator[str]:
    """What is doubtful about webhook addresses; Problem for one that must not be reached."""
    for recipient in routing.recipients:
        if recipient.channel == "webhook":
            parts = check_url(recipient.address)
            try:
                trusted = is_trusted(parts, trusted_hosts)
                doubt = None if trusted else check_host(parts.hostname or "")
            except AddressRefused as error:
                _refuse([{"path": recipient.name, "detail": str(error)}])
            if doubt is not None:
                yield f"{recipient.name}: {doubt}"


def _unknown_targets(routing: Routing, known: frozenset[str]) -> list[str]:
    return [
        f"{one.name}: the operator has configured no target {one.address}"
        for one in routing.recipients
        if one.channel == "apprise" and one.address not in known
    ]


def _refuse(errors: list[dict[str, str]]) -> NoReturn:
    raise Problem(
        422, "routing-refused", "The routing document is not acceptable", errors=errors
    ) from None


def _missing_secrets(conn: Connection, routing: Routing, now: datetime) -> dict[str, str]:
    known = routings.secrets_set_at(conn, routing.study)
    webhooks = [one.name for one in routing.recipients if one.channel == "webhook"]
    made = {name: new_secret() for name in webhooks if name not in known}
    for name, secret in made.items():
        routings.set_secret(conn, routing.study, name, secret, now)
    return made


def _view(stored: StoredRouting, warnings: list[str], made: dict[str, str]) -> RoutingView:
    return RoutingView(
        study=stored.study,
        version=stored.version,
        document=stored.document,
        set_by=stored.set_by,
        set_at=stored.set_at,
        warnings=warnings,
        new_secrets=made,
    )
