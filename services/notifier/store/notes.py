"""What people have said and done about an alert, and what waits for a digest. Only ever added."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

Kind = Literal["note", "seen", "handed_over", "closed"]

_ADD = sa.text(
    "INSERT INTO notifier.note (alert, kind, key_id, name, role, text, at)"
    " VALUES (:alert, :kind, :key_id, :name, :role, :text, :at) ON CONFLICT DO NOTHING"
)
_OF = sa.text(
    "SELECT alert, kind, key_id, name, role, text, at FROM notifier.note"
    " WHERE alert = ANY(:ids) ORDER BY number"
)
_HOLD = sa.text(
    "INSERT INTO notifier.digest_entry (alert, study, subscriber, channel, address)"
    " VALUES (:alert, :study, :subscriber, :channel, :address) ON CONFLICT DO NOTHING"
)
_GATHER = sa.text(
    "UPDATE notifier.digest_entry SET digest = :digest WHERE study = :study AND digest IS NULL"
    " RETURNING subscriber, channel, address"
)
_HELD = sa.text(
    "SELECT subscriber, channel, address, digest IS NULL AS waiting FROM notifier.digest_entry"
    " WHERE alert = :alert"
)
_STRANDED = sa.text(
    "SELECT DISTINCT study FROM notifier.digest_entry AS entry WHERE digest IS NULL AND NOT EXISTS"
    " (SELECT FROM notifier.due WHERE kind = 'digest' AND state = 'waiting'"
    " AND due.study = entry.study)"
)


@dataclass(frozen=True, slots=True)
class Note:
    """One line of an alert's story; of a hand-over, `text` begins with who it went to."""

    alert: str
    kind: Kind
    key_id: str
    name: str
    role: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody whom the next digest tells of an alert (``waiting``), or an earlier one told."""

    subscriber: str
    channel: str
    address: str
    waiting: bool = True


def add(conn: Connection, note: Note) -> bool:
    """Adds a note. False if it says that somebody has seen what they had seen before."""
    return conn.execute(_ADD, {n: getattr(note, n) for n in Note.__slots__}).rowcount == 1


def of_alerts(conn: Connection, ids: Collection[str]) -> dict[str, list[Note]]:
    """Every alert's notes, oldest first."""
    found: dict[str, list[Note]] = {alert: [] for alert in ids}
    for row in conn.execute(_OF, {"ids": list(ids)}).mappings():
        found[row["alert"]].append(Note(**row))
    return found


def hold(conn: Connection, study: str, alert: str, ways: Iterable[Held]) -> None:
    """Leaves an alert to the next digest of these subscribers."""
    for way in ways:
        conn.execute(
            _HOLD,
            {"alert": alert, "study": study}
            | {"subscriber": way.subscriber, "channel": way.channel, "address": way.address},
        )


def gather(conn: Connection, study: str, digest: str) -> list[Held]:
    """Puts everything held back so far into a digest: a row for each alert and way."""
    rows = conn.execute(_GATHER, {"study": study, "digest": digest})
    return [Held(*row) for row in rows]


def held(conn: Connection, alert: str) -> list[Held]:
    """Who hears of an alert by digest."""
    return [Held(*row) for row in conn.execute(_HELD, {"alert": alert})]


def stranded(conn: Connection) -> list[str]:
    """Studies whose alerts wait for a digest that nothing waits to send."""
    return list(conn.execute(_STRANDED).scalars())
