"""Steps of ladders that are due: whom each tells by its alert's routing, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.notifier.duetimes import step_of
from services.notifier.inforce import InForce, as_of, in_force, occasion
from services.notifier.routing import Ladder, Step, Told, who_is_next
from services.notifier.store import alerts, deliveries, dues
from services.notifier.store.alerts import Alert
from services.notifier.store.deliveries import Ways
from services.notifier.store.dues import Due, NewDue
from services.notifier.telling import Telling, tell
from shared.contracts.signals import Signal
from shared.runtime.bus import Bus

NO_LADDER = Ladder(name="reminders")
"""Where the routing that named a ladder can no longer be read: those told so far are reminded."""


class Climb:
    """One batch of steps: whom each tells, and what comes after it."""

    def __init__(self, conn: Connection, bus: Bus, now: datetime) -> None:
        self._conn = conn
        self._bus = bus
        self._now = now
        self._raised_by: dict[tuple[str, int | None], InForce] = {}
        self._present: dict[str, Ways] = {}

    def work(self, taken: list[Due]) -> None:
        ids = {due.subject for due in taken}
        climbing = {alert.id: alert for alert in alerts.by_ids(self._conn, ids)}
        reached = deliveries.reached(self._conn, ids)
        tellings: list[Telling] = []
        following: list[NewDue] = []
        for due in taken:
            alert, so_far = climbing[due.subject], reached[due.subject]
            ladder = self._ladder(alert)
            told = self._told(alert, ladder, due.number, so_far.ways)
            so_far.step += 1
            so_far.ways |= {(one.subscriber, one.channel): one.address for one in told}
            tellings.append(Telling(alert, told, step=so_far.step, chases=True))
            if due.number >= len(ladder.steps) - 1:
                following.append(step_of(alert, due.number + 1, self._now, ladder.again_every))
        tell(self._conn, self._bus, tellings, self._now)
        alerts.note_changes(self._conn, [(a.study, a.id, "chased") for a in climbing.values()])
        dues.add(self._conn, following)
        dues.settle(self._conn, [due.id for due in taken], self._now)

    def _ladder(self, alert: Alert) -> Ladder:
        routing = self._rules(alert).routing
        ladders = () if routing is None else routing.ladders
        return next((one for one in ladders if one.name == alert.ladder), NO_LADDER)

    def _rules(self, alert: Alert) -> InForce:
        place = (alert.study, alert.routing_version)
        if place not in self._raised_by:
            self._raised_by[place] = as_of(self._conn, *place)
        return self._raised_by[place]

    def _told(self, alert: Alert, ladder: Ladder, number: int, so_far: Ways) -> list[Told]:
        """The route is frozen on the alert; an address that was corrected since is not."""
        step = ladder.steps[number] if number < len(ladder.steps) else None
        # A withdrawal concerns only those who got the original: it only repeats.
        only_repeats = step is None or step.tell == "repeat" or alert.ends
        told = () if step is None or only_repeats else self._next(alert, step, so_far)
        present = self._addresses(alert.study)
        return [
            replace(one, address=present.get((one.subscriber, one.channel), one.address))
            for one in told or _again(so_far)
        ]

    def _next(self, alert: Alert, step: Step, so_far: Ways) -> Sequence[Told]:
        """Whom a step leads to; nobody, if that can no longer be told."""
        routing = self._rules(alert).routing
        if routing is None or alert.signal is None:
            return ()
        try:
            asked = occasion(Signal.model_validate(dict(alert.signal)), self._now)
        except ValueError:
            # A signal of another version of the contract must not hold up everybody's ladders.
            return ()
        names = list(dict.fromkeys(subscriber for subscriber, _ in so_far))
        return who_is_next(routing, step, asked, names).told

    def _addresses(self, study: str) -> Ways:
        if study not in self._present:
            self._present[study] = in_force(self._conn, study).addresses
        return self._present[study]


def _again(so_far: Ways) -> list[Told]:
    """Everybody told so far, each way once."""
    return [Told(*way, address, "reminder: not acknowledged") for way, address in so_far.items()]
