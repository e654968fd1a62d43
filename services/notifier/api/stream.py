"""Alerts as they change, as Server-Sent Events.

A stream resumes after the `Last-Event-ID` it names. Each heartbeat asks again whether the key may
still read, so that a revoked key does not go on listening.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from services.notifier.api.alerts import position
from services.notifier.api.common import READERS, Parts, Reader, Service, studies_for
from services.notifier.feed import Client, Event
from shared.runtime.auth import Principal
from shared.runtime.web import Problem, api_router

RECONNECT_MILLISECONDS = 2000

router = api_router("/notifier/v1/alerts", tags=["alerts"])


@router.get("/stream", response_class=StreamingResponse)
async def stream(
    service: Service,
    principal: Reader,
    study: Annotated[str | None, Query()] = None,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[str | None, Query()] = None,
    authorization: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Events `alert` ({"change", "alert"}), `heartbeat` ({"current"}: whether the record has
    been looked at lately) and `reset` ({"after"}: the change named as seen last is not on record,
    as after a backup was restored; ask for the alerts anew, the stream goes on there).

    `after` serves clients that cannot set `Last-Event-ID`; a page of alerts gives the value to
    begin with. Without either, the stream begins now."""
    studies = studies_for(principal, study)
    start = last_event_id or after
    client = service.feed.join(studies, None if start is None else position(start, "after"))
    return StreamingResponse(
        _lines(service, client, principal, authorization),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _lines(
    service: Parts, client: Client, principal: Principal, authorization: str | None
) -> AsyncIterator[str]:
    try:
        yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
        checked = time.monotonic()
        while True:
            try:
                event = await client.next(service.feed.heartbeat)
            except TimeoutError:
                yield _heartbeat(service.feed.current)
            else:
                if event is None:
                    return
                yield _text(event)
            if time.monotonic() - checked >= service.feed.heartbeat:
                if not await _may_still_read(service, client, principal, authorization):
                    return
                checked = time.monotonic()
    finally:
        service.feed.leave(client)


async def _may_still_read(
    service: Parts, client: Client, principal: Principal, authorization: str | None
) -> bool:
    try:
        now = await run_in_threadpool(service.authenticator.authenticate, authorization)
    except Problem:
        return False
    return now.key_id == principal.key_id and client.studies <= now.studies(*READERS)


def _text(event: Event) -> str:
    return f"id: {event.id}\nevent: {event.name}\ndata: {event.data}\n\n"


def _heartbeat(current: bool) -> str:
    return f"event: heartbeat\ndata: {json.dumps({'current': current})}\n\n"
