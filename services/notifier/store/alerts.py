"""Alerts, and the order in which they changed.

An alert's position is (transaction id, number): readers stay behind the oldest transaction still
running, because rows become visible out of order and "number > last seen" would lose some.
"""

# ruff: noqa: S608 - what is put into the statements is this module's own list of columns

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection

from services.notifier.store.rows import Types, columns_of, execute_rows, unnested

State = Literal["open", "acknowledged", "closed", "superseded", "withdrawn"]
Kind = Literal["signal", "test", "digest", "operator"]

_COLUMNS = (
    "id, CAST(CAST(xid AS text) AS bigint) AS xid, number, study, kind, signal_id, severity,"
    " signal, about, alias, details, asks, ladder, assigned_to, supersedes, ends,"
    " synthetic, routing_version, warnings, state, version, followed_by, raised_at"
)
_NEW: Types = {
    "id": "text",
    "study": "text",
    "kind": "text",
    "signal_id": "text",
    "severity": "text",
    "raised_at": "timestamptz",
    "signal": "jsonb",
    "about": "text",
    "alias": "text",
    "details": "jsonb",
    "asks": "boolean",
    "ladder": "text",
    "supersedes": "text",
    "ends": "boolean",
    "synthetic": "boolean",
    "routing_version": "integer",
    "warnings": "jsonb",
}
_INSERT = (
    f"INSERT INTO notifier.alert ({', '.join(_NEW)}, state) SELECT new.*, 'open'"
    f" FROM {unnested(_NEW)} AS new ON CONFLICT (signal_id) DO NOTHING RETURNING {_COLUMNS}"
)
_CLOSE = sa.text(
    "UPDATE notifier.alert SET state = :state, version = version + 1, followed_by = :followed_by"
    " WHERE id = :id AND state IN ('open', 'acknowledged', 'closed')"
)
_PAGE = (
    f"SELECT {_COLUMNS} FROM notifier.alert WHERE kind = 'signal' AND study = ANY(:studies)"
    " AND (xid, number) > (CAST(:major AS xid8), CAST(:minor AS bigint))"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot())"
)
_CONDITIONS = {
    "state": "state = :state",
    "severity": "severity = :severity",
    "type": "signal ->> 'type' = :type",
    "dose_level": "CAST(signal ->> 'dose_level' AS int) = :dose_level",
    "awaiting": "state = 'open' AND asks = :awaiting",
}
_CHANGES = sa.text(
    "SELECT CAST(CAST(xid AS text) AS bigint) AS major, id AS minor, study, alert, what"
    " FROM notifier.change"
    " WHERE (xid, id) > (CAST(:major AS xid8), CAST(:minor AS bigint))"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot())"
    " ORDER BY xid, id LIMIT :limit"
)
_LAST_CHANGE = sa.text(
    "SELECT CAST(CAST(xid AS text) AS bigint) AS major, id AS minor FROM notifier.change"
    " WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid DESC, id DESC LIMIT 1"
)
_IS_CHANGE = sa.text(
    "SELECT EXISTS (SELECT FROM notifier.change"
    " WHERE (xid, id) = (CAST(:major AS xid8), CAST(:minor AS bigint))"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot()))"
)
_CHANGE: Types = {"study": "text", "alert": "text", "what": "text"}
_NOTE_CHANGES = (
    f"INSERT INTO notifier.change ({', '.join(_CHANGE)}) SELECT * FROM {unnested(_CHANGE)}"
)
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of alerts, or of changes; written ``major-minor`` for clients."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}-{self.minor}"

    @staticmethod
    def parse(text: str) -> "Position":
        """ValueError where `text` is not a position."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise ValueError("not a position given out by this service")
        return Position(int(match[1]), int(match[2]))


BEGINNING = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `signal` is the signal as received, None where the alert is about the channels,
    which `about` then tells. `alias` and `details` are what its messages may say, `ladder` how it
    is chased, as the routing said when it was raised. `asks`: it wants an acknowledgement;
    `warnings`: what is wrong with its own routing. In the order of the columns."""

    id: str
    position: Position
    study: str
    kind: str
    signal_id: str
    severity: str
    signal: Mapping[str, Any] | None
    about: str | None
    alias: str | None
    details: Mapping[str, Sequence[str]]
    asks: bool
    ladder: str | None
    assigned_to: str | None
    supersedes: str | None
    ends: bool
    synthetic: bool
    routing_version: int | None
    warnings: Sequence[str]
    state: State
    version: int
    followed_by: str | None
    raised_at: datetime


