"""Steps of ladders that are due: whom each tells by its alert's routing, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.notifier.inforce import InForce, as_of, in_force, occasion
from services.notifier.routing import Ladder, Step, Told, who_is_next
from services.notifier.store import alerts, deliveries, dues
from services.notifier.store.deliveries import Ways
from services.notifier.store.dues import DueStep, Next
from services.notifier.telling import Telling, tell
from shared.contracts.signals import read_signal
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
        self._ladders: dict[tuple[str, int | None, str | None], Ladder] = {}
        self._present: dict[str, Ways] = {}

    def work(self, taken: Sequence[DueStep]) -> None:
        # Read in a statement of its own: that which locks an alert may not see yet what whoever
        # held it before has written.
        reached = deliveries.reached(self._conn, {step.id for step in taken})
        rungs = [self._rung(step) for step in taken]
        signals = alerts.signals(
            self._conn, [step.id for step, rung in zip(taken, rungs, strict=True) if rung]
        )
        tellings: list[Telling] = []
        again: list[Next] = []
        for step, rung in zip(taken, rungs, strict=True):
            so_far = reached[step.id]
            told = self._told(step, rung, signals.get(step.id), so_far.ways)
            so_far.step += 1
            for one in told:
                so_far.ways[one.subscriber, one.channel] = one.address
            tellings.append(Telling(step, told, step=so_far.step, chases=True))
            ladder = self._ladder(step)
            if step.number >= len(ladder.steps) - 1:
                again.append(Next(step.due, self._now + ladder.again_every, ladder.again_every))
        tell(self._conn, self._bus, tellings, self._now)
        chased = {step.id: step.study for step in taken}
        alerts.note_changes(
            self._conn, [(study, alert, "chased") for alert, study in chased.items()]
        )
        moved = dues.move_on(self._conn, again)
        dues.settle(self._conn, [one.due for one in taken if one.due not in moved], self._now)

    def _ladder(self, alert: DueStep) -> Ladder:
        name = (alert.study, alert.routing_version, alert.ladder)
        if name not in self._ladders:
            routing = self._rules(alert).routing
            ladders = () if routing is None else routing.ladders
            found = (one for one in ladders if one.name == alert.ladder)
            self._ladders[name] = next(found, NO_LADDER)
        return self._ladders[name]

    def _rung(self, alert: DueStep) -> Step | None:
        """The step, if it may lead to others than those who were told already."""
        steps = self._ladder(alert).steps
        # A withdrawal concerns only those who got the original: it only repeats.
        if alert.ends or alert.number >= len(steps) or steps[alert.number].tell == "repeat":
            return None
        return steps[alert.number]

    def _rules(self, alert: DueStep) -> InForce:
        place = (alert.study, alert.routing_version)
        if place not in self._raised_by:
            self._raised_by[place] = as_of(self._conn, *place)
        return self._raised_by[place]

    def _told(
        self, alert: DueStep, rung: Step | None, signal: str | None, so_far: Ways
    ) -> list[Told]:
        """The route is frozen on the alert; an address that was corrected since is not."""
        others = () if rung is None else self._next(alert, rung, signal, so_far)
        present = self._addresses(alert.study)
        return [_at(present, one) for one in others] or _again(present, so_far)

    def _next(self, alert: DueStep, rung: Step, signal: str | None, so_far: Ways) -> Sequence[Told]:
        """Whom a step leads to; nobody, if that can no longer be told."""
        routing = self._rules(alert).routing
        if routing is None or signal is None:
            return ()
        try:
            asked = occasion(read_signal(signal), self._now)
        except ValueError:
            # A signal of another version of the contract must not hold up everybody's ladders.
            return ()
        names = list(dict.fromkeys(subscriber for subscriber, _ in so_far))
        return who_is_next(routing, rung, asked, names).told

    def _addresses(self, study: str) -> Ways:
        if study not in self._present:
            self._present[study] = in_force(self._conn, study).addresses
        return self._present[study]


def _at(present: Ways, told: Told) -> Told:
    address = present.get((told.subscriber, told.channel), told.address)
    return told if address == told.address else replace(told, address=address)


def _again(present: Ways, so_far: Ways) -> list[Told]:
    """Everybody told so far, each way once."""
    return [
        Told(*way, present.get(way, address), "reminder: not acknowledged")
        for way, address in so_far.items()
    ]
