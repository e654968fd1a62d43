"""What a dose meeting reads, over HTTP: the packet, from which pages and PDF are written, and the
small part of it that the committee's page needs.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.dlt_monitor.asking import JSON, READERS, Moment, Parts, answer_to, view_of
from shared.clinical import Study
from shared.clinical.packet import outlook_of, packet_of
from shared.contracts.assessment import Assessment
from shared.contracts.packet import Packet, StudyOutlook


def packet_routes(router: APIRouter, parts: Parts) -> None:
    """Its two routes."""

    @router.get("/studies/{study}/packet", response_model=Packet, dependencies=READERS)
    def packet(study: str, known_at: Moment = None) -> Response:
        """Everything a dose meeting reads, now or as known at a past moment."""
        with view_of(parts, study, None, known_at) as (view, headers):
            found = answer_to(parts, view, "packet", packet_document)
        return Response(found, media_type=JSON, headers=headers)

    @router.get("/studies/{study}/outlook", response_model=StudyOutlook, dependencies=READERS)
    def outlook(study: str, known_at: Moment = None) -> Response:
        """The decision table of the design, and what the pending can still change."""
        with view_of(parts, study, None, known_at) as (view, headers):
            found = answer_to(parts, view, "outlook", _outlook)
        return Response(found, media_type=JSON, headers=headers)


def packet_document(study: Study, said: Assessment) -> str:
    """The packet of a study."""
    return packet_of(study, said).model_dump_json()


def _outlook(study: Study, said: Assessment) -> str:
    return outlook_of(study, said).model_dump_json()
