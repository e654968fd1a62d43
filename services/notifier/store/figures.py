"""How things stand, counted: for the metrics and for the watch over the notifier itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from services.notifier.store import dues

LATE = timedelta(minutes=5)
"""A row that is due for longer is stuck: a turn takes less than a second."""

_UNACKNOWLEDGED = sa.text(
    "SELECT severity, min(raised_at) AS since FROM notifier.alert"
    " WHERE state = 'open' AND asks GROUP BY severity"
)
_WAITING = sa.text(
    "SELECT severity, min(began_at) AS since FROM notifier.delivery"
    " WHERE state IN ('pending', 'failed') GROUP BY severity"
)
_CLOCKS = sa.text(
    "SELECT signal ->> 'type' AS type, count(*) AS n FROM notifier.alert"
    " WHERE kind = 'signal' AND state IN ('open', 'acknowledged') AND NOT ends"
    " AND severity = 'critical' AND signal ->> 'slot' LIKE 'clock/%' GROUP BY 1"
)


def oldest_unacknowledged(conn: Connection, now: datetime) -> Mapping[str, float]:
    """Seconds, by severity."""
    return _ages(conn.execute(_UNACKNOWLEDGED), now)


def oldest_waiting(conn: Connection, now: datetime) -> Mapping[str, float]:
    """Seconds that the oldest unsettled delivery has been tried, by severity."""
    return _ages(conn.execute(_WAITING), now)


def stuck_ladders(conn: Connection, now: datetime) -> Mapping[str, float]:
    """Rows due for longer than LATE, and ladders of open alerts of which no step waits."""
    late = sum(count for _, count, _ in dues.overdue(conn, now - LATE))
    return {"late": late, "lost": len(dues.stuck(conn))}


def overdue(conn: Connection, now: datetime) -> Mapping[str, float]:  # noqa: ARG001
    """Reporting clocks that have run out and whose signal stands, by the signal's type."""
    return {row.type: row.n for row in conn.execute(_CLOCKS)}


def _ages(rows: Any, now: datetime) -> dict[str, float]:
    return {row.severity: max(0.0, (now - row.since).total_seconds()) for row in rows}
