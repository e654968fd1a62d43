"""What was asked of the sites, listed with its history."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from services.dlt_monitor.asking import READERS, Parts
from services.dlt_monitor.store import queries
from services.dlt_monitor.store.queries import StoredQuery

MOST_QUERIES = 500


def query_routes(router: APIRouter, parts: Parts) -> None:
    """The list of queries."""

    @router.get("/studies/{study}/queries", dependencies=READERS)
    def data_queries(
        study: str,
        site: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        state: Literal["opened", "answered", "closed"] | None = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_QUERIES)] = MOST_QUERIES,
    ) -> dict[str, Any]:
        """What was ever asked of the sites, each query with its history; `next` is the `after` of
        the page to follow. `answered`: a record it names came again, and it still stands."""
        with parts.engine.connect() as conn:
            found = queries.queries_after(
                conn, study, after=after, site=site, state=state, limit=limit + 1
            )
        page = found[:limit]
        return {
            "queries": [_listed(one) for one in page],
            "next": str(page[-1].number) if len(found) > limit else None,
        }


def _listed(one: StoredQuery) -> dict[str, Any]:
    query: dict[str, Any] = json.loads(one.document)
    return query | {"site": one.site, "state": one.state, "history": one.history}
