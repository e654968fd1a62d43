"""The tables of the schema `bus`: outbox, positions, inbox and parked messages.

The outbox is written in the transaction of the effect it announces, so neither exists without the
other. With Kafka it feeds the relay; without, it is the topic.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from shared.contracts.topics import ALL
from shared.runtime import packing
from shared.runtime.bus import MAX_MESSAGE_BYTES, START, LogDamaged, Message, Position
from shared.runtime.columns import Column
from shared.runtime.db import driver_connection
from shared.runtime.telemetry import current_traceparent

_APPEND = """
    INSERT INTO bus.outbox (topic, key, message_id, value, headers)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bytea[], %b::jsonb[])
    ON CONFLICT ON CONSTRAINT outbox_once DO NOTHING
"""
_LOAD = sa.text(
    "SELECT major, minor FROM bus.cursor"
    " WHERE group_name = :group AND topic = :topic AND partition = :partition"
)
_FIRST = sa.text(
    "INSERT INTO bus.cursor (group_name, topic, partition, major, minor)"
    " VALUES (:group, :topic, :partition, 0, 0) ON CONFLICT DO NOTHING"
)
_ADVANCE = sa.text(
    "UPDATE bus.cursor SET major = :major, minor = :minor"
    " WHERE group_name = :group AND topic = :topic AND partition = :partition"
    " AND major = :held_major AND minor = :held_minor"
)
_SEE = sa.text(
    "INSERT INTO bus.inbox (group_name, topic, message_id)"
    " SELECT :group, :topic, id FROM unnest(CAST(:ids AS text[])) AS id"
    " ON CONFLICT DO NOTHING RETURNING message_id"
)
_PARK = sa.text(
    "INSERT INTO bus.parked (group_name, topic, key, message_id, value, headers, reason,"
    " error_class, parked_at) VALUES (:group, :topic, :key, :id, :value,"
    " CAST(:headers AS jsonb), :reason, :error_class, :at) RETURNING id"
)
_FOREIGN = sa.text(
    "SELECT EXISTS (SELECT FROM unnest(CAST(:topics AS text[])) AS t,"
    " LATERAL (SELECT xid FROM bus.outbox WHERE topic = t ORDER BY xid DESC, id DESC LIMIT 1) AS o"
    " WHERE o.xid >= pg_snapshot_xmax(pg_current_snapshot()))"
)
_PARKED = (
    "SELECT id, group_name, topic, key, message_id, value, headers, reason, error_class,"
    " parked_at, replayed_at FROM bus.parked"
)


class ForeignHistory(RuntimeError):
    """The outbox holds transaction ids of another cluster: its order cannot be trusted here."""


def refuse_foreign_history(conn: Connection) -> None:
    """Raises ForeignHistory if the outbox came from another cluster by dump and restore."""
    topics = [topic.name for topic in ALL]
    if conn.execute(_FOREIGN, {"topics": topics}).scalar_one():
        raise ForeignHistory(
            "bus.outbox was restored from a dump of another PostgreSQL cluster: its transaction"
            " ids lie in this cluster's future; see docs/decisions/event-log.md"
        )


def append(conn: Connection, messages: Sequence[Message]) -> None:
    """Adds messages in the caller's transaction, in order. A known (topic, id) is left alone.

    A message without a `traceparent` header gets the current one. Raises ValueError for a value
    over MAX_MESSAGE_BYTES: the log would never get past it. Large values are stored packed; readers
    have them from `message_of`.
    """
    if not messages:
        return
    for message in messages:
        if len(message.value) > MAX_MESSAGE_BYTES:
            raise ValueError(
                f"a message of {message.topic} has {len(message.value)} bytes;"
                f" {MAX_MESSAGE_BYTES} is the most the log carries"
            )
    trace = current_traceparent()
    plain = json.dumps({"traceparent": trace})
    columns = (
        Column("text", [m.topic for m in messages]),
        Column("text", [m.key for m in messages]),
        Column("text", [m.id for m in messages]),
        Column("bytea", [packing.packed(m.value) for m in messages]),
        Column(
            "jsonb",
            [
                json.dumps({"traceparent": trace, **m.headers}) if m.headers else plain
                for m in messages
            ],
        ),
    )
    with driver_connection(conn).cursor() as cursor:
        cursor.execute(_APPEND, columns)


def message_of(topic: str, row: Any) -> Message:
    """The message of a row as it was published. Raises LogDamaged."""
    try:
        value = packing.unpacked(bytes(row.value))
    except packing.Damaged:
        raise LogDamaged(f"message {row.message_id} of {topic} is damaged") from None
    return Message(topic, row.key, row.message_id, value, row.headers)


def load_position(conn: Connection, group: str, topic: str, partition: int) -> Position:
    """The stored position, made on first sight at the start of the log."""
    names = {"group": group, "topic": topic, "partition": partition}
    row = conn.execute(_LOAD, names).one_or_none()
    if row is None:
        conn.execute(_FIRST, names)
        row = conn.execute(_LOAD, names).one_or_none()
    return Position(row.major, row.minor) if row else START


def advance(
    conn: Connection, group: str, topic: str, partition: int, held: Position, to: Position
) -> bool:
    """Moves the position if it still is `held`. False: somebody else has moved it; roll back."""
    result = conn.execute(
        _ADVANCE,
        {
            "group": group,
            "topic": topic,
            "partition": partition,
            "held_major": held.major,
            "held_minor": held.minor,
            "major": to.major,
            "minor": to.minor,
        },
    )
    return result.rowcount == 1


def first_seen(conn: Connection, group: str, messages: Sequence[Message]) -> list[Message]:
    """Those the group has not handled yet, remembered from now on. All of one topic."""
    if not messages:
        return []
    unique = {message.id: message for message in messages}
    rows = conn.execute(
        _SEE, {"group": group, "topic": messages[0].topic, "ids": list(unique)}
    ).scalars()
    new = set(rows)
    return [message for message in unique.values() if message.id in new]


@dataclass(frozen=True, slots=True)
class Parked:
    """A message a group could not handle, with why. `reason` holds no values of the message."""

    id: int
    group: str
    message: Message = field(repr=False)
    reason: str
    error_class: str
    parked_at: datetime
    replayed_at: datetime | None


def park(
    conn: Connection, group: str, message: Message, *, reason: str, error_class: str, at: datetime
) -> int:
    """Sets a message aside for the group and returns the parked row's id."""
    number: int = conn.execute(
        _PARK,
        {
            "group": group,
            "topic": message.topic,
            "key": message.key,
            "id": message.id,
            "value": message.value,
            "headers": json.dumps(dict(message.headers)),
            "reason": reason,
            "error_class": error_class,
            "at": at,
        },
    ).scalar_one()
    return number