class Alarm(Protocol):
    """As much of an alert as its deliveries repeat."""

    @property
    def id(self) -> str: ...
    @property
    def study(self) -> str: ...
    @property
    def signal_id(self) -> str: ...
    @property
    def severity(self) -> str: ...


@dataclass(frozen=True, slots=True)
class NewAlert:
    """What an alert begins as."""

    id: str
    study: str
    kind: Kind
    signal_id: str
    severity: str
    raised_at: datetime
    signal: str | None = None
    about: str | None = None
    alias: str | None = None
    details: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asks: bool = False
    ladder: str | None = None
    supersedes: str | None = None
    ends: bool = False
    synthetic: bool = False
    routing_version: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to an alert."""

    position: Position
    study: str
    alert: str
    what: str


def insert(conn: Connection, new: Sequence[NewAlert]) -> list[Alert]:
    """Adds alerts and their changes; gives those whose signal had none yet, in order."""
    if not new:
        return []
    columns = columns_of(new, _NEW)
    for name in ("warnings", "details"):
        columns[name] = [json.dumps(value) for value in columns[name]]
    added = [_alert(row) for row in execute_rows(conn, _INSERT, _NEW, columns)]
    note_changes(conn, [(a.study, a.id, "raised") for a in added if a.kind == "signal"])
    return sorted(added, key=lambda one: one.position)


def close(conn: Connection, alert: Alert, state: State, followed_by: str) -> None:
    """Ends an alert that still stood; the first follow-up to arrive counts."""
    values = {"id": alert.id, "state": state, "followed_by": followed_by}
    if conn.execute(_CLOSE, values).rowcount == 1:
        note_change(conn, alert.study, alert.id, state)


def set_state(conn: Connection, alert: Alert, state: State) -> None:
    """What a person has done about the alert. The caller holds its lock."""
    conn.execute(
        sa.text("UPDATE notifier.alert SET state = :state WHERE id = :id"),
        {"id": alert.id, "state": state},
    )
    note_change(conn, alert.study, alert.id, state)


def ask(conn: Connection, alert: Alert) -> None:
    """The alert wants an acknowledgement after all."""
    conn.execute(sa.text("UPDATE notifier.alert SET asks = true WHERE id = :id"), {"id": alert.id})


def assign(conn: Connection, alert: Alert, to: str) -> None:
    """Who looks after the alert from now on. The caller holds its lock."""
    conn.execute(
        sa.text("UPDATE notifier.alert SET assigned_to = :to WHERE id = :id"),
        {"id": alert.id, "to": to},
    )
    note_change(conn, alert.study, alert.id, "handed_over")


def note_changes(conn: Connection, changes: Collection[tuple[str, str, str]]) -> None:
    """Puts changes in the feed that live clients read: study, alert and what happened."""
    if changes:
        columns = map(list, zip(*changes, strict=True))
        execute_rows(conn, _NOTE_CHANGES, _CHANGE, dict(zip(_CHANGE, columns, strict=True)))


def note_change(conn: Connection, study: str, alert: str, what: str) -> None:
    """One change."""
    note_changes(conn, [(study, alert, what)])


def by_id(conn: Connection, id: str, *, lock: bool = False) -> Alert | None:
    """The alert; with `lock`, nobody else changes it until the transaction ends."""
    query = f"SELECT {_COLUMNS} FROM notifier.alert WHERE id = :id"
    query += " FOR UPDATE" if lock else ""
    row = conn.execute(sa.text(query), {"id": id}).one_or_none()
    return None if row is None else _alert(row)


def by_signal(conn: Connection, study: str, signal_id: str) -> Alert | None:
    """The alert of a signal."""
    query = f"SELECT {_COLUMNS} FROM notifier.alert WHERE study = :study AND signal_id = :id"
    row = conn.execute(sa.text(query), {"study": study, "id": signal_id}).one_or_none()
    return None if row is None else _alert(row)


def followed(conn: Connection, study_signals: Collection[tuple[str, str]]) -> set[str]:
    """Those of these signals, each with its study, that some alert follows up."""
    rows = conn.execute(
        sa.text("SELECT study, supersedes FROM notifier.alert WHERE supersedes = ANY(:signals)"),
        {"signals": [signal for _, signal in study_signals]},
    )
    return {row.supersedes for row in rows if (row.study, row.supersedes) in study_signals}


def followers(conn: Connection, study: str, signal_id: str) -> list[Alert]:
    """Alerts whose signals follow up the given one, oldest first."""
    query = (
        f"SELECT {_COLUMNS} FROM notifier.alert"
        " WHERE study = :study AND supersedes = :id ORDER BY xid, number"
    )
    rows = conn.execute(sa.text(query), {"study": study, "id": signal_id})
    return [_alert(row) for row in rows]


def by_ids(conn: Connection, ids: Collection[str]) -> list[Alert]:
    """Alerts by their id; unknown ones are left out."""
    rows = conn.execute(
        sa.text(f"SELECT {_COLUMNS} FROM notifier.alert WHERE id = ANY(:ids)"), {"ids": list(ids)}
    )
    return [_alert(row) for row in rows]


def signals(conn: Connection, ids: Collection[str]) -> dict[str, str]:
    """The signal, as JSON, by its alert's id; an alert about the channels has none."""
    if not ids:
        return {}
    rows = conn.execute(
        sa.text(
            "SELECT id, CAST(signal AS text) AS signal FROM notifier.alert"
            " WHERE id = ANY(:ids) AND signal IS NOT NULL"
        ),
        {"ids": list(ids)},
    )
    return {row.id: row.signal for row in rows}


