"""Plays a time line of alerts (a file of `alerts/`) against the notifier, a mail server and a
webhook receiver that are real, on a clock that goes from one due moment to the next.

Everything that arrives must be wanted, once and in time; everything wanted must arrive.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Annotated, Literal

import sqlalchemy as sa
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict
from sqlalchemy import Engine

from bench.sink import HttpSink
from services.notifier.channels.email import EmailSender, MailServer
from services.notifier.channels.webhook import WebhookSender, new_secret
from services.notifier.chase import Chase
from services.notifier.outreach import Outreach, Patience
from services.notifier.responding import Person, Responding
from services.notifier.routing import load_routing
from services.notifier.store import alerts, routings
from services.notifier.store.alerts import Alert
from services.notifier.watch import Watch
from shared.contracts.signals import Severity, SignalType
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock, SystemClock
from shared.runtime.postgres_bus import PostgresBus
from tests.services.notifier.ladder_support import drain
from tests.services.notifier.outreach_support import send_all
from tests.services.notifier.support import (
    STUDY,
    MailSink,
    as_message,
    set_routing,
    signal,
    signals_worker,
    wait_for,
)

FILES = Path(__file__).parent / "alerts"
DOWN = 503
PATIENCE = Patience(longest=timedelta(hours=4))
"""Fewer tries than an installation makes, to play two days of them."""
_NEXT = sa.text(
    "SELECT min(due_at) FROM (SELECT due_at FROM notifier.due WHERE state = 'waiting'"
    " UNION ALL SELECT due_at FROM notifier.delivery WHERE state IN ('pending', 'failed')) AS d"
    " WHERE due_at > :now"
)


def _span(text: str) -> timedelta:
    """``1h30m`` and the like."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    return timedelta(**{units[unit]: int(n) for n, unit in re.findall(r"(\d+)([smhd])", text)})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


After = Annotated[timedelta, BeforeValidator(_span)]


class Push(_Part):
    """A signal as the monitor sends it; `again`: the log carries it twice."""

    signal: str
    type: SignalType
    severity: Severity
    supersedes: str | None = None
    ends: bool = False
    again: bool = False


class Row(_Part):
    """What is done `at` a moment; how alerts stand then; or what arrives `between` two."""

    at: After | None = None
    push: tuple[Push, ...] = ()
    acknowledge: dict[str, str] = {}
    desk: Literal["down", "up"] | None = None
    restart: bool = False
    alerts: dict[str, str] = {}
    between: tuple[After, After] | None = None
    want: tuple[str, ...] = ()


class Timeline(_Part):
    """A file. `routing` is added to the common one; nothing else arrives `until` the end."""

    says: str
    begins: datetime
    until: After
    routing: str = ""
    timeline: tuple[Row, ...]


class Arrival(_Part):
    """What somebody got, in the words of a time line: whom, and what it says."""

    after: timedelta
    text: str


def read(name: str) -> Timeline:
    """A time line by its file's name."""
    return Timeline.model_validate(yaml.safe_load((FILES / name).read_text("utf-8")))


