"""Due-time rows: what has to happen at a moment, exactly once, whoever works it.

A row is settled in the transaction that does what it stands for. Takers skip rows that another
holds and never wait for one, so that any number of processes may take and none can deadlock; a
process that dies gives its rows back by the end of its transaction.
"""

# ruff: noqa: S608 - what is put into the statements is this module's own list of columns

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from services.notifier.store.rows import Types, columns_of, execute_rows, unnested

Kind = Literal["step", "digest", "weekly_test"]

_NEW: Types = {
    "kind": "text",
    "study": "text",
    "subject": "text",
    "number": "integer",
    "urgency": "smallint",
    "due_at": "timestamptz",
    "wait": "interval",
}
_NEXT: Types = {"id": "bigint", "due_at": "timestamptz", "wait": "interval"}
_COLUMNS = ", ".join(_NEW)
_OF_DUE = ", ".join(f"due.{name}" for name in (*_NEW, "id"))
_ADD = (
    f"INSERT INTO notifier.due ({_COLUMNS}) SELECT * FROM {unnested(_NEW)} ON CONFLICT DO NOTHING"
)
# Locks both, the alert too: an acknowledgement is either seen here or waits for this transaction.
_TAKE_STEPS = sa.text(
    "SELECT due.id, due.number, alert.id, alert.study, alert.signal_id, alert.severity, alert.ends,"
    " alert.ladder, alert.routing_version FROM notifier.due"
    " JOIN notifier.alert ON alert.id = due.subject"
    " WHERE due.kind = 'step' AND due.state = 'waiting' AND due.due_at <= :now"
    " AND alert.state = 'open' ORDER BY due.urgency, due.due_at, due.number LIMIT :limit"
    " FOR UPDATE OF due, alert SKIP LOCKED"
)
_TAKE = sa.text(
    f"SELECT {_OF_DUE} FROM notifier.due WHERE kind = :kind AND state = 'waiting'"
    " AND due_at <= :now ORDER BY urgency, due_at LIMIT 1 FOR UPDATE SKIP LOCKED"
)
# Only where there is no such row yet: one that waits for its own time is not to be overrun.
_MOVE_ON = (
    "UPDATE notifier.due SET number = number + 1, due_at = next.due_at, wait = next.wait"
    f" FROM {unnested(_NEXT)} AS next ({', '.join(_NEXT)}) WHERE due.id = next.id"
    " AND NOT EXISTS (SELECT FROM notifier.due AS later WHERE later.kind = due.kind"
    " AND later.study = due.study AND later.subject = due.subject"
    " AND later.number = due.number + 1 OFFSET 0) RETURNING due.id"
)
_SETTLE = sa.text("UPDATE notifier.due SET state = 'done', settled_at = :at WHERE id = ANY(:ids)")
_VOID = sa.text(
    "UPDATE notifier.due SET state = 'void', settled_at = :at"
    " WHERE kind = :kind AND subject = ANY(:subjects) AND state = 'waiting'"
)
_VOID_STUDY = sa.text(
    "UPDATE notifier.due SET state = 'void', settled_at = :at"
    " WHERE kind = :kind AND study = :study AND state = 'waiting'"
)
_PULL = sa.text(
    "UPDATE notifier.due SET due_at = :now + wait WHERE state = 'waiting' AND due_at > :now + wait"
)
_STUCK = sa.text(
    "SELECT alert.id, coalesce((SELECT max(number) FROM notifier.due WHERE kind = 'step'"
    " AND subject = alert.id), -1) AS last FROM notifier.alert WHERE alert.state = 'open'"
    " AND alert.asks AND alert.ladder IS NOT NULL AND NOT EXISTS (SELECT FROM notifier.due"
    " WHERE due.kind = 'step' AND due.subject = alert.id AND due.state = 'waiting')"
)
_OVERDUE = sa.text(
    "SELECT study, count(*) AS n, min(due_at) AS since FROM notifier.due"
    " WHERE state = 'waiting' AND due_at < :before GROUP BY study"
)


@dataclass(frozen=True, slots=True)
class NewDue:
    """A row to be. `wait` is how long it was meant to be waited for: a clock that is set back must
    not make it longer."""

    kind: Kind
    study: str
    subject: str
    number: int
    urgency: int
    due_at: datetime
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Due(NewDue):
    """A row that this transaction has taken."""

    id: int


@dataclass(frozen=True, slots=True)
class DueStep:
    """A step of a ladder that this transaction has taken, as `due`, and what it takes to tell its
    alert again."""

    due: int
    number: int
    id: str
    study: str
    signal_id: str
    severity: str
    ends: bool
    ladder: str | None
    routing_version: int | None


@dataclass(frozen=True, slots=True)
class Next:
    """When the taken row `id` is due once more."""

    id: int
    due_at: datetime
    wait: timedelta


def add(conn: Connection, dues: Iterable[NewDue]) -> None:
    """Adds rows; those that are there already are left as they are."""
    rows = list(dues)
    if rows:
        execute_rows(conn, _ADD, _NEW, columns_of(rows, _NEW))


def take_steps(conn: Connection, now: datetime, limit: int) -> list[DueStep]:
    """Due steps of open alerts, most urgent first; these and their alerts are locked."""
    rows = conn.execute(_TAKE_STEPS, {"now": now, "limit": limit}).all()
    return [DueStep(*row) for row in rows]


def take(conn: Connection, kind: Kind, now: datetime) -> Due | None:
    """One due row of a kind that belongs to a study, locked."""
    row = conn.execute(_TAKE, {"kind": kind, "now": now}).one_or_none()
    return None if row is None else Due(*row)


def move_on(conn: Connection, rows: Sequence[Next]) -> set[int]:
    """Makes taken rows wait for the step after theirs, unless that has a row of its own; the ids
    of those that do."""
    if not rows:
        return set()
    return set(execute_rows(conn, _MOVE_ON, _NEXT, columns_of(rows, _NEXT)).scalars().all())


def settle(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """What these rows stand for has been done, in this transaction."""
    if ids:
        conn.execute(_SETTLE, {"ids": list(ids), "at": at})


def void(conn: Connection, kind: Kind, subjects: Collection[str], at: datetime) -> None:
    """What still waits for these subjects is not to happen any more."""
    conn.execute(_VOID, {"kind": kind, "subjects": list(subjects), "at": at})


def void_study(conn: Connection, kind: Kind, study: str, at: datetime) -> None:
    """The same for whatever of a kind waits for a study."""
    conn.execute(_VOID_STUDY, {"kind": kind, "study": study, "at": at})


def pull(conn: Connection, now: datetime) -> int:
    """Brings rows nearer that lie further off than they were meant to: the clock was set back."""
    return conn.execute(_PULL, {"now": now}).rowcount


def stuck(conn: Connection) -> dict[str, int]:
    """Open alerts with a ladder of which no step waits, and the last step each has had."""
    return {row.id: row.last for row in conn.execute(_STUCK)}


def overdue(conn: Connection, before: datetime) -> list[tuple[str, int, datetime]]:
    """Study, number and oldest moment of the rows that should have been worked before a moment."""
    return [(row.study, row.n, row.since) for row in conn.execute(_OVERDUE, {"before": before})]
