"""What became of deliveries: a receipt by its number, a study's refusals, its sources' last
contact."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.ingest.api.parts import PREFIX, Body, Parts
from services.ingest.store import views
from services.ingest.store.views import Kept
from shared.contracts.receipts import FieldError, IngestReceipt
from shared.runtime.auth import AnyKey, Principal, Role, require
from shared.runtime.web import Problem, api_router

PEOPLE: tuple[Role, ...] = ("study_admin", "medical_monitor", "committee_member", "auditor")
_RECEIPT = re.compile(r"r[0-9a-f]{44}")


class RefusedDelivery(Body):
    """A refused delivery: where and why, never what was sent. ``key`` is the sender's key id."""

    receipt: str
    received_at: datetime
    key: str
    status: int
    result: str
    type: str | None
    body_hash: str
    problems: tuple[FieldError, ...]


class Refusals(Body):
    """Newest first; ``next`` is the ``before`` of the following page, null on the last."""

    refusals: tuple[RefusedDelivery, ...]
    next: str | None


class Source(Body):
    """When something of a source was last taken, and how much in all."""

    source: str
    last_at: datetime
    deliveries: int


class Sources(Body):
    """The sources of a study by name."""

    sources: tuple[Source, ...]


def router(parts: Parts) -> APIRouter:
    """``GET /receipts/{receipt}`` and a study's refusals and sources."""
    router = api_router(PREFIX, tags=["receipts"])

    @router.get("/receipts/{receipt}")
    def get_receipt(receipt: str, principal: AnyKey) -> IngestReceipt:
        """The receipt of a delivery, for keys of its study."""
        kept = None
        if _RECEIPT.fullmatch(receipt):
            with parts.engine.connect() as conn:
                kept = views.receipt(conn, receipt)
        if kept is None or not _may_see(principal, kept):
            raise Problem(404, "not-found", "Not Found")
        return kept.receipt

    @router.get("/studies/{study}/refusals")
    def get_refusals(
        study: str,
        principal: Principal = require("study_admin", "auditor"),  # noqa: ARG001 - guards
        before: Annotated[str | None, Query(pattern=f"^{_RECEIPT.pattern}$")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Refusals:
        """Deliveries to the study that were not taken: pointers and codes, no values."""
        with parts.engine.connect() as conn:
            page = views.refusals(conn, study, before=before, limit=limit + 1)
        shown = page[:limit]
        following = shown[-1].receipt.receipt if len(page) > limit else None
        return Refusals(refusals=tuple(map(_listed, shown)), next=following)

    @router.get("/studies/{study}/sources", dependencies=[require(*PEOPLE)])
    def get_sources(study: str) -> Sources:
        """The last contact of each source that sends records of the study."""
        with parts.engine.connect() as conn:
            found = views.sources(conn, study)
        return Sources(
            sources=tuple(
                Source(source=one.source, last_at=one.last_at, deliveries=one.deliveries)
                for one in found
            )
        )

    return router


def _may_see(principal: Principal, kept: Kept) -> bool:
    if kept.study is None:
        return kept.key_id == principal.key_id
    return bool(principal.roles_in(kept.study))


def _listed(kept: Kept) -> RefusedDelivery:
    receipt = kept.receipt
    return RefusedDelivery(
        receipt=receipt.receipt,
        received_at=receipt.received_at,
        key=kept.key_id,
        status=receipt.status,
        result=receipt.result,
        type=receipt.type,
        body_hash=receipt.body_hash,
        problems=receipt.problems,
    )
