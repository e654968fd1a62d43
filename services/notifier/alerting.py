"""Turns signals into alerts: each is routed, linked to earlier and later ones, told and chased.

Everything a signal causes is written in the transaction that read it: the alert, its links, one
delivery per subscriber and channel, the steps of its ladder, and the receipts of all of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.notifier.duetimes import arm_digest, steps_of
from services.notifier.inforce import InForce, in_force, occasion
from services.notifier.measures import Measures
from services.notifier.routing import Told
from services.notifier.store import alerts, deliveries, dues, notes
from services.notifier.store.alerts import Alert, NewAlert
from services.notifier.store.deliveries import Delivery
from services.notifier.store.notes import Held
from services.notifier.telling import INBOX, Telling, fire_test, receipt, tell
from shared.contracts.signals import Severity, Signal, read_signal
from shared.runtime.bus import Bus, Message
from shared.runtime.clock import Clock
from shared.runtime.worker import Poison

ASKING: frozenset[Severity] = frozenset({"warning", "urgent", "critical"})
"""Alerts of these severities want an acknowledgement, and so does whatever follows them up."""


class _Raising:
    """What a signal is to become: its alert, whom it is told, how it is chased."""

    def __init__(self, signal: Signal, rules: InForce, now: datetime) -> None:
        self.signal = signal
        self.rules = rules
        self.ladder = rules.ladder(signal)
        audience = rules.audience(occasion(signal, now))
        # A withdrawal is news only to those who heard of what it withdraws: see `_follow`.
        told = () if signal.ends else audience.told
        held = rules.held_back(signal)
        self.told = () if held else told
        self.held = [_held(way) for way in told] if held else []
        self.alert = NewAlert(
            id=uuid.uuid4().hex,
            study=signal.study,
            kind="signal",
            signal_id=signal.id,
            severity=signal.severity,
            signal=signal.model_dump_json(),
            alias=rules.alias,
            details=rules.details,
            asks=signal.severity in ASKING or self.ladder is not None,
            ladder=self.ladder.name if self.ladder else None,
            supersedes=signal.supersedes,
            ends=signal.ends,
            synthetic=rules.synthetic,
            routing_version=rules.version,
            warnings=audience.warnings,
            raised_at=now,
        )


class Alerting:
    """The work behind the topic of signals."""

    def __init__(self, bus: Bus, clock: Clock, measures: Measures | None = None) -> None:
        self._bus = bus
        self._clock = clock
        self._measures = measures or Measures()

    def on_signals(self, conn: Connection, messages: Sequence[Message]) -> None:
        """The worker's handler for `vigil.signals.v1`. Raises Poison for what is no signal."""
        signals = {signal.id: signal for signal in map(_read, messages)}
        studies = dict.fromkeys(signal.study for signal in signals.values())
        rules = {study: in_force(conn, study) for study in studies}
        now = self._clock.now()
        raising = [_Raising(one, rules[one.study], now) for one in signals.values()]
        alarms = {alert.id: alert for alert in alerts.insert(conn, [one.alert for one in raising])}
        new = [one for one in raising if one.alert.id in alarms]
        for one in new:
            self._measures.raised(one.signal, now, self._clock)
        self._tell_first(conn, new, alarms, now)
        self._link(conn, new, alarms)

    def _tell_first(
        self,
        conn: Connection,
        new: Sequence[_Raising],
        alarms: Mapping[str, Alert],
        now: datetime,
    ) -> None:
        tellings, steps = [], []
        for one in new:
            alert = alarms[one.alert.id]
            tellings.append(Telling(alert, [INBOX, *one.told]))
            if one.ladder is not None:
                steps += steps_of(alert, one.ladder)
            if one.held and one.rules.routing is not None:
                notes.hold(conn, alert.study, alert.id, one.held)
                arm_digest(conn, one.rules.routing, now)
        dues.add(conn, steps)
        tell(conn, self._bus, tellings, now)

    def _link(self, conn: Connection, new: Sequence[_Raising], alarms: Mapping[str, Alert]) -> None:
        """Ties each new alert to the one it follows up, and to those that came before it although
        they follow it up."""
        early = alerts.followed(conn, {(one.signal.study, one.signal.id) for one in new})
        for one in new:
            alert = alarms[one.alert.id]
            if alert.supersedes is not None:
                original = alerts.by_signal(conn, alert.study, alert.supersedes)
                if original is not None:
                    self._follow(conn, original, alert, one.rules)
            if alert.signal_id in early:
                for later in alerts.followers(conn, alert.study, alert.signal_id):
                    self._follow(conn, alert, later, one.rules)

    def _follow(self, conn: Connection, original: Alert, alert: Alert, rules: InForce) -> None:
        """Closes the original; whoever was told of it is told of what follows, down the line."""
        alerts.close(conn, original, "withdrawn" if alert.ends else "superseded", alert.id)
        dues.void(conn, "step", [original.id], self._clock.now())
        asks = original.asks and not alert.asks
        if asks:
            alerts.ask(conn, alert)
            alert = replace(alert, asks=True)
        earlier = deliveries.of_alerts(conn, [original.id])[original.id]
        held = notes.held(conn, original.id)
        if alert.ends and not alert.asks:
            # Nobody was told yet: the digest that was to bring the original brings its end, too.
            waiting = [way for way in held if way.waiting]
            notes.hold(conn, alert.study, alert.id, waiting)
            held = [way for way in held if not way.waiting]
        if self._tell(conn, alert, _still_reachable(earlier, held, rules)) or asks:
            for later in alerts.followers(conn, alert.study, alert.signal_id):
                self._follow(conn, alert, later, rules)

    def _tell(self, conn: Connection, alert: Alert, told: Iterable[Told]) -> list[Delivery]:
        return tell(conn, self._bus, [Telling(alert, list(told))], self._clock.now())

    # -- tests and resends ----------------------------------------------------------------------

    def test_fire(
        self, conn: Connection, study: str, *, channel: str | None, subscriber: str | None
    ) -> tuple[str, list[Delivery]] | None:
        """Queues a labelled test to the recipients of the routing, or to some of them; None
        without a routing."""
        rules = in_force(conn, study)
        if rules.routing is None:
            return None
        return fire_test(conn, self._bus, rules, self._clock.now(), channel, subscriber)

    def resend(self, conn: Connection, id: str) -> Delivery | None:
        """Makes a settled delivery due once more, under the same id; None if it is not settled."""
        now = self._clock.now()
        delivery = deliveries.resend(conn, id, now)
        if delivery is not None:
            self._bus.publish(conn, [receipt(delivery, "pending", delivery.attempts, now, None)])
            alerts.note_change(conn, delivery.study, delivery.alert, "resent")
        return delivery


def _read(message: Message) -> Signal:
    try:
        signal = read_signal(message.value)
    except ValueError:
        raise Poison("the message is not a signal of this contract") from None
    if signal.study != message.key:
        raise Poison("the signal names another study than the message's key")
    return signal


def _held(way: Told) -> Held:
    return Held(way.subscriber, way.channel, way.address)


def _still_reachable(
    earlier: Iterable[Delivery], held: Iterable[Held], rules: InForce
) -> list[Told]:
    """Those who were told before; at their present address where the routing has one."""
    present = rules.addresses
    ways = {(one.subscriber, one.channel): one.address for one in held}
    ways |= {(one.subscriber, one.channel): one.address for one in earlier}
    return [
        Told(
            subscriber,
            channel,
            present.get((subscriber, channel), address),
            "was told of the earlier alert",
        )
        for (subscriber, channel), address in ways.items()
    ]
