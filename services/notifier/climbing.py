"""Steps of ladders that are due: whom each tells by its alert's routing, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.notifier.duetimes import step_of
from services.notifier.inforce import InForce, as_of, in_force, occasion
from services.notifier.routing import Ladder, Told, who_is_next
from services.notifier.store import alerts, deliveries, dues
from services.notifier.store.alerts import Alert
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
        self._present: dict[str, InForce] = {}

    def work(self, taken: list[Due]) -> None:
        ids = {due.subject for due in taken}
        found = {alert.id: alert for alert in alerts.by_ids(self._conn, ids)}
        told = {
            alert: [Told(*way, "") for way in ways]
            for alert, ways in deliveries.ways(self._conn, ids).items()
        }
        tellings: list[Telling] = []
        following: list[NewDue] = []
        for due in taken:
            alert = found[due.subject] = _another_round(found[due.subject])
            ladder = self._ladder(alert)
            ways = self._ways(alert, ladder, due.number, told[alert.id])
            told[alert.id] += ways
            tellings.append(Telling(alert, ways, step=alert.rounds, chases=True))
            if due.number >= len(ladder.steps) - 1:
                following.append(step_of(alert, due.number + 1, self._now, ladder.again_every))
        tell(self._conn, self._bus, tellings, self._now)
        alerts.count_rounds(self._conn, found.values())
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

    def _ways(self, alert: Alert, ladder: Ladder, number: int, told: list[Told]) -> list[Told]:
        """A withdrawal concerns only those who got the original: it only repeats."""
        routing = self._rules(alert).routing
        reminds = alert.ends or number >= len(ladder.steps)
        if routing is None or alert.signal is None or reminds:
            return _once(told)
        step = ladder.steps[number]
        try:
            asked = occasion(Signal.model_validate(dict(alert.signal)), self._now)
        except ValueError:
            # A signal of another version of the contract must not hold up everybody's ladders.
            return _once(told)
        names = list(dict.fromkeys(one.subscriber for one in told))
        found = who_is_next(routing, step, asked, names)
        return self._at_present_addresses(alert.study, found.told) or _once(told)

    def _at_present_addresses(self, study: str, told: Iterable[Told]) -> list[Told]:
        """The route is frozen on the alert; an address that was corrected since is not."""
        if study not in self._present:
            self._present[study] = in_force(self._conn, study)
        routing = self._present[study].routing
        present: dict[tuple[str, str], str] = {
            (r.name, r.channel): r.address for r in (routing.recipients if routing else ())
        }
        return [
            replace(way, address=present.get((way.subscriber, way.channel), way.address))
            for way in told
        ]


def _another_round(alert: Alert) -> Alert:
    return replace(alert, rounds=alert.rounds + 1)


def _once(told: Iterable[Told]) -> list[Told]:
    """Everybody told so far, each way once, at the address used last."""
    ways = {(one.subscriber, one.channel): one for one in told}
    return [replace(way, why="reminder: not acknowledged") for way in ways.values()]
