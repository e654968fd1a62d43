"""Turns signals into alerts and deliveries, and records who has seen them.

Everything a signal causes is written in the transaction that read it: the alert, its links to
earlier and later ones, one delivery per subscriber and channel, and their receipts.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from services.notifier.addresses import lane_of
from services.notifier.routing import (
    SEVERITIES,
    DocumentRefused,
    Routing,
    Told,
    load_routing,
    who_is_told,
)
from services.notifier.store import alerts, deliveries, routings
from services.notifier.store.alerts import Acknowledgement, Alert, NewAlert
from services.notifier.store.deliveries import Delivery
from shared.contracts.receipts import DeliveryReceipt
from shared.contracts.signals import Signal, read_signal
from shared.contracts.topics import RECEIPTS
from shared.runtime.bus import Bus, Message
from shared.runtime.clock import Clock
from shared.runtime.worker import Poison

GROUP = "notifier"
INBOX = Told("inbox", "inbox", "", "every alert of a study is in its inbox")

NO_ROUTING = "no routing: the study has none, so only its inbox shows this alert"
NO_RULE = "no rule of the study's routing matches: only the inbox shows this alert"
UNREADABLE = "the study's routing can no longer be read, so only its inbox shows this alert"

ReceiptState = Literal["pending", "sent", "failed", "given_up", "acknowledged"]


@dataclass(frozen=True, slots=True)
class InForce:
    """A study's routing at this moment; without one, `problem` says why."""

    version: int | None
    routing: Routing | None
    problem: str | None = None

    def told(self, signal: Signal) -> tuple[Told, ...]:
        """Whom the rules name for the signal."""
        if self.routing is None:
            return ()
        return who_is_told(self.routing, signal.type, signal.severity, signal.dose_level)

    def warnings(self, told: Sequence[Told]) -> tuple[str, ...]:
        """What a reader of the alert must know about who was, or was not, told."""
        if self.problem is not None:
            return (self.problem,)
        return () if told else (NO_RULE,)

    @property
    def synthetic(self) -> bool:
        """Whether the routing declares the study's data synthetic."""
        return self.routing is not None and self.routing.synthetic


def routing_in_force(conn: Connection, study: str) -> InForce:
    """The study's routing. One that a newer version of this code refuses is as good as none: the
    alert still reaches the inbox, with a warning."""
    stored = routings.current(conn, study)
    if stored is None:
        return InForce(None, None, NO_ROUTING)
    try:
        return InForce(stored.version, load_routing(stored.document))
    except DocumentRefused:
        return InForce(stored.version, None, UNREADABLE)


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