def ids_of_signals(conn: Connection, signals: Collection[str]) -> dict[str, str]:
    """The alert's id by the signal's id, for those that have been received."""
    rows = conn.execute(
        sa.text("SELECT signal_id, id FROM notifier.alert WHERE signal_id = ANY(:signals)"),
        {"signals": list(signals)},
    )
    return {row.signal_id: row.id for row in rows}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts a reader asks for; None: all. `awaiting`: those that want an acknowledgement."""

    state: State | None = None
    severity: str | None = None
    type: str | None = None
    dose_level: int | None = None
    awaiting: bool = False


def page(
    conn: Connection, studies: Sequence[str], wanted: Wanted, *, after: Position, limit: int
) -> list[Alert]:
    """Alerts of the studies after a position, oldest first; only signals are among them."""
    values: dict[str, object] = {
        "studies": list(studies),
        "major": str(after.major),
        "minor": after.minor,
        "limit": limit,
    }
    query = _PAGE
    for name, condition in _CONDITIONS.items():
        asked = getattr(wanted, name)
        if asked is not None and asked is not False:
            query += f" AND {condition}"
            values[name] = asked
    rows = conn.execute(sa.text(query + " ORDER BY xid, number LIMIT :limit"), values)
    return [_alert(row) for row in rows]


def studies(conn: Connection) -> list[str]:
    """The studies that have alerts."""
    return list(conn.execute(sa.text("SELECT DISTINCT study FROM notifier.alert")).scalars())


def changes(conn: Connection, after: Position, limit: int) -> list[Change]:
    """What happened after a position, of all studies, in order."""
    rows = conn.execute(_CHANGES, {"major": str(after.major), "minor": after.minor, "limit": limit})
    return [Change(Position(r.major, r.minor), r.study, r.alert, r.what) for r in rows]


def last_change(conn: Connection) -> Position:
    """The newest position of the feed."""
    row = conn.execute(_LAST_CHANGE).one_or_none()
    return BEGINNING if row is None else Position(row.major, row.minor)


def is_change(conn: Connection, position: Position) -> bool:
    """Whether a position of the feed was given out by this record: one that was may be missing
    after a backup was restored."""
    if position == BEGINNING:
        return True
    values = {"major": str(position.major), "minor": position.minor}
    return bool(conn.execute(_IS_CHANGE, values).scalar_one())


def _alert(row: Sequence[Any]) -> Alert:
    return Alert(row[0], Position(row[1], row[2]), *row[3:])
