"""Deliveries: one per alert, subscriber and channel; due, leased, tried, settled.

Two clocks meet here. When a delivery is due is a matter of the service's clock, which tests and
replays hold still. A lease guards against a process that died while sending, so it runs on the
database's own clock, which always moves.
"""

# ruff: noqa: S608 - what is put into the statements is this module's own list of columns

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from services.notifier.store.rows import Types, columns_of, execute_rows, unnested

State = Literal["pending", "failed", "sent", "given_up", "cancelled"]

_COLUMNS = (
    "id, alert, study, signal_id, subscriber, channel, address, lane, why, severity, urgency,"
    " state, step, chases, attempts, attempts_before, due_at, lease, created_at, began_at,"
    " settled_at"
)
_NEW = (
    "id, alert, study, signal_id, subscriber, channel, address, lane, why, severity, urgency,"
    " state, step, chases, due_at, created_at, began_at, settled_at"
)
_TEXTS: Types = dict.fromkeys(_NEW.split(", "), "text")
_OTHERS: Types = {
    "urgency": "smallint",
    "step": "integer",
    "chases": "boolean",
    "due_at": "timestamptz",
    "created_at": "timestamptz",
    "began_at": "timestamptz",
    "settled_at": "timestamptz",
}
_TYPES: Types = {**_TEXTS, **_OTHERS}
_ADD = (
    f"INSERT INTO notifier.delivery ({_NEW}) SELECT * FROM {unnested(_TYPES)}"
    " ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING RETURNING id"
)
# A claim that a crash of the server forgets is a delivery that is still due: no need to wait for
# the disk. Of the most urgent, those that their lane has room for are taken, and the rest let go.
_CLAIM = sa.text(
    "WITH taken AS (SELECT * FROM unnest(CAST(:lanes AS text[]), CAST(:counts AS int[]))"
    " AS t (lane, n)), due AS (SELECT id, lane, urgency, due_at, number FROM notifier.delivery"
    " WHERE state IN ('pending', 'failed') AND due_at <= :now AND urgency <= :least"
    " AND (lease_until IS NULL OR lease_until < clock_timestamp())"
    " AND NOT EXISTS (SELECT FROM taken WHERE taken.lane = delivery.lane"
    " AND n >= :per_lane + CAST(urgency <= :reserved AS int))"
    " ORDER BY urgency, due_at, number LIMIT :most FOR UPDATE OF delivery SKIP LOCKED),"
    " placed AS (SELECT id, urgency, coalesce(n, 0)"
    " + row_number() OVER (PARTITION BY lane ORDER BY urgency, due_at, number) AS place"
    " FROM due LEFT JOIN taken USING (lane)),"
    " claimed AS (UPDATE notifier.delivery SET lease = :lease, attempts = attempts + 1,"
    " lease_until = clock_timestamp() + make_interval(secs => :seconds) WHERE id IN"
    " (SELECT id FROM placed WHERE place <= :per_lane + CAST(urgency <= :reserved AS int))"
    f" RETURNING {_COLUMNS}), started AS ("
    "INSERT INTO notifier.attempt (delivery, number, step, at)"
    " SELECT id, attempts, 'started', :now FROM claimed)"
    f" SELECT {_COLUMNS} FROM claimed, set_config('synchronous_commit', 'off', true)"
)
_OUTCOME: Types = {
    "id": "text",
    "lease": "text",
    "number": "integer",
    "state": "text",
    "answer": "text",
    "due_at": "timestamptz",
    "settled_at": "timestamptz",
}
_SETTLE = (
    f"WITH tried AS (SELECT * FROM {unnested(_OUTCOME)}"
    f" AS t ({', '.join(_OUTCOME)})), logged AS ("
    "INSERT INTO notifier.attempt (delivery, number, step, answer, at)"
    " SELECT id, number, CASE state WHEN 'sent' THEN 'sent' ELSE 'failed' END, answer, %(at)s"
    " FROM tried)"
    " UPDATE notifier.delivery SET state = tried.state, due_at = tried.due_at,"
    " settled_at = tried.settled_at, lease = NULL, lease_until = NULL FROM tried"
    " WHERE delivery.id = tried.id AND delivery.state IN ('pending', 'failed')"
    " AND (tried.state = 'sent' OR delivery.lease = tried.lease) RETURNING delivery.id"
)
_RESEND = sa.text(
    "UPDATE notifier.delivery SET state = 'pending', attempts_before = attempts, due_at = :now,"
    " began_at = :now,"
    " settled_at = NULL, lease = NULL, lease_until = NULL"
    f" WHERE id = :id AND channel <> 'inbox' AND state IN ('sent', 'given_up') RETURNING {_COLUMNS}"
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One way one subscriber is told of one alert.

    `attempts` counts since the beginning, `attempts_before` those made before the last resend, at
    `began_at`; `lane` is what a hanging receiver would block (mail, or a host). `step` 0 is the
    first telling, each later one another time; one that `chases` is pointless once somebody has
    acknowledged the alert.
    """

    id: str
    alert: str
    study: str
    signal_id: str
    subscriber: str
    channel: str
    address: str
    lane: str
    why: str
    severity: str
    urgency: int
    state: State
    step: int
    chases: bool
    due_at: datetime
    created_at: datetime
    began_at: datetime
    settled_at: datetime | None
    attempts: int = 0
    attempts_before: int = 0
    lease: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a delivery's log; `answer` is what the receiver's server said."""

    number: int
    step: str
    answer: str | None
    at: datetime


def add(conn: Connection, deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Adds deliveries; returns those that were not there yet."""
    rows = list(deliveries)
    if not rows:
        return []
    added = set(execute_rows(conn, _ADD, _TYPES, columns_of(rows, _TYPES)).scalars().all())
    return [row for row in rows if row.id in added]


def claim(
    conn: Connection,
    *,
    now: datetime,
    lease: str,
    seconds: float,
    most: int = 1,
    taken: Mapping[str, int],
    per_lane: int,
    reserved: int,
    least: int,
) -> list[Delivery]:
    """Takes up to `most` of the most urgent due deliveries for `seconds`, and logs that they are
    tried; urgency 1 is the most urgent.

    No lane gets more than `per_lane`, with those it has `taken` already; up to urgency `reserved`,
    one more. None beyond urgency `least`.
    """
    values = {
        "now": now,
        "lease": lease,
        "seconds": seconds,
        "most": most,
        "lanes": list(taken),
        "counts": list(taken.values()),
        "per_lane": per_lane,
        "reserved": reserved,
        "least": least,
    }
    return [Delivery(**row) for row in conn.execute(_CLAIM, values).mappings()]


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a delivery stands after an attempt, and what the receiver's server said."""

    delivery: Delivery
    state: State
    answer: str
    due_at: datetime
    settled_at: datetime | None


def settle(conn: Connection, outcomes: Sequence[Settlement], at: datetime) -> set[str]:
    """Logs attempts and writes their outcomes; the ids of the deliveries for which they matter.

    A failure counts only while the lease is ours; a success counts whoever holds it by now,
    because the subscriber has been told.
    """
    columns: dict[str, list[Any]] = {
        "id": [one.delivery.id for one in outcomes],
        "lease": [one.delivery.lease for one in outcomes],
        "number": [one.delivery.attempts for one in outcomes],
        "state": [one.state for one in outcomes],
        "answer": [one.answer for one in outcomes],
        "due_at": [one.due_at for one in outcomes],
        "settled_at": [one.settled_at for one in outcomes],
    }
    return set(execute_rows(conn, _SETTLE, _OUTCOME, columns, at=at).scalars())


def resend(conn: Connection, id: str, now: datetime) -> Delivery | None:
    """Makes a settled delivery due again with all its attempts; None if it is not settled."""
    row = conn.execute(_RESEND, {"id": id, "now": now}).mappings().one_or_none()
    return None if row is None else Delivery(**row)


def by_id(conn: Connection, id: str) -> Delivery | None:
    """The delivery."""
    query = sa.text(f"SELECT {_COLUMNS} FROM notifier.delivery WHERE id = :id")
    row = conn.execute(query, {"id": id}).mappings().one_or_none()
    return None if row is None else Delivery(**row)


def is_outrun(conn: Connection, delivery: Delivery) -> bool:
    """Whether the same subscriber and channel has been told of the alert again since."""
    query = sa.text(
        "SELECT EXISTS (SELECT FROM notifier.delivery WHERE alert = :alert"
        " AND subscriber = :subscriber AND channel = :channel AND step > :step)"
    )
    names = ("alert", "subscriber", "channel", "step")
    found: bool = conn.execute(query, {n: getattr(delivery, n) for n in names}).scalar_one()
    return found


def of_alerts(conn: Connection, alerts: Collection[str]) -> dict[str, list[Delivery]]:
    """Every alert's deliveries, in the order they were made."""
    found: dict[str, list[Delivery]] = {alert: [] for alert in alerts}
    query = sa.text(
        f"SELECT {_COLUMNS} FROM notifier.delivery WHERE alert = ANY(:alerts) ORDER BY number"
    )
    for row in conn.execute(query, {"alerts": list(alerts)}).mappings():
        found[row["alert"]].append(Delivery(**row))
    return found


Ways = dict[tuple[str, str], str]
"""By subscriber and channel: the address."""


@dataclass(slots=True)
class Reached:
    """The last step of an alert, and whom it was told outside the inbox: each way once, in the
    order they were first told, with the address used last."""

    step: int = 0
    ways: Ways = field(default_factory=dict)


def reached(conn: Connection, alerts: Collection[str]) -> dict[str, Reached]:
    """How far each alert has come."""
    query = sa.text(
        "SELECT alert, max(step) AS step, subscriber, channel,"
        " (array_agg(address ORDER BY number DESC))[1] AS address"
        " FROM notifier.delivery WHERE alert = ANY(:alerts) AND channel <> 'inbox'"
        " GROUP BY alert, subscriber, channel ORDER BY min(number)"
    )
    found = {alert: Reached() for alert in alerts}
    for alert, step, *way, address in conn.execute(query, {"alerts": list(alerts)}).all():
        one = found[alert]
        one.step = max(one.step, step)
        one.ways[way[0], way[1]] = address
    return found


def log_of(conn: Connection, deliveries: Collection[str]) -> dict[str, list[Attempt]]:
    """Every delivery's log, oldest line first."""
    found: dict[str, list[Attempt]] = {delivery: [] for delivery in deliveries}
    rows = conn.execute(
        sa.text(
            "SELECT delivery, number, step, answer, at FROM notifier.attempt"
            " WHERE delivery = ANY(:ids) ORDER BY id"
        ),
        {"ids": list(deliveries)},
    )
    for row in rows:
        found[row.delivery].append(Attempt(row.number, row.step, row.answer, row.at))
    return found


def given_up(
    conn: Connection, studies: Sequence[str] | None = None
) -> Mapping[tuple[str, str], int]:
    """How many deliveries were given up, by study and severity; of all studies by default."""
    query = "SELECT study, severity, count(*) AS n FROM notifier.delivery WHERE state = 'given_up'"
    values: dict[str, Any] = {}
    if studies is not None:
        query += " AND study = ANY(:studies)"
        values["studies"] = list(studies)
    rows = conn.execute(sa.text(query + " GROUP BY study, severity"), values)
    return {(row.study, row.severity): row.n for row in rows}


def given_up_by_severity(conn: Connection) -> Mapping[str, int]:
    """The same, of all studies together."""
    totals: dict[str, int] = {}
    for (_, severity), count in given_up(conn).items():
        totals[severity] = totals.get(severity, 0) + count
    return totals


def waiting_since(
    conn: Connection, studies: Sequence[str], severities: Sequence[str], before: datetime
) -> Mapping[str, int]:
    """How many deliveries of a study have been tried since before a moment and not arrived."""
    rows = conn.execute(
        sa.text(
            "SELECT study, count(*) AS n FROM notifier.delivery"
            " WHERE state IN ('pending', 'failed') AND began_at < :before"
            " AND study = ANY(:studies) AND severity = ANY(:severities) GROUP BY study"
        ),
        {"before": before, "studies": list(studies), "severities": list(severities)},
    )
    return {row.study: row.n for row in rows}


def dead(
    conn: Connection, studies: Sequence[str], *, after: int, limit: int
) -> list[tuple[int, Delivery]]:
    """Deliveries that were given up, oldest first, each with the number to continue after."""
    rows = conn.execute(
        sa.text(
            f"SELECT number, {_COLUMNS} FROM notifier.delivery WHERE state = 'given_up'"
            " AND study = ANY(:studies) AND number > :after ORDER BY number LIMIT :limit"
        ),
        {"studies": list(studies), "after": after, "limit": limit},
    ).mappings()
    return [
        (row["number"], Delivery(**{name: row[name] for name in Delivery.__slots__}))
        for row in rows
    ]
