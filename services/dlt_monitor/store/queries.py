"""The life of each data query, turn by turn. Only ever added; what stands is the latest turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from shared.contracts.assessment import Query
from shared.runtime.db import copy_rows

_STANDING = sa.text(
    "SELECT document, site FROM dlt_monitor.query_turn t"
    " WHERE study = :study AND event <> 'closed'"
    " AND NOT EXISTS (SELECT FROM dlt_monitor.query_turn n"
    " WHERE n.study = t.study AND n.query = t.query AND n.number > t.number)"
)
_LISTED = (
    "SELECT number, state, site, document, history FROM dlt_monitor.data_query"
    " WHERE study = :study AND number > :after"
)


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to be kept: what happened to a query, with the site it is for since."""

    query: Query
    event: str
    at: datetime
    site: str | None
    by: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """A query as it stands, its place in the study's sequence and its history, oldest first."""

    number: int
    state: str
    site: str | None
    document: str
    history: list[dict[str, Any]]


def standing_queries(conn: Connection, study: str) -> dict[str, tuple[Query, str | None]]:
    """The queries that were opened and not closed since, each with its site, by id."""
    rows = conn.execute(_STANDING, {"study": study})
    found = [(Query.model_validate_json(row.document), row.site) for row in rows]
    return {query.id: (query, site) for query, site in found}


def add_turns(conn: Connection, study: str, assessment: int, new: Sequence[NewTurn]) -> None:
    """Keeps what the assessment with this number did to queries."""
    copy_rows(
        conn,
        "dlt_monitor.query_turn",
        ("study", "query", "event", "at", "assessment", "site", "answers", "document"),
        (
            (
                *(study, turn.query.id, turn.event, turn.at, assessment, turn.site),
                *(json.dumps(turn.by), turn.query.model_dump_json()),
            )
            for turn in new
        ),
    )


def queries_after(
    conn: Connection,
    study: str,
    *,
    after: int,
    site: str | None,
    state: str | None,
    limit: int,
) -> list[StoredQuery]:
    """Queries first opened beyond number `after`, oldest first, of a site and in a state."""
    chosen = {"site": site, "state": state}
    where = "".join(f" AND {name} = :{name}" for name, value in chosen.items() if value is not None)
    rows = conn.execute(
        sa.text(f"{_LISTED}{where} ORDER BY number LIMIT :limit"),
        {"study": study, "after": after, "limit": limit, **chosen},
    )
    return [StoredQuery(*row) for row in rows]