class Stage:
    """One installation, and all that left it."""

    def __init__(
        self, engine: Engine, clock: ManualClock, told: Timeline, mail: MailSink, desk: HttpSink
    ) -> None:
        self._engine, self._clock, self._told = engine, clock, told
        self._mail, self._desk = mail, desk
        self._is_down = False
        self._arrived: list[Arrival] = []
        self._ids: list[str] = []
        self._clock.set(told.begins)
        common = (FILES / "common" / "routing.yaml").read_text("utf-8")
        routing = common.replace("DESK", desk.url) + told.routing
        load_routing(routing, study=STUDY)
        set_routing(engine, routing)
        with engine.begin() as conn:
            routings.set_secret(conn, STUDY, "desk", new_secret(), told.begins)
        self._boot()

    def _boot(self) -> None:
        engine, clock = self._engine, self._clock
        machine, server = SystemClock(), MailServer("127.0.0.1", self._mail.port, "smtp")
        self._bus = PostgresBus(engine)
        self._worker = signals_worker(engine, self._bus, clock)
        watch = Watch(self._bus, "operator@example.org")
        self._chase = Chase(engine=engine, bus=self._bus, clock=clock, watch=watch)
        self._outreach = Outreach(
            engine=engine,
            bus=self._bus,
            clock=clock,
            senders={
                "email": EmailSender(server, sender="vigil@example.org", clock=machine),
                "webhook": WebhookSender(clock=machine, trusted_hosts=("127.0.0.1",)),
            },
            public_url="https://vigil.example.org",
            patience=PATIENCE,
            jitter=lambda: 0.0,
        )

    # -- playing --------------------------------------------------------------------------------

    def play(self) -> None:
        """Asserts that all happens as the time line says, and nothing besides."""
        for row in self._told.timeline:
            if row.at is not None:
                self._go_to(row.at)
                self._do(row)
                self._work()
                for name, state in row.alerts.items():
                    assert (name, self._alert(name).state) == (name, state)
        self._go_to(self._told.until)
        self._work()
        self._worker.close()
        left = list(self._arrived)
        for row in self._told.timeline:
            for text in row.want:
                self._take(left, row, text)
        assert not left, f"arrived, and nobody wanted it: {left}"
        assert len(set(self._ids)) == len(self._ids), "a webhook arrived twice"

    def _take(self, left: list[Arrival], row: Row, text: str) -> None:
        assert row.between is not None
        first, last = row.between
        found = [one for one in left if one.text == text and first <= one.after <= last]
        assert found, f"{text!r} did not arrive between {first} and {last}; left: {left}"
        left.remove(found[0])

    def _go_to(self, after: timedelta) -> None:
        goal = self._told.begins + after
        while (due := self._next()) is not None and due < goal:
            self._clock.set(due)
            self._work()
        self._clock.set(goal)

    def _next(self) -> datetime | None:
        with self._engine.connect() as conn:
            found: datetime | None = conn.execute(_NEXT, {"now": self._clock.now()}).scalar()
            return found

    def _do(self, row: Row) -> None:
        if row.restart:
            self._worker.close()
            self._boot()
        if row.desk is not None:
            self._is_down = row.desk == "down"
        for push in row.push:
            self._push(push)
        for name, who in row.acknowledge.items():
            self._acknowledge(name, who)

    def _push(self, push: Push) -> None:
        sent = as_message(
            signal(
                push.type,
                id=push.signal,
                severity=push.severity,
                supersedes=push.supersedes,
                ends=push.ends,
            )
        )
        name = f"{sent.id}-again" if push.again else sent.id
        with self._engine.begin() as conn:
            self._bus.publish(conn, [Message(sent.topic, sent.key, name, sent.value)])
        wait_for(lambda: self._worker.run_once(1.0))

    def _acknowledge(self, name: str, who: str) -> None:
        alert = self._alert(name)
        with self._engine.begin() as conn:
            locked = alerts.by_id(conn, alert.id, lock=True)
            assert locked is not None
            person = Person(f"key-{who}", who, "medical_monitor")
            acting = Responding(self._bus, self._clock)
            assert acting.acknowledge(conn, locked, person, locked.version) == "recorded"

    def _alert(self, name: str) -> Alert:
        with self._engine.connect() as conn:
            found = alerts.by_signal(conn, STUDY, name)
        assert found is not None
        return found

    # -- what leaves ----------------------------------------------------------------------------

    def _work(self) -> None:
        """All that is due: ladders, the auditor, and each delivery."""
        drain(self._chase)
        self._chase.audit()
        self._desk.answers = [(DOWN, {}, b"")] * 100 if self._is_down else []
        send_all(self._outreach)
        after = self._clock.now() - self._told.begins
        texts = [_mail(one) for one in self._mail.received]
        if not self._is_down:
            texts += [_post(body) for _, body in self._desk.requests]
            self._ids += [headers["webhook-id"] for headers, _ in self._desk.requests]
        self._arrived += [Arrival(after=after, text=text) for text in texts]
        self._mail.received.clear()
        self._desk.requests.clear()


def _mail(content: bytes) -> str:
    mail = message_from_bytes(content, policy=policy.default)
    said = str(mail["Subject"]).strip().removeprefix("Vigil: ").removesuffix(f", study {STUDY}")
    return f"{str(mail['To']).partition('@')[0]}: {said}"


def _post(body: bytes) -> str:
    event = json.loads(body)
    reminder = ", reminder" if event["data"]["reminder"] else ""
    return f"desk: {event['type']}{reminder}"
