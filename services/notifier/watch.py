"""Watches the notifier itself: what keeps alerts from reaching people is told to the operator.

A closed list of problems, each with a page in docs/runbooks. The study's inbox shows them, the
operator is written to once a day while one stands, and a heartbeat elsewhere notices if all of
this is gone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from services.notifier.inforce import in_force
from services.notifier.routing import URGENT, Told, unmanned_severities
from services.notifier.store import alerts, deliveries, dues, pictures, routings
from services.notifier.store.alerts import NewAlert
from services.notifier.store.figures import LATE
from services.notifier.telling import Telling, tell
from shared.runtime import outbox
from shared.runtime.bus import Bus

GROUP = "notifier"
"""As which the notifier reads the event log."""

OVERDUE = timedelta(hours=1)
"""An urgent or critical delivery that has not arrived for so long is an operator's matter."""

CHARTS_WITHIN = timedelta(days=1)
"""For so long a mail that left without its chart is told of."""

Name = Literal[
    "charts-missing",
    "delivery-given-up",
    "delivery-overdue",
    "ladder-late",
    "nobody-on-duty",
    "routing-missing",
    "signals-parked",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a study's alerts from people; `text` is shown to its readers."""

    name: Name
    study: str
    text: str


def problems(conn: Connection, studies: Sequence[str], now: datetime) -> list[Problem]:
    """What stands in the way of these studies' alerts."""
    found = [*_deliveries(conn, studies, now)]
    for study in studies:
        found += _routing(conn, study, now)
        waiting = len(outbox.parked(conn, GROUP, study=study))
        if waiting:
            what = "1 signal" if waiting == 1 else f"{waiting} signals"
            text = f"{what} could not be read and {'is' if waiting == 1 else 'are'} not shown"
            found.append(Problem("signals-parked", study, text))
    late = {study: count for study, count, _ in dues.overdue(conn, now - LATE)}
    found += [
        Problem("ladder-late", study, f"{_reminders(late[study])} should have been sent by now")
        for study in studies
        if study in late
    ]
    for (study, why), count in pictures.missed(conn, studies, now - CHARTS_WITHIN).items():
        alerts = "1 alert" if count == 1 else f"{count} alerts"
        text = f"mails of {alerts} left without the chart they may show: {why}"
        found.append(Problem("charts-missing", study, text))
    return found


def _deliveries(conn: Connection, studies: Sequence[str], now: datetime) -> Iterator[Problem]:
    for (study, severity), count in sorted(deliveries.given_up(conn, studies).items()):
        text = f"given up: {_deliveries_of(count, severity)}"
        yield Problem("delivery-given-up", study, text)
    waiting = deliveries.waiting_since(conn, studies, sorted(URGENT), now - OVERDUE)
    for study, count in sorted(waiting.items()):
        have = "has" if count == 1 else "have"
        text = f"{_deliveries_of(count, 'urgent or critical')} {have} not arrived for an hour"
        yield Problem("delivery-overdue", study, text)


def _deliveries_of(count: int, severity: str) -> str:
    return f"{count} {'delivery' if count == 1 else 'deliveries'} of {severity} alerts"


def _reminders(count: int) -> str:
    return f"{count} {'reminder' if count == 1 else 'reminders'}"


def _routing(conn: Connection, study: str, now: datetime) -> Iterator[Problem]:
    rules = in_force(conn, study)
    if rules.routing is None:
        yield Problem("routing-missing", study, rules.problem or "")
        return
    severities = unmanned_severities(rules.routing, now)
    if severities:
        text = f"nobody is on duty now for {' and '.join(severities)} signals"
        yield Problem("nobody-on-duty", study, text)


class Watch:
    """Writes to the operator, if the installation names one."""

    def __init__(self, bus: Bus, operator: str | None) -> None:
        self._bus = bus
        self._operator = operator

    def look(self, conn: Connection, now: datetime) -> None:
        """Queues a message for each problem that the operator has not been told of today."""
        if self._operator is None:
            return
        studies = sorted({*routings.studies(conn), *alerts.studies(conn)})
        for problem in problems(conn, studies, now):
            self._write(conn, problem, self._operator, now)

    def _write(self, conn: Connection, problem: Problem, operator: str, now: datetime) -> None:
        new = NewAlert(
            id=uuid.uuid4().hex,
            study=problem.study,
            kind="operator",
            signal_id=f"operator-{problem.study}-{problem.name}-{now:%Y-%m-%d}",
            severity="urgent",
            about=problem.name,
            raised_at=now,
        )
        way = Told("operator", "email", operator, f"runbook {problem.name}")
        found = [Telling(alert, [way]) for alert in alerts.insert(conn, [new])]
        tell(conn, self._bus, found, now)
