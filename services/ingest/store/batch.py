"""What is read and written for a batch of events: a handful of statements, however large it is.

Everything runs in the caller's transaction, after it has locked the studies concerned.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Json
from sqlalchemy import Connection

from shared.contracts.envelope import Fact
from shared.contracts.reader import FieldProblem
from shared.contracts.receipts import IngestResult
from shared.runtime.db import copy_rows, driver_connection

DeliveryKey = tuple[str, str, str]
"""study, source, event id"""

RecordKey = tuple[str, str, str, str]
"""source, study, kind, recordid: `Fact.record`"""

Version = tuple[int, str, str]
"""`Fact.version`: how the versions of a record are ordered."""

# LATERAL with LIMIT: one index probe for each event, whatever the planner thinks of a table that
# has just grown from nothing. The keys travel as one JSON text: psycopg writes arrays in Python.
_DELIVERIES = """
    SELECT d.study, d.source, d.event_id, d.receipt, d.body_hash, d.result
    FROM json_to_recordset(%s) AS q(study text, source text, event_id text),
    LATERAL (SELECT * FROM ingest.delivery d WHERE d.study = q.study COLLATE "C"
        AND d.source = q.source COLLATE "C" AND d.event_id = q.event_id COLLATE "C" LIMIT 1) AS d
"""
_VERSIONS = """
    SELECT v.fact_id, v.result FROM json_array_elements_text(%s) AS q(fact_id),
    LATERAL (SELECT * FROM ingest.version v WHERE v.fact_id = q.fact_id COLLATE "C" LIMIT 1) AS v
"""
_HEADS = """
    SELECT h.source, h.study, h.kind, h.recordid, h.revision, h.sourcetime, h.content, h.op,
        q.revision, EXISTS (SELECT FROM ingest.version v WHERE v.study = q.study COLLATE "C"
            AND v.source = q.source COLLATE "C" AND v.kind = q.kind COLLATE "C"
            AND v.recordid = q.recordid COLLATE "C" AND v.revision = q.revision)
    FROM json_to_recordset(%s)
        AS q(source text, study text, kind text, recordid text, revision bigint),
    LATERAL (SELECT * FROM ingest.version v WHERE v.study = q.study COLLATE "C"
        AND v.source = q.source COLLATE "C" AND v.kind = q.kind COLLATE "C"
        AND v.recordid = q.recordid COLLATE "C"
        ORDER BY revision DESC, sourcetime DESC NULLS LAST, content DESC LIMIT 1) AS h
"""
_NO_SCANS = "SET LOCAL enable_seqscan = off"

_RECORD = ("source", "study", "kind", "recordid")
_DELIVERY_COLUMNS = (
    "receipt",
    "study",
    "source",
    "event_id",
    "type",
    "result",
    "status",
    "revision",
    "received_at",
    "known_at",
    "body_hash",
    "fact_id",
    "key_id",
)
_VERSION_COLUMNS = (
    "fact_id",
    "study",
    "source",
    "kind",
    "recordid",
    "revision",
    "sourcetime",
    "content",
    "op",
    "result",
    "receipt",
    "known_at",
    "fact",
)
_REFUSAL_COLUMNS = (
    "receipt",
    "study",
    "type",
    "result",
    "status",
    "received_at",
    "body_hash",
    "problems",
    "key_id",
    "body",
)


@dataclass(frozen=True, slots=True)
class KnownDelivery:
    """What became of a delivery that has been here before."""

    receipt: str
    body_hash: str
    result: str


@dataclass(frozen=True, slots=True)
class Head:
    """The highest version of a record known so far."""

    version: Version
    op: str


@dataclass(slots=True)
class Known:
    """What the database knows of a batch's deliveries and records."""

    deliveries: dict[DeliveryKey, KnownDelivery] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    """fact id -> the result it was accepted with"""
    heads: dict[RecordKey, Head] = field(default_factory=dict)
    taken: set[tuple[RecordKey, int]] = field(default_factory=set)
    """revisions that some version of the record already carries"""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery to keep; with the fact where it states a version not seen before."""

    receipt: str
    fact: Fact
    event_id: str
    type: str
    result: IngestResult
    status: int
    received_at: datetime
    body_hash: str
    key_id: str
    fact_json: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """One refused delivery to keep; `study` only where the sender's key has a role in it."""

    receipt: str
    study: str | None
    type: str | None
    result: IngestResult
    status: int
    received_at: datetime
    body_hash: str
    problems: tuple[FieldProblem, ...]
    key_id: str
    body: bytes | None = field(repr=False)


