"""What can be read back: a receipt, a study's refusals, its protocol."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from shared.contracts.receipts import FieldError, IngestReceipt

_DELIVERY = sa.text(
    "SELECT receipt, study, type, result, status, revision, received_at, known_at, body_hash,"
    " key_id FROM ingest.delivery WHERE receipt = :receipt"
)
_REFUSAL = sa.text(
    "SELECT receipt, study, type, result, status, received_at, body_hash, problems, key_id"
    " FROM ingest.refusal WHERE receipt = :receipt"
)
_REFUSALS = sa.text(
    "SELECT receipt, study, type, result, status, received_at, body_hash, problems, key_id"
    " FROM ingest.refusal WHERE study = :study AND (CAST(:before AS text) IS NULL"
    " OR receipt < CAST(:before AS text)) ORDER BY receipt DESC LIMIT :limit"
)
_PROTOCOLS = (
    "SELECT fact_id, receipt, revision, known_at, op, fact ->> 'actor' AS actor,"
    " fact #>> '{data,document}' AS document, fact #>> '{data,version}' AS version"
    " FROM ingest.version"
    " WHERE study = :study AND source = :source AND kind = 'protocol' AND recordid = :recordid"
    " ORDER BY revision DESC, sourcetime DESC NULLS LAST, content DESC"
)
_SOURCES = sa.text(
    "SELECT source, max(received_at) AS last_at, count(*) AS deliveries FROM ingest.delivery"
    " WHERE study = :study GROUP BY source ORDER BY source"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A receipt, and whose it is: `study` is None where the delivery named none it may use."""

    receipt: IngestReceipt
    study: str | None
    key_id: str


@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """A version of a study's protocol record; `document` is None where it was deleted."""

    fact_id: str
    receipt: str
    revision: int
    known_at: datetime
    version: str | None
    document: str | None
    actor: str | None


@dataclass(frozen=True, slots=True)
class SourceContact:
    """When something of a source was last taken, and how many deliveries there were."""

    source: str
    last_at: datetime
    deliveries: int


def receipt(conn: Connection, number: str) -> Kept | None:
    """The receipt of an accepted or refused delivery."""
    row = conn.execute(_DELIVERY, {"receipt": number}).one_or_none()
    if row is not None:
        values = dict(row._mapping)
        key_id = values.pop("key_id")
        return Kept(IngestReceipt(**values), row.study, key_id)
    row = conn.execute(_REFUSAL, {"receipt": number}).one_or_none()
    return None if row is None else _refused(row)


def refusals(conn: Connection, study: str, *, before: str | None, limit: int) -> list[Kept]:
    """A study's refused deliveries, newest first, older than the receipt `before`."""
    rows = conn.execute(_REFUSALS, {"study": study, "before": before, "limit": limit})
    return [_refused(row) for row in rows]


def protocol(conn: Connection, study: str, source: str, recordid: str) -> ProtocolVersion | None:
    """The latest version of a protocol record, or None if there never was one."""
    names = {"study": study, "source": source, "recordid": recordid}
    row = conn.execute(sa.text(f"{_PROTOCOLS} LIMIT 1"), names).one_or_none()
    return None if row is None else _protocol(row)


def protocols(conn: Connection, study: str, source: str, recordid: str) -> list[ProtocolVersion]:
    """Every version of a protocol record, newest first."""
    names = {"study": study, "source": source, "recordid": recordid}
    return [_protocol(row) for row in conn.execute(sa.text(_PROTOCOLS), names)]


def sources(conn: Connection, study: str) -> list[SourceContact]:
    """The sources whose deliveries were taken, by name."""
    return [SourceContact(*row) for row in conn.execute(_SOURCES, {"study": study})]


def _protocol(row: Any) -> ProtocolVersion:
    stands = row.op == "upsert"
    return ProtocolVersion(
        row.fact_id,
        row.receipt,
        row.revision,
        row.known_at,
        row.version if stands else None,
        row.document if stands else None,
        row.actor,
    )


def _refused(row: Any) -> Kept:
    problems = json.loads(row.problems) if isinstance(row.problems, str) else row.problems
    return Kept(
        IngestReceipt(
            receipt=row.receipt,
            study=row.study or "",
            result=row.result,
            status=row.status,
            type=row.type,
            revision=None,
            received_at=row.received_at,
            known_at=None,
            body_hash=row.body_hash,
            problems=tuple(
                FieldError(pointer=pointer, code=code, detail=detail)
                for pointer, code, detail in problems
            ),
        ),
        row.study,
        row.key_id,
    )
