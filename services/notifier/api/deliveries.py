"""Whom an alert reached, with every answer, and sending once more."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from services.notifier.api.alerts import readable
from services.notifier.api.common import (
    SENDERS,
    Reader,
    Resender,
    Service,
    changing,
    not_found,
    studies_for,
)
from services.notifier.routing import Channel
from services.notifier.store import deliveries
from services.notifier.views import DeliveryView, delivery_views
from shared.runtime.auth import require
from shared.runtime.web import Problem, api_router

router = api_router("/notifier/v1", tags=["deliveries"])


class Deliveries(BaseModel):
    """An alert's deliveries, each with its log."""

    alert: str
    deliveries: list[DeliveryView]


class DeadLetters(BaseModel):
    """Deliveries that were given up, oldest first. `next` continues after them."""

    deliveries: list[DeliveryView]
    next: int
    more: bool


class Test(BaseModel):
    """Whom a test goes to; left out, everybody."""

    model_config = ConfigDict(extra="forbid")
    channel: Channel | None = None
    subscriber: str | None = None


@router.get("/deliveries")
def list_deliveries(
    service: Service, principal: Reader, alert: Annotated[str, Query()]
) -> Deliveries:
    """The deliveries of one alert."""
    with service.engine.connect() as conn:
        found = readable(conn, principal, alert)
        rows = deliveries.of_alerts(conn, [found.id])[found.id]
        return Deliveries(alert=found.id, deliveries=delivery_views(conn, rows))


@router.get("/deliveries/given-up")
def list_dead_letters(
    service: Service,
    principal: Reader,
    study: Annotated[str | None, Query()] = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeadLetters:
    """What was given up, of one study or of all the key may read; `resend` starts over."""
    studies = studies_for(principal, study)
    with service.engine.connect() as conn:
        found = deliveries.dead(conn, studies, after=after, limit=limit + 1)
        page = found[:limit]
        return DeadLetters(
            deliveries=delivery_views(conn, [delivery for _, delivery in page]),
            next=page[-1][0] if page else after,
            more=len(found) > limit,
        )


@router.post("/deliveries/{id}/resend", status_code=202)
def resend(service: Service, principal: Resender, id: str) -> DeliveryView:
    """Sends a settled delivery again, under the same id, so that a repeat can be told.

    409 `not-settled`: it is still being tried, or it is the inbox.
    """
    with changing(service) as conn:
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
        return delivery_views(conn, [again])[0]


@router.post("/studies/{study}/test-fire", status_code=202, dependencies=[require(*SENDERS)])
def fire_test(service: Service, study: str, body: Test | None = None) -> Deliveries:
    """Sends a labelled test to every recipient of the study's routing, or to those of a channel
    or a name.

    409 `no-routing`: the study has none, or one that can no longer be read.
    """
    asked = body or Test()
    with changing(service) as conn:
        fired = service.alerting.test_fire(
            conn, study, channel=asked.channel, subscriber=asked.subscriber
        )
        if fired is None:
            raise Problem(
                409,
                "no-routing",
                "The study has no routing",
                "set one with PUT /notifier/v1/studies/{study}/routing",
            )
        alert, queued = fired
        return Deliveries(alert=alert, deliveries=delivery_views(conn, queued))