class Alerting:
    """The work behind the topic of signals and behind the inbox."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    def on_signals(self, conn: Connection, messages: Sequence[Message]) -> None:
        """The worker's handler for `vigil.signals.v1`. Raises Poison for what is no signal."""
        known: dict[str, InForce] = {}
        for message in messages:
            signal = _read(message)
            if signal.study not in known:
                known[signal.study] = routing_in_force(conn, signal.study)
            self._raise(conn, signal, known[signal.study])

    # -- raising --------------------------------------------------------------------------------

    def _raise(self, conn: Connection, signal: Signal, rules: InForce) -> None:
        told = rules.told(signal)
        alert = alerts.insert(
            conn,
            NewAlert(
                id=uuid.uuid4().hex,
                study=signal.study,
                kind="signal",
                signal_id=signal.id,
                severity=signal.severity,
                signal=signal.model_dump_json(),
                supersedes=signal.supersedes,
                ends=signal.ends,
                synthetic=rules.synthetic,
                routing_version=rules.version,
                warnings=rules.warnings(told),
                raised_at=self._clock.now(),
            ),
        )
        if alert is None:
            return
        self._tell(conn, alert, [INBOX, *told])
        if alert.supersedes is not None:
            original = alerts.by_signal(conn, alert.study, alert.supersedes)
            if original is not None:
                self._follow(conn, original, alert, rules)
        for later in alerts.followers(conn, alert.study, alert.signal_id):
            self._follow(conn, alert, later, rules)

    def _follow(self, conn: Connection, original: Alert, alert: Alert, rules: InForce) -> None:
        """Closes the original; whoever was told of it is told of what follows, down the line."""
        alerts.close(conn, original, "withdrawn" if alert.ends else "superseded", alert.id)
        earlier = deliveries.of_alerts(conn, [original.id])[original.id]
        if self._tell(conn, alert, _still_reachable(earlier, rules)):
            for later in alerts.followers(conn, alert.study, alert.signal_id):
                self._follow(conn, alert, later, rules)

    def _tell(self, conn: Connection, alert: Alert, told: Iterable[Told]) -> list[Delivery]:
        now = self._clock.now()
        added = deliveries.add(conn, [_delivery(alert, way, now) for way in told])
        steps = []
        for delivery in added:
            steps.append(receipt(delivery, "pending", 0, now, None))
            if delivery.channel == "inbox":
                steps.append(receipt(delivery, "sent", 0, now, None))
        self._bus.publish(conn, steps)
        return added

    # -- tests and resends ----------------------------------------------------------------------

    def test_fire(self, conn: Connection, study: str) -> tuple[str, list[Delivery]] | None:
        """Queues a labelled test to every recipient of the routing; None without a routing."""
        rules = routing_in_force(conn, study)
        if rules.routing is None:
            return None
        name = uuid.uuid4().hex
        alert = alerts.insert(
            conn,
            NewAlert(
                id=name,
                study=study,
                kind="test",
                signal_id=f"test-{name}",
                severity="info",
                signal=None,
                supersedes=None,
                ends=False,
                synthetic=rules.synthetic,
                routing_version=rules.version,
                warnings=(),
                raised_at=self._clock.now(),
            ),
        )
        if alert is None:
            raise RuntimeError("a fresh random id is taken")
        every = [Told(r.name, r.channel, r.address, "test") for r in rules.routing.recipients]
        return name, self._tell(conn, alert, every)

    def resend(self, conn: Connection, id: str) -> Delivery | None:
        """Makes a settled delivery due once more, under the same id; None if it is not settled."""
        now = self._clock.now()
        delivery = deliveries.resend(conn, id, now)
        if delivery is not None:
            self._bus.publish(conn, [receipt(delivery, "pending", delivery.attempts, now, None)])
            alerts.note_change(conn, delivery.study, delivery.alert, "resent")
        return delivery

    # -- acknowledging --------------------------------------------------------------------------

    def acknowledge(
        self, conn: Connection, alert: Alert, *, key_id: str, name: str, role: str, version: int
    ) -> Literal["recorded", "repeated", "stale", "closed"]:
        """Records that a person has seen the alert. `alert` is locked by this transaction.

        ``repeated``: this person had already done so, whatever has happened to the alert since.
        ``closed``: the alert no longer stands; what followed it is to be acknowledged instead.
        ``stale``: the person saw another version than the present one.
        """
        earlier = alerts.acknowledgements(conn, [alert.id])[alert.id]
        if any(seen.key_id == key_id for seen in earlier):
            return "repeated"
        if alert.state in ("superseded", "withdrawn"):
            return "closed"
        if version != alert.version:
            return "stale"
        now = self._clock.now()
        alerts.acknowledge(conn, alert, Acknowledgement(alert.id, key_id, name, role, version, now))
        inbox = [
            d for d in deliveries.of_alerts(conn, [alert.id])[alert.id] if d.channel == "inbox"
        ]
        self._bus.publish(
            conn,
            [receipt(d, "acknowledged", 0, now, f"by {name} ({role})") for d in inbox],
        )
        return "recorded"


def _read(message: Message) -> Signal:
    try:
        signal = read_signal(message.value)
    except ValueError:
        raise Poison("the message is not a signal of this contract") from None
    if signal.study != message.key:
        raise Poison("the signal names another study than the message's key")
    return signal


def _still_reachable(earlier: Iterable[Delivery], rules: InForce) -> list[Told]:
    """Those who were told before; at their present address where the routing has one."""
    present: dict[tuple[str, str], str] = {
        (r.name, r.channel): r.address for r in (rules.routing.recipients if rules.routing else ())
    }
    return [
        Told(
            d.subscriber,
            d.channel,
            present.get((d.subscriber, d.channel), d.address),
            "was told of the earlier alert",
        )
        for d in earlier
    ]


def _delivery(alert: Alert, told: Told, now: datetime) -> Delivery:
    in_inbox = told.channel == "inbox"
    return Delivery(
        id=uuid.uuid4().hex,
        alert=alert.id,
        study=alert.study,
        signal_id=alert.signal_id,
        subscriber=told.subscriber,
        channel=told.channel,
        address=told.address,
        lane=lane_of(told.channel, told.address),
        why=told.why,
        severity=alert.severity,
        urgency=len(SEVERITIES) - [str(s) for s in SEVERITIES].index(alert.severity),
        state="sent" if in_inbox else "pending",
        attempts=0,
        attempts_before=0,
        due_at=now,
        lease=None,
        created_at=now,
        settled_at=now if in_inbox else None,
    )
