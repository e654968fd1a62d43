"""The inbox: alerts of the reader's studies, and acknowledging one. A GET changes nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from services.notifier.api.common import (
    ACKNOWLEDGERS,
    READERS,
    Acknowledger,
    Reader,
    Service,
    not_found,
    studies_for,
)
from services.notifier.store import alerts
from services.notifier.store.alerts import BEGINNING, Alert, Position, State
from services.notifier.views import AlertView, alert_views, study_warnings
from shared.runtime.auth import Principal
from shared.runtime.web import Problem, api_router

router = api_router("/notifier/v1/alerts", tags=["alerts"])


class AlertPage(BaseModel):
    """Alerts, oldest first. `next` continues after them; `last_event_id` is where a stream that
    shall miss nothing begins; `warnings` by study say whom alerts do not reach."""

    alerts: list[AlertView]
    next: str
    more: bool
    last_event_id: str
    warnings: dict[str, list[str]]


class Acknowledge(BaseModel):
    """The version of the alert the person has seen."""

    model_config = ConfigDict(extra="forbid", strict=True)
    version: int = Field(ge=1)


def position(text: str, parameter: str) -> Position:
    """A position from outside; Problem 422 where it is none of ours."""
    try:
        return Position.parse(text)
    except ValueError as error:
        raise Problem(
            422,
            "invalid-request",
            "The request does not have the expected form",
            errors=[{"in": "query", "parameter": parameter, "detail": str(error)}],
        ) from None


@router.get("")
def list_alerts(
    service: Service,
    principal: Reader,
    study: Annotated[str | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
    after: Annotated[str | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AlertPage:
    """Alerts of one study, or of all the key may read."""
    studies = studies_for(principal, study)
    start = BEGINNING if after is None else position(after, "after")
    with service.engine.connect() as conn:
        last_event = alerts.last_change(conn)
        found = alerts.page(conn, studies, state=state, after=start, limit=limit + 1)
        page = found[:limit]
        return AlertPage(
            alerts=alert_views(conn, page),
            next=str(page[-1].position if page else start),
            more=len(found) > limit,
            last_event_id=str(last_event),
            warnings=study_warnings(conn, studies),
        )


@router.get("/{id}")
def read_alert(service: Service, principal: Reader, id: str) -> AlertView:
    """One alert."""
    with service.engine.connect() as conn:
        return alert_views(conn, [readable(conn, principal, id)])[0]


@router.post("/{id}/acknowledge")
def acknowledge(service: Service, principal: Acknowledger, id: str, body: Acknowledge) -> AlertView:
    """Records that the key's holder has seen the alert.

    Repeating it changes nothing. 409 `stale-version`: the alert has changed since it was read.
    409 `alert-closed`: it was superseded or withdrawn; the alert that followed it is to be
    acknowledged.
    """
    with service.engine.begin() as conn:
        alert = alerts.by_id(conn, id, lock=True)
        if alert is None or alert.kind != "signal":
            not_found()
        principal.check(alert.study, *ACKNOWLEDGERS)
        held = principal.roles_in(alert.study)
        outcome = service.alerting.acknowledge(
            conn,
            alert,
            key_id=principal.key_id,
            name=principal.name,
            role=next(role for role in ACKNOWLEDGERS if role in held),
            version=body.version,
        )
        if outcome == "closed":
            _refuse_closed(alert)
        if outcome == "stale":
            raise Problem(
                409,
                "stale-version",
                "The alert has changed",
                f"read it again; its version is {alert.version}",
            )
        view = alert_views(conn, [readable(conn, principal, id)])[0]
    service.bus.wake()
    return view


def _refuse_closed(alert: Alert) -> None:
    raise Problem(
        409,
        "alert-closed",
        "The alert no longer stands",
        f"it was {alert.state}; read and acknowledge the alert {alert.followed_by} instead",
    )


def readable(conn: Connection, principal: Principal, id: str) -> Alert:
    """The alert if the reader may see it; 404 for one that is not there or of another study."""
    alert = alerts.by_id(conn, id)
    if alert is None:
        not_found()
    principal.check(alert.study, *READERS)
    return alert
