"""Who got into a study, and who changed what others may do there."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.ingest.api.parts import PREFIX, Body, Parts
from shared.runtime import accesslog
from shared.runtime.auth import Principal, require
from shared.runtime.web import api_router


class AccessEntry(Body):
    """One line of who got in and who changed what others may do."""

    number: int
    at: datetime
    kind: str
    by: str
    about: str


class AccessLog(Body):
    """Newest first; `next` is the `before` of the following page, null on the last."""

    entries: tuple[AccessEntry, ...]
    next: int | None


def router(parts: Parts) -> APIRouter:
    """``GET /studies/{study}/access-log``."""
    router = api_router(PREFIX, tags=["accounts"])

    @router.get("/studies/{study}/access-log")
    def get_log(
        study: str,
        principal: Principal = require("study_admin", "auditor"),  # noqa: ARG001 - guards
        before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> AccessLog:
        """Sign-ins of the study's people, confirmations, and changes of accounts and keys."""
        with parts.engine.connect() as conn:
            page = accesslog.page(conn, study, before, limit + 1)
        shown = page[:limit]
        return AccessLog(
            entries=tuple(
                AccessEntry(number=e.number, at=e.at, kind=e.kind, by=e.by.name, about=e.about)
                for e in shown
            ),
            next=shown[-1].number if len(page) > limit else None,
        )

    return router