def parked(
    conn: Connection, group: str, *, study: str | None = None, waiting: bool = True
) -> list[Parked]:
    """The group's parked messages, oldest first; with `waiting`, only those not yet replayed."""
    query = _PARKED + " WHERE group_name = :group"
    query += " AND replayed_at IS NULL" if waiting else ""
    query += " AND key = :study" if study is not None else ""
    names = {"group": group} | ({"study": study} if study is not None else {})
    return _parked_rows(conn.execute(sa.text(query + " ORDER BY id"), names).mappings())


def parked_by_id(
    conn: Connection, group: str, ids: Iterable[int], *, lock: bool = False
) -> list[Parked]:
    """Waiting rows among `ids`; with `lock`, held against a second replay until commit."""
    query = _PARKED + " WHERE group_name = :group AND id = ANY(:ids) AND replayed_at IS NULL"
    query += " ORDER BY id" + (" FOR UPDATE" if lock else "")
    return _parked_rows(conn.execute(sa.text(query), {"group": group, "ids": list(ids)}).mappings())


def mark_replayed(conn: Connection, number: int, at: datetime) -> None:
    """Closes a parked row after its message has been handled."""
    conn.execute(
        sa.text("UPDATE bus.parked SET replayed_at = :at WHERE id = :id"), {"id": number, "at": at}
    )


def _parked_rows(rows: Iterable[Mapping[Any, Any]]) -> list[Parked]:
    return [
        Parked(
            id=row["id"],
            group=row["group_name"],
            message=Message(
                row["topic"], row["key"], row["message_id"], bytes(row["value"]), row["headers"]
            ),
            reason=row["reason"],
            error_class=row["error_class"],
            parked_at=row["parked_at"],
            replayed_at=row["replayed_at"],
        )
        for row in rows
    ]
