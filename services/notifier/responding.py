"""What people do about an alert: see it, acknowledge it, write about it, hand it over, close it.

Everything here is done under the alert's lock, so that two people, or a person and a correction,
always end in one stated outcome: whoever comes second is told what the first has done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from services.notifier.inforce import in_force
from services.notifier.routing import Told
from services.notifier.store import acknowledgements, alerts, deliveries, dues, notes
from services.notifier.store.acknowledgements import Acknowledgement
from services.notifier.store.alerts import Alert
from services.notifier.store.deliveries import Delivery
from services.notifier.store.notes import Note
from services.notifier.telling import Telling, receipt, tell
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock

Outcome = Literal["recorded", "repeated", "stale", "closed"]
"""``repeated``: this person had already done so, whatever has happened to the alert since.
``closed``: the alert no longer stands; what followed it is to be acknowledged instead.
``stale``: the person saw another version than the present one."""

ENDED = ("superseded", "withdrawn")


@dataclass(frozen=True, slots=True)
class Person:
    """Who does something: the key, the name it was made for, and in which role."""

    key_id: str
    name: str
    role: str


class Responding:
    """The work behind the inbox. Every `alert` given is locked by the caller's transaction."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock

    def acknowledge(self, conn: Connection, alert: Alert, person: Person, version: int) -> Outcome:
        """Records that a person has taken the alert on; it is chased no more."""
        earlier = acknowledgements.of_alerts(conn, [alert.id])[alert.id]
        if any(seen.key_id == person.key_id for seen in earlier):
            return "repeated"
        if (refused := _refusal(alert, version)) is not None:
            return refused
        now = self._clock.now()
        acknowledgements.add(
            conn,
            alert,
            Acknowledgement(alert.id, person.key_id, person.name, person.role, version, now),
        )
        dues.void(conn, "step", [alert.id], now)
        self._inbox_receipt(conn, alert, "acknowledged", person, now)
        return "recorded"

    def close(
        self, conn: Connection, alert: Alert, person: Person, version: int, reason: str
    ) -> Outcome:
        """Ends the matter, for a stated reason; acknowledges the alert where nobody has."""
        if alert.state == "closed":
            return "repeated"
        if (refused := _refusal(alert, version)) is not None:
            return refused
        self.acknowledge(conn, alert, person, version)
        self._note(conn, alert, "closed", person, reason)
        alerts.set_state(conn, alert, "closed")
        return "recorded"

    def see(self, conn: Connection, alert: Alert, person: Person) -> None:
        """Records, once for each person, that they have opened the alert."""
        if self._note(conn, alert, "seen", person, ""):
            self._inbox_receipt(conn, alert, "seen", person, self._clock.now())

    def write(self, conn: Connection, alert: Alert, person: Person, text: str) -> None:
        """Adds a note."""
        self._note(conn, alert, "note", person, text)
        alerts.note_change(conn, alert.study, alert.id, "noted")

    def hand_over(
        self, conn: Connection, alert: Alert, person: Person, to: str, text: str
    ) -> list[Delivery] | None:
        """Makes somebody else look after the alert and tells them, by all their channels; None if
        the routing does not know them."""
        now = self._clock.now()
        routing = in_force(conn, alert.study).routing
        ways = [
            Told(one.name, one.channel, one.address, f"handed over by {person.name}")
            for one in (routing.recipients if routing else ())
            if one.name == to
        ]
        if not ways:
            return None
        step = deliveries.reached(conn, [alert.id])[alert.id].step + 1
        alerts.assign(conn, alert, to)
        self._note(conn, alert, "handed_over", person, f"to {to}: {text}".removesuffix(": "))
        return tell(conn, self._bus, [Telling(alert, ways, step=step)], now)

    def _note(
        self, conn: Connection, alert: Alert, kind: notes.Kind, person: Person, text: str
    ) -> bool:
        at = self._clock.now()
        note = Note(alert.id, kind, person.key_id, person.name, person.role, text, at)
        return notes.add(conn, note)

    def _inbox_receipt(
        self,
        conn: Connection,
        alert: Alert,
        state: Literal["seen", "acknowledged"],
        person: Person,
        at: datetime,
    ) -> None:
        by = f"by {person.name} ({person.role})"
        told = deliveries.of_alerts(conn, [alert.id])[alert.id]
        self._bus.publish(
            conn, [receipt(one, state, 0, at, by) for one in told if one.channel == "inbox"]
        )


def _refusal(alert: Alert, version: int) -> Literal["stale", "closed"] | None:
    if alert.state in ENDED:
        return "closed"
    return "stale" if version != alert.version else None
