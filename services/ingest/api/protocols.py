"""A study's protocol document: put by its administrator, checked, versioned, a fact like others."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from services.ingest.api import confirmations
from services.ingest.api.events import plain_media_type
from services.ingest.api.parts import PREFIX, Body, Parts
from services.ingest.intake.documents import RECORD_ID, SOURCE
from services.ingest.intake.protocol import put_protocol
from services.ingest.store import views
from shared.contracts.envelope import MAX_REVISION
from shared.contracts.reader import FieldProblem, Refused
from shared.runtime.auth import Principal, require
from shared.runtime.telemetry import current_traceparent
from shared.runtime.web import Problem, RawBody, api_router

READERS = require("study_admin", "medical_monitor", "committee_member", "auditor")
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")


class ProtocolReceipt(Body):
    """``result`` is ``accepted``, or ``duplicate`` where the text is already the latest."""

    study: str
    version: str
    revision: int
    result: str
    receipt: str


class ProtocolRevision(Body):
    """One document that was put; without a `version` it was deleted."""

    revision: int
    version: str | None
    put_by: str | None
    known_at: datetime


class ProtocolRevisions(Body):
    """Every document that was put, newest first."""

    revisions: tuple[ProtocolRevision, ...]


def router(parts: Parts) -> APIRouter:
    """``PUT`` and ``GET /studies/{study}/protocol``, and its revisions."""
    router = api_router(PREFIX, tags=["protocol"])

    @router.put("/studies/{study}/protocol", status_code=202)
    def put_document(
        study: str,
        request: Request,
        response: Response,
        body: RawBody,
        principal: Principal = require("study_admin"),
        vigil_confirmation: Annotated[str | None, Header()] = None,
    ) -> ProtocolReceipt:
        """A new version of the study's protocol, as YAML; 200 where the text is the latest."""
        if plain_media_type(request) not in YAML:
            raise Problem(415, "unsupported-media-type", "Send application/yaml")
        try:
            text = _text(body)
            if principal.account is not None:
                acts = {(study, "protocol")}
                confirmations.take(parts, principal, body, vigil_confirmation, acts)
            put = put_protocol(
                parts.engine, parts.bus, parts.clock, study, text, principal, current_traceparent()
            )
        except Refused as refused:
            raise _problem(refused) from None
        response.status_code = put.status
        response.headers["Location"] = f"{PREFIX}/receipts/{put.receipt}"
        return ProtocolReceipt(
            study=study,
            version=put.version,
            revision=put.revision,
            result=put.result,
            receipt=put.receipt,
        )

    @router.get("/studies/{study}/protocol", response_class=Response, dependencies=[READERS])
    def get_document(
        study: str, revision: Annotated[int | None, Query(ge=1, le=MAX_REVISION)] = None
    ) -> Response:
        """The latest protocol document, or that of a `revision`, as it was put."""
        with parts.engine.connect() as conn:
            known = views.protocols(conn, study, SOURCE, RECORD_ID)
        found = next((one for one in known if revision in (None, one.revision)), None)
        if found is None or found.document is None:
            raise Problem(404, "not-found", "Not Found", "the study has no such protocol")
        headers = {"Vigil-Protocol-Revision": str(found.revision), "ETag": f'"{found.fact_id}"'}
        return Response(found.document, headers=headers, media_type="application/yaml")

    @router.get("/studies/{study}/protocol/revisions", dependencies=[READERS])
    def get_revisions(study: str) -> ProtocolRevisions:
        """Who put which version of the protocol when, newest first."""
        with parts.engine.connect() as conn:
            known = views.protocols(conn, study, SOURCE, RECORD_ID)
        return ProtocolRevisions(
            revisions=tuple(
                ProtocolRevision(
                    revision=one.revision,
                    version=one.version,
                    put_by=one.actor,
                    known_at=one.known_at,
                )
                for one in known
            )
        )

    return router


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused([FieldProblem("", "not-utf8", "the document is not UTF-8")]) from None
    if "\x00" in text:
        raise Refused([FieldProblem("", "nul-character", "the document holds a NUL character")])
    return text


def _problem(refused: Refused) -> Problem:
    """A document is YAML, so its problems name lines rather than pointers."""
    return Problem(
        422,
        "protocol-refused",
        "The protocol document is not acceptable",
        errors=[
            {"pointer": problem.pointer, "code": problem.code, "detail": problem.detail}
            for problem in refused.problems
        ],
    )
