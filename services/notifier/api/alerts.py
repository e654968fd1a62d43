"""The inbox: alerts of the reader's studies. A GET changes nothing."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import Header, Query, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from services.notifier.api.common import READERS, Reader, Service, not_found, studies_for
from services.notifier.store import alerts
from services.notifier.store.alerts import BEGINNING, Alert, Position, State, Wanted
from services.notifier.store.brief import alerts_in_brief
from services.notifier.views import AlertView, alert_views, study_warnings
from shared.contracts.signals import Severity, SignalType
from shared.runtime.auth import Principal
from shared.runtime.tags import named_in, tag_of
from shared.runtime.web import Problem, api_router

MOST_CHOSEN = 100

router = api_router("/notifier/v1/alerts", tags=["alerts"])


class AlertPage(BaseModel):
    """Alerts, oldest first. `next` continues after them; `last_event_id` is where a stream that
    shall miss nothing begins; `warnings` by study say whom alerts do not reach."""

    alerts: list[AlertView]
    next: str
    more: bool
    last_event_id: str
    warnings: dict[str, list[str]]


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
    severity: Annotated[Severity | None, Query()] = None,
    type: Annotated[SignalType | None, Query()] = None,
    dose_level: Annotated[int | None, Query(ge=0, le=1000)] = None,
    awaiting: Annotated[bool, Query()] = False,
    after: Annotated[str | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AlertPage:
    """Alerts of one study, or of all the key may read. `awaiting`: only those that want an
    acknowledgement and have none."""
    studies = studies_for(principal, study)
    wanted = Wanted(state, severity, None if type is None else str(type), dose_level, awaiting)
    start = BEGINNING if after is None else position(after, "after")
    with service.engine.connect() as conn:
        last_event = alerts.last_change(conn)
        found = alerts.page(conn, studies, wanted, after=start, limit=limit + 1)
        page = found[:limit]
        return AlertPage(
            alerts=alert_views(conn, page),
            next=str(page[-1].position if page else start),
            more=len(found) > limit,
            last_event_id=str(last_event),
            warnings=study_warnings(conn, studies, service.clock.now()),
        )


@router.get("/brief")
def list_in_brief(
    service: Service,
    principal: Reader,
    study: Annotated[str, Query(min_length=1)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Every alert of a study at once, oldest first, as far as a list of signals shows it: which
    signal, since when, its state and version, and who has acknowledged it. 304 for who has it
    already, by the `ETag` of an earlier answer."""
    studies = studies_for(principal, study)
    with service.engine.connect() as conn:
        warnings = json.dumps(study_warnings(conn, studies, service.clock.now()))
        found = alerts_in_brief(conn, study, beside=warnings, known=named_in(if_none_match))
    headers = {"ETag": tag_of(found.name)}
    if found.document is None:
        return Response(status_code=304, headers=headers)
    body = f'{{"alerts":{found.document},"warnings":{warnings}}}'
    return Response(body, media_type="application/json", headers=headers)


class AlertsChosen(BaseModel):
    """Alerts by their ids, oldest first; those that are not of the study are left out."""

    alerts: list[AlertView]


@router.get("/chosen")
def list_chosen(
    service: Service,
    principal: Reader,
    study: Annotated[str, Query(min_length=1)],
    id: Annotated[list[str], Query(min_length=1, max_length=MOST_CHOSEN)],
) -> AlertsChosen:
    """The alerts of a study that are named, for whoever has chosen them from the brief list."""
    studies = studies_for(principal, study)
    with service.engine.connect() as conn:
        found = [one for one in alerts.by_ids(conn, id) if one.study in studies]
        return AlertsChosen(alerts=alert_views(conn, sorted(found, key=lambda one: one.position)))


@router.get("/{id}")
def read_alert(service: Service, principal: Reader, id: str) -> AlertView:
    """One alert."""
    with service.engine.connect() as conn:
        return alert_views(conn, [readable(conn, principal, id)])[0]


def readable(conn: Connection, principal: Principal, id: str) -> Alert:
    """The alert if the reader may see it; 404 for one that is not there or of another study."""
    alert = alerts.by_id(conn, id)
    if alert is None:
        not_found()
    principal.check(alert.study, *READERS)
    return alert