def look_up(conn: Connection, deliveries: Sequence[DeliveryKey], facts: Sequence[Fact]) -> Known:
    """Everything needed to judge a batch: three statements, however large it is."""
    known = Known()
    if not deliveries:
        return known
    with driver_connection(conn).cursor() as cursor:
        cursor.execute(_NO_SCANS)
        cursor.execute(_DELIVERIES, _rows(("study", "source", "event_id"), set(deliveries)))
        for study, source, event_id, *before in cursor:
            known.deliveries[study, source, event_id] = KnownDelivery(*before)
        cursor.execute(_VERSIONS, [Json(list({fact.fact_id for fact in facts}))])
        known.versions.update(cursor)
        records = {(*fact.record, fact.revision or 0) for fact in facts}
        cursor.execute(_HEADS, _rows((*_RECORD, "revision"), records))
        for row in cursor:
            _add_head(known, row)
    return known


def _add_head(known: Known, row: tuple[Any, ...]) -> None:
    source, study, kind, recordid, revision, sourcetime, content, op, asked, taken = row
    record = (source, study, kind, recordid)
    known.heads[record] = Head(_version(revision, sourcetime, content), op)
    if asked and taken:
        known.taken.add((record, asked))


def keep(
    conn: Connection, deliveries: Sequence[DeliveryRow], refusals: Sequence[RefusalRow]
) -> None:
    """Adds receipts, new record versions and refusals."""
    if deliveries:
        copy_rows(conn, "ingest.delivery", _DELIVERY_COLUMNS, map(_delivery_values, deliveries))
    versions = [row for row in deliveries if row.fact_json is not None]
    if versions:
        copy_rows(conn, "ingest.version", _VERSION_COLUMNS, map(_version_values, versions))
    if refusals:
        copy_rows(conn, "ingest.refusal", _REFUSAL_COLUMNS, map(_refusal_values, refusals))


def _rows(names: Sequence[str], keys: Iterable[Sequence[Any]]) -> list[Json]:
    return [Json([dict(zip(names, key, strict=True)) for key in keys])]


def _version(revision: int, sourcetime: datetime | None, content: str) -> Version:
    if revision:
        return (revision, "", "")
    return (0, sourcetime.astimezone(UTC).isoformat() if sourcetime else "", content)


def _delivery_values(row: DeliveryRow) -> tuple[Any, ...]:
    fact = row.fact
    return (
        row.receipt,
        fact.study,
        fact.source,
        row.event_id,
        row.type,
        row.result,
        row.status,
        fact.revision,
        row.received_at,
        fact.known_at,
        row.body_hash,
        fact.fact_id,
        row.key_id,
    )


def _version_values(row: DeliveryRow) -> tuple[Any, ...]:
    fact = row.fact
    return (
        fact.fact_id,
        fact.study,
        fact.source,
        fact.kind,
        fact.recordid,
        fact.revision or 0,
        fact.sourcetime,
        fact.content,
        fact.op,
        row.result,
        row.receipt,
        fact.known_at,
        row.fact_json,
    )


def _refusal_values(row: RefusalRow) -> tuple[Any, ...]:
    return (
        row.receipt,
        row.study,
        row.type,
        row.result,
        row.status,
        row.received_at,
        row.body_hash,
        json.dumps([[p.pointer, p.code, p.detail] for p in row.problems]),
        row.key_id,
        row.body,
    )
