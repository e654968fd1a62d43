"""The committee's packet over HTTP: one document, from which pages and PDF are written."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.dlt_monitor.asking import JSON, READERS, Moment, Parts, view_of
from shared.clinical.packet import packet_of
from shared.contracts.packet import Packet


def packet_routes(router: APIRouter, parts: Parts) -> None:
    """Its one route."""

    @router.get("/studies/{study}/packet", response_model=Packet, dependencies=READERS)
    def packet(study: str, known_at: Moment = None) -> Response:
        """Everything a dose meeting reads, now or as known at a past moment."""
        with view_of(parts, study, None, known_at) as (view, headers):
            said = view.assessment
        with parts.engine.begin() as conn, parts.views.folded(conn, study) as folded:
            found = packet_of(folded, said)
        return Response(found.model_dump_json(), media_type=JSON, headers=headers)
