"""Whom an alert reached, with every answer, and sending once more."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from services.notifier.api.alerts import readable
from services.notifier.api.common import (
    SENDERS,
    Reader,
    Resender,
    Service,
    not_found,
)
from services.notifier.store import deliveries
from services.notifier.views import DeliveryView, delivery_views
from shared.runtime.auth import require
from shared.runtime.web import Problem, api_router

router = api_router("/notifier/v1", tags=["deliveries"])


class Deliveries(BaseModel):
    """An alert's deliveries, each with its log."""

    alert: str
    deliveries: list[DeliveryView]


@router.get("/deliveries")
def list_deliveries(
    service: Service, principal: Reader, alert: Annotated[str, Query()]
) -> Deliveries:
    """The deliveries of one alert."""
    with service.engine.connect() as conn:
        found = readable(conn, principal, alert)
        rows = deliveries.of_alerts(conn, [found.id])[found.id]
        return Deliveries(alert=found.id, deliveries=delivery_views(conn, rows))


@router.post("/deliveries/{id}/resend", status_code=202)
def resend(service: Service, principal: Resender, id: str) -> DeliveryView:
    """Sends a settled delivery again, under the same id, so that a repeat can be told.

    409 `not-settled`: it is still being tried, or it is the inbox.
    """
    with service.engine.begin() as conn:
        delivery = deliveries.by_id(conn, id)
        if delivery is None:
            not_found()
        principal.check(delivery.study, *SENDERS)
        again = service.alerting.resend(conn, id)
        if again is None:
            raise Problem(
                409,
                "not-settled",
                "The delivery cannot be sent again now",
                "only mail and webhooks that were sent or given up can",
            )
        view = delivery_views(conn, [again])[0]
    service.bus.wake()
    return view


@router.post("/studies/{study}/test-fire", status_code=202, dependencies=[require(*SENDERS)])
def test_fire(service: Service, study: str) -> Deliveries:
    """Sends a labelled test to every recipient of the study's routing.

    409 `no-routing`: the study has none, or one that can no longer be read.
    """
    with service.engine.begin() as conn:
        fired = service.alerting.test_fire(conn, study)
        if fired is None:
            raise Problem(
                409,
                "no-routing",
                "The study has no routing",
                "set one with PUT /notifier/v1/studies/{study}/routing",
            )
        alert, queued = fired
        views = delivery_views(conn, queued)
    service.bus.wake()
    return Deliveries(alert=alert, deliveries=views)
