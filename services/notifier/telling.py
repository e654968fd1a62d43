"""Queues deliveries and publishes the receipt of every step, in the transaction that causes it."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from services.notifier.addresses import lane_of
from services.notifier.inforce import InForce
from services.notifier.routing import SEVERITIES, Told
from services.notifier.store import alerts, deliveries, pictures
from services.notifier.store.alerts import Alarm, Alert, NewAlert
from services.notifier.store.deliveries import Delivery
from shared.contracts.receipts import DeliveryReceipt
from shared.contracts.topics import RECEIPTS
from shared.runtime.bus import Bus, Message

INBOX = Told("inbox", "inbox", "", "every alert of a study is in its inbox")

PICTURE_WAIT = timedelta(seconds=1)
"""For so long at most a mail waits for the chart that its study lets it show."""

ReceiptState = Literal["pending", "sent", "failed", "given_up", "cancelled", "seen", "acknowledged"]


_URGENCY = {str(one): number for number, one in enumerate(reversed(SEVERITIES), 1)}


def urgency_of(severity: str) -> int:
    """1 for the most urgent severity, counting up."""
    return _URGENCY[severity]


def receipt(
    delivery: Delivery, state: ReceiptState, attempt: int, at: datetime, answer: str | None
) -> Message:
    """The message that proves a step; the same step gives the same message id."""
    body = DeliveryReceipt(
        delivery=delivery.id,
        alert=delivery.alert,
        study=delivery.study,
        signal=delivery.signal_id,
        subscriber=delivery.subscriber,
        channel=delivery.channel,
        state=state,
        attempt=attempt,
        at=at,
        answer=answer,
    )
    value = body.model_dump_json().encode()
    name = f"{delivery.id}-{attempt}-{state}-{hashlib.sha256(value).hexdigest()[:12]}"
    return Message(RECEIPTS.name, delivery.study, name, value)


@dataclass(frozen=True, slots=True)
class Telling:
    """One alert, to be told to some. `step` 0 is the first time; `chases`: an acknowledgement
    makes it pointless."""

    alert: Alarm
    told: Sequence[Told]
    step: int = 0
    chases: bool = False


def tell(conn: Connection, bus: Bus, tellings: Iterable[Telling], now: datetime) -> list[Delivery]:
    """Queues a delivery for everybody who has none for the same step yet; returns these."""
    every = list(tellings)
    waiting = _await_pictures(conn, every, now)
    wanted = [_delivery(one, way, now, waiting) for one in every for way in one.told]
    added = deliveries.add(conn, wanted)
    steps = []
    for delivery in added:
        steps.append(receipt(delivery, "pending", 0, now, None))
        if delivery.channel == "inbox":
            steps.append(receipt(delivery, "sent", 0, now, None))
    bus.publish(conn, steps)
    return added


def shows_chart(alert: Alarm | None) -> bool:
    """Whether the mails of an alert are to show its chart: a withdrawal has none."""
    if not isinstance(alert, Alert) or alert.ends:
        return False
    return "chart" in alert.details.get("email", ())


def _await_pictures(conn: Connection, tellings: Iterable[Telling], now: datetime) -> set[str]:
    """Asks for the charts of mails; the alerts whose mails have to wait for theirs."""
    shown = {
        one.alert.id: urgency_of(one.alert.severity)
        for one in tellings
        if shows_chart(one.alert) and any(way.channel == "email" for way in one.told)
    }
    return pictures.want(conn, list(shown.items()), now) if shown else set()


def _delivery(telling: Telling, told: Told, now: datetime, waiting: Container[str]) -> Delivery:
    alert, in_inbox = telling.alert, told.channel == "inbox"
    waits = told.channel == "email" and alert.id in waiting
    return Delivery(
        id=secrets.token_hex(16),
        alert=alert.id,
        study=alert.study,
        signal_id=alert.signal_id,
        subscriber=told.subscriber,
        channel=told.channel,
        address=told.address,
        lane=lane_of(told.channel, told.address),
        why=told.why,
        severity=alert.severity,
        urgency=urgency_of(alert.severity),
        state="sent" if in_inbox else "pending",
        step=telling.step,
        chases=telling.chases,
        due_at=now + PICTURE_WAIT if waits else now,
        created_at=now,
        began_at=now,
        settled_at=now if in_inbox else None,
    )


def fire_test(
    conn: Connection,
    bus: Bus,
    rules: InForce,
    now: datetime,
    channel: str | None = None,
    subscriber: str | None = None,
) -> tuple[str, list[Delivery]]:
    """Queues a test; gives its alert's id and the deliveries."""
    assert rules.routing is not None
    name = uuid.uuid4().hex
    (alert,) = alerts.insert(
        conn,
        [
            NewAlert(
                id=name,
                study=rules.routing.study,
                kind="test",
                signal_id=f"test-{name}",
                severity="info",
                alias=rules.alias,
                synthetic=rules.synthetic,
                routing_version=rules.version,
                raised_at=now,
            )
        ],
    )
    told = [
        Told(one.name, one.channel, one.address, "test")
        for one in rules.routing.recipients
        if channel in (None, one.channel) and subscriber in (None, one.name)
    ]
    return name, tell(conn, bus, [Telling(alert, told)], now)
