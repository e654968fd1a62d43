"""What people do about an alert, each a POST by an authenticated person who names what they saw."""

from __future__ import annotations

from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from services.notifier.api.alerts import readable
from services.notifier.api.common import (
    ACKNOWLEDGERS,
    READERS,
    Acknowledger,
    Reader,
    Service,
    changing,
    not_found,
    person,
)
from services.notifier.responding import Outcome
from services.notifier.store import alerts
from services.notifier.store.alerts import Alert
from services.notifier.views import AlertView, alert_views
from shared.runtime.auth import Principal, Role
from shared.runtime.web import Problem, api_router

router = api_router("/notifier/v1/alerts/{id}", tags=["alerts"])

Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern="^[^\x00]*$"),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Acknowledge(_Body):
    """The version of the alert the person has seen."""

    version: int = Field(ge=1)


class Close(Acknowledge):
    """Why nothing more is to be done."""

    reason: Words


class WriteNote(_Body):
    """What is to be remembered with the alert."""

    text: Words


class HandOver(_Body):
    """Who, by the routing's name, looks after the alert from now on."""

    to: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    text: Annotated[str, StringConstraints(max_length=4000, pattern="^[^\x00]*$")] = ""


@router.post("/acknowledge")
def acknowledge(service: Service, principal: Acknowledger, id: str, body: Acknowledge) -> AlertView:
    """Records that the key's holder has taken the alert on; nobody is reminded any more.

    Repeating it changes nothing. 409 `stale-version`: the alert has changed since it was read.
    409 `alert-closed`: it was superseded or withdrawn; the alert that followed it is to be
    acknowledged.
    """
    with changing(service) as conn:
        alert = _locked(conn, principal, id, ACKNOWLEDGERS)
        who = person(principal, alert.study, ACKNOWLEDGERS)
        _done(service.responding.acknowledge(conn, alert, who, body.version), alert)
        return _view(conn, principal, id)


@router.post("/close")
def close(service: Service, principal: Acknowledger, id: str, body: Close) -> AlertView:
    """Ends the matter for a stated reason; acknowledges the alert where its holder has not.

    409 as for acknowledging.
    """
    with changing(service) as conn:
        alert = _locked(conn, principal, id, ACKNOWLEDGERS)
        who = person(principal, alert.study, ACKNOWLEDGERS)
        _done(service.responding.close(conn, alert, who, body.version, body.reason), alert)
        return _view(conn, principal, id)


@router.post("/seen")
def see(service: Service, principal: Reader, id: str) -> AlertView:
    """Records that the key's holder has opened the alert: a receipt, once for each person."""
    with changing(service) as conn:
        alert = _locked(conn, principal, id, READERS)
        service.responding.see(conn, alert, person(principal, alert.study, READERS))
        return _view(conn, principal, id)


@router.post("/notes")
def write(service: Service, principal: Acknowledger, id: str, body: WriteNote) -> AlertView:
    """Adds a note; notes are never changed or removed."""
    with changing(service) as conn:
        alert = _locked(conn, principal, id, ACKNOWLEDGERS)
        who = person(principal, alert.study, ACKNOWLEDGERS)
        service.responding.write(conn, alert, who, body.text)
        return _view(conn, principal, id)


@router.post("/hand-over")
def hand_over(service: Service, principal: Acknowledger, id: str, body: HandOver) -> AlertView:
    """Names who looks after the alert and tells them. It stays unacknowledged until they do.

    422 `unknown-recipient`: the study's routing has nobody of that name.
    """
    with changing(service) as conn:
        alert = _locked(conn, principal, id, ACKNOWLEDGERS)
        who = person(principal, alert.study, ACKNOWLEDGERS)
        told = service.responding.hand_over(conn, alert, who, body.to, body.text)
        if told is None:
            raise Problem(
                422,
                "unknown-recipient",
                "The study's routing has nobody of that name",
                "name a recipient of the routing in force",
            )
        return _view(conn, principal, id)


def _locked(conn: Connection, principal: Principal, id: str, roles: tuple[Role, ...]) -> Alert:
    alert = alerts.by_id(conn, id, lock=True)
    if alert is None or alert.kind != "signal":
        not_found()
    principal.check(alert.study, *roles)
    return alert


def _view(conn: Connection, principal: Principal, id: str) -> AlertView:
    return alert_views(conn, [readable(conn, principal, id)])[0]


def _done(outcome: Outcome, alert: Alert) -> None:
    if outcome == "closed":
        _refuse_closed(alert)
    if outcome == "stale":
        raise Problem(
            409,
            "stale-version",
            "The alert has changed",
            f"read it again; its version is {alert.version}",
        )


def _refuse_closed(alert: Alert) -> NoReturn:
    raise Problem(
        409,
        "alert-closed",
        "The alert no longer stands",
        f"it was {alert.state}; read and acknowledge the alert {alert.followed_by} instead",
    )
