"""Answers kept for `Idempotency-Key`: the same request again gets the same answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

KEPT_FOR = timedelta(hours=24)

_FIND = sa.text(
    "SELECT a.key_id, a.idempotency_key, request_hash, status, media_type, location, body"
    " FROM ingest.answer a"
    " JOIN unnest(CAST(:key_ids AS text[]), CAST(:names AS text[])) AS q(key_id, name)"
    " ON a.key_id = q.key_id AND a.idempotency_key = q.name WHERE a.at > :after"
)
_FORGET = sa.text("DELETE FROM ingest.answer WHERE at <= :until")
_KEEP = sa.text(
    "INSERT INTO ingest.answer (key_id, idempotency_key, request_hash, status, media_type,"
    " location, body, at) VALUES (:key_id, :name, :request_hash, :status, :media_type,"
    " :location, :body, :at)"
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be repeated: whose, under which name, and what it says."""

    key_id: str
    name: str
    request_hash: str

    @property
    def identity(self) -> tuple[str, str]:
        """One sender's use of one Idempotency-Key."""
        return (self.key_id, self.name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back for a whole request."""

    status: int
    media_type: str
    body: bytes = field(repr=False)
    location: str | None = None


def find(
    conn: Connection, requests: Iterable[Request], now: datetime
) -> dict[tuple[str, str], tuple[str, Answer]]:
    """The kept answers, each with the hash of the request it answered."""
    identities = [request.identity for request in requests]
    if not identities:
        return {}
    key_ids, names = zip(*identities, strict=True)
    rows = conn.execute(
        _FIND, {"key_ids": list(key_ids), "names": list(names), "after": now - KEPT_FOR}
    )
    return {
        (row.key_id, row.idempotency_key): (
            row.request_hash,
            Answer(row.status, row.media_type, bytes(row.body), row.location),
        )
        for row in rows
    }


def keep(conn: Connection, request: Request, answer: Answer, now: datetime) -> None:
    """Keeps an answer, in the transaction of what it speaks of, and forgets those too old."""
    conn.execute(_FORGET, {"until": now - KEPT_FOR})
    conn.execute(
        _KEEP,
        {
            "key_id": request.key_id,
            "name": request.name,
            "request_hash": request.request_hash,
            "status": answer.status,
            "media_type": answer.media_type,
            "location": answer.location,
            "body": answer.body,
            "at": now,
        },
    )
