"""The door: one event, a batch or lines; answered once everything taken is committed."""

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from services.ingest.api import confirmations, wording
from services.ingest.api.parts import PREFIX, Parts
from services.ingest.intake.items import Item, Outcome
from services.ingest.intake.permission import SENDERS
from services.ingest.intake.reading import Reader
from services.ingest.intake.settling import KeyReused, Submission
from services.ingest.intake.writer import Unavailable
from services.ingest.store import answers
from services.ingest.store.answers import Answer
from shared.contracts.reader import Refused
from shared.runtime.auth import Principal, require
from shared.runtime.telemetry import current_traceparent
from shared.runtime.web import Problem, RawBody, api_router

ONE = ("application/cloudevents+json", "application/json")
BATCH = ("application/cloudevents-batch+json",)
LINES = ("application/x-ndjson", "application/ndjson")

_NAME = re.compile(r"[!-~]{1,255}")

Render = Callable[[Sequence[Outcome]], Answer]


def router(parts: Parts) -> APIRouter:
    """``POST /events``."""
    router = api_router(PREFIX, tags=["events"])

    @router.post("/events", status_code=202)
    def post_events(
        request: Request,
        body: RawBody,
        principal: Principal = require(*SENDERS, study=None),
        idempotency_key: Annotated[str | None, Header()] = None,
        vigil_confirmation: Annotated[str | None, Header()] = None,
    ) -> Response:
        """One CloudEvent, a batch or NDJSON; the media type says which. A person's act that is
        sent with a session needs a confirmation for exactly this body."""
        media_type = plain_media_type(request)
        same = _request(principal, idempotency_key, media_type, body)
        if not parts.writer.has_room():
            raise unavailable()
        items, render = _take_apart(parts.reader, media_type, body, principal)
        items = confirmations.take_for_events(parts, principal, items, body, vigil_confirmation)
        submission = Submission(items, principal.key_id, current_traceparent(), render, same)
        try:
            answer = parts.writer.submit(submission)
        except Unavailable:
            raise unavailable() from None
        except KeyReused:
            raise Problem(
                422,
                "idempotency-key-reused",
                "The Idempotency-Key was used for another request",
            ) from None
        return response(answer)

    return router


def response(answer: Answer) -> Response:
    """An answer as it is sent."""
    headers = {"Location": answer.location} if answer.location else None
    return Response(answer.body, answer.status, headers, media_type=answer.media_type)


def unavailable() -> Problem:
    """Nothing was acknowledged: the sender keeps what it has and comes again."""
    return Problem(
        503,
        "unavailable",
        "Nothing was taken",
        "send the same request again; what had been stored counts once",
        headers={"Retry-After": "1"},
    )


def plain_media_type(request: Request) -> str:
    """The request's media type without parameters. Raises Problem 415 for what cannot be read."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "unsupported-encoding", "The body must not be compressed")
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') != "utf-8":
            raise Problem(415, "unsupported-charset", "The body must be UTF-8")
    return media_type.strip()


def _take_apart(
    reader: Reader, media_type: str, body: bytes, principal: Principal
) -> tuple[Sequence[Item], Render]:
    try:
        if media_type in LINES:
            numbers, items = reader.lines(body, principal)
            return items, partial(wording.lines, numbers)
        if media_type in BATCH:
            return reader.batch(body, principal), wording.many
    except Refused as refused:
        return [reader.refused(body, principal, refused.problems)], wording.one
    if media_type in ONE:
        return [reader.line(body, principal)], wording.one
    raise Problem(
        415, "unsupported-media-type", "Send one of: " + ", ".join((*ONE, *BATCH, *LINES))
    )


def _request(
    principal: Principal, name: str | None, media_type: str, body: bytes
) -> answers.Request | None:
    if name is None:
        return None
    if not _NAME.fullmatch(name):
        raise Problem(
            400, "bad-idempotency-key", "An Idempotency-Key has 1 to 255 visible ASCII characters"
        )
    digest = hashlib.sha256(media_type.encode() + b"\n" + body).hexdigest()
    return answers.Request(principal.key_id, name, digest)
