"""When something is due: steps of ladders, digests and weekly tests, these by local time.

Each becomes a row in the transaction that causes it; `services.notifier.chase` works them.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy import Connection

from services.notifier.routing import DAYS, Ladder, Routing, next_time
from services.notifier.store import dues
from services.notifier.store.alerts import Alert
from services.notifier.store.dues import NewDue
from services.notifier.telling import urgency_of


def steps_of(alert: Alert, ladder: Ladder) -> list[NewDue]:
    """The steps of an alert's ladder, with their due times."""
    waits = [step.after for step in ladder.steps] or [ladder.again_every]
    return [step_of(alert, n, alert.raised_at, wait) for n, wait in enumerate(waits)]


def arm_digest(conn: Connection, routing: Routing, now: datetime) -> None:
    """Sees to it that there is a next digest."""
    if routing.digest is not None:
        _arm_daily(conn, "digest", routing, routing.digest.at, now)


def arm_weekly_test(conn: Connection, routing: Routing, now: datetime) -> None:
    """Sees to it that there is a next weekly test, at the time the routing says."""
    dues.void_study(conn, "weekly_test", routing.study, now)
    if routing.weekly_test is not None:
        test = routing.weekly_test
        _arm_daily(conn, "weekly_test", routing, test.at, now, DAYS.index(test.day))


def _arm_daily(
    conn: Connection,
    kind: dues.Kind,
    routing: Routing,
    clock: time,
    now: datetime,
    weekday: int | None = None,
) -> None:
    due_at = next_time(routing.zone, clock, now, weekday)
    subject = due_at.isoformat()
    dues.add(conn, [NewDue(kind, routing.study, subject, 0, 9, due_at, due_at - now)])


def step_of(alert: Alert, number: int, since: datetime, wait: timedelta) -> NewDue:
    urgency = urgency_of(alert.severity)
    return NewDue("step", alert.study, alert.id, number, urgency, since + wait, wait)
