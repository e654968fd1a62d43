"""What readers see of an alert: the signal, its state, who has seen it, and whom it reached.

Subject codes are in the signal, so views go only to readers of the study, never into messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from services.notifier.store import acknowledgements, alerts, deliveries, notes
from services.notifier.store.alerts import Alert
from services.notifier.store.deliveries import Delivery
from services.notifier.watch import problems

UNKNOWN_ORIGINAL = "follows up a signal that has not been received"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class AcknowledgementView(_View):
    """Who has seen an alert, in which role and version."""

    name: str
    role: str
    version: int
    at: datetime


class NoteView(_View):
    """What somebody did or wrote: note, seen, handed_over or closed."""

    kind: str
    name: str
    role: str
    text: str
    at: datetime


class DeliveryCounts(_View):
    """An alert's deliveries by state; `failed` ones are being tried again."""

    pending: int = 0
    failed: int = 0
    sent: int = 0
    given_up: int = 0
    cancelled: int = 0


class AlertView(_View):
    """An alert. `version` changes when it is superseded or withdrawn, and is what an
    acknowledgement names; `asks`: it wants one; `follows` and `followed_by` are alerts; `position`
    orders alerts; `ladder` is how it is chased, `rounds` how often people were told again."""

    id: str
    position: str
    study: str
    kind: str
    severity: str
    state: str
    version: int
    synthetic: bool
    raised_at: datetime
    signal: dict[str, Any] | None
    asks: bool
    ladder: str | None
    rounds: int
    assigned_to: str | None
    follows: str | None
    followed_by: str | None
    routing_version: int | None
    warnings: tuple[str, ...]
    acknowledgements: tuple[AcknowledgementView, ...]
    notes: tuple[NoteView, ...]
    deliveries: DeliveryCounts


class AttemptView(_View):
    """One line of a delivery's log."""

    number: int
    step: str
    answer: str | None
    at: datetime


class DeliveryView(_View):
    """One way one subscriber is told of an alert, with the server's answers. `due_at` is the next
    try of a delivery that is not settled."""

    id: str
    alert: str
    subscriber: str
    channel: str
    address: str
    why: str
    state: str
    step: int
    attempts: int
    due_at: datetime | None
    created_at: datetime
    settled_at: datetime | None
    log: tuple[AttemptView, ...]


def alert_views(conn: Connection, found: Sequence[Alert]) -> list[AlertView]:
    """The views of some alerts, in four queries."""
    ids = [alert.id for alert in found]
    seen = acknowledgements.of_alerts(conn, ids)
    story = notes.of_alerts(conn, ids)
    reached = deliveries.of_alerts(conn, ids)
    originals = alerts.ids_of_signals(conn, [a.supersedes for a in found if a.supersedes])
    views = []
    for alert in found:
        follows = originals.get(alert.supersedes or "")
        unknown = (UNKNOWN_ORIGINAL,) if alert.supersedes and follows is None else ()
        counts = Counter(delivery.state for delivery in reached[alert.id])
        views.append(
            AlertView(
                id=alert.id,
                position=str(alert.position),
                study=alert.study,
                kind=alert.kind,
                severity=alert.severity,
                state=alert.state,
                version=alert.version,
                synthetic=alert.synthetic,
                raised_at=alert.raised_at,
                signal=None if alert.signal is None else dict(alert.signal),
                asks=alert.asks,
                ladder=alert.ladder,
                rounds=max((one.step for one in reached[alert.id]), default=0),
                assigned_to=alert.assigned_to,
                follows=follows,
                followed_by=alert.followed_by,
                routing_version=alert.routing_version,
                warnings=(*alert.warnings, *unknown),
                acknowledgements=tuple(map(AcknowledgementView.model_validate, seen[alert.id])),
                notes=tuple(map(NoteView.model_validate, story[alert.id])),
                deliveries=DeliveryCounts.model_validate(dict(counts)),
            )
        )
    return views


def delivery_views(conn: Connection, found: Sequence[Delivery]) -> list[DeliveryView]:
    """Deliveries with their logs."""
    logs = deliveries.log_of(conn, [delivery.id for delivery in found])
    return [
        DeliveryView(
            id=delivery.id,
            alert=delivery.alert,
            subscriber=delivery.subscriber,
            channel=delivery.channel,
            address=delivery.address,
            why=delivery.why,
            state=delivery.state,
            step=delivery.step,
            attempts=delivery.attempts,
            due_at=delivery.due_at if delivery.settled_at is None else None,
            created_at=delivery.created_at,
            settled_at=delivery.settled_at,
            log=tuple(map(AttemptView.model_validate, logs[delivery.id])),
        )
        for delivery in found
    ]


def study_warnings(conn: Connection, studies: Sequence[str], now: datetime) -> dict[str, list[str]]:
    """What a reader of each study's inbox must know: nobody is told, or something got lost."""
    found: dict[str, list[str]] = {}
    for problem in problems(conn, studies, now):
        found.setdefault(problem.study, []).append(problem.text)
    return found
