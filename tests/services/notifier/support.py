"""Builders for the notifier's tests: signals, and a mail server."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from services.notifier.alerting import Alerting
from services.notifier.channels import Outcome, Outgoing
from services.notifier.store import alerts, routings
from services.notifier.store.alerts import Alert
from services.notifier.store.routings import StoredRouting
from services.notifier.watch import GROUP
from shared.contracts.receipts import DeliveryReceipt
from shared.contracts.signals import Severity, Signal, SignalType
from shared.contracts.topics import RECEIPTS, SIGNALS
from shared.runtime.bus import Bus, Message
from shared.runtime.clock import Clock
from shared.runtime.worker import Worker

STUDY = "TRIAL-1"
OTHER = "TRIAL-2"
SUBJECT = "SUBJ-3-02"
WHEN = datetime(2026, 1, 15, 11, tzinfo=UTC)

ROUTING = f"""\
study: {STUDY}
recipients:
  - name: medical-monitor
    channel: email
    address: monitor@example.org
  - name: safety-desk
    channel: webhook
    address: https://desk.example.org/hook
rules:
  - name: everything-to-the-monitor
    tell: [medical-monitor]
  - name: urgent-to-the-desk
    severities: [urgent, critical]
    tell: [safety-desk]
"""

_numbers = count(1)


def signal(
    kind: SignalType = SignalType.DLT_CANDIDATE,
    *,
    id: str | None = None,
    study: str = STUDY,
    severity: Severity = "urgent",
    supersedes: str | None = None,
    ends: bool = False,
    dose_level: int | None = 3,
    site: str | None = None,
) -> Signal:
    """A signal about SUBJECT, with health detail in its text."""
    name = id or f"signal-{next(_numbers)}"
    return Signal(
        key=f"key-{name}",
        slot="slot",
        type=kind,
        severity=severity,
        subject=SUBJECT,
        dose_level=dose_level,
        site=site,
        rule="platelets-g4",
        at=WHEN,
        known_at=WHEN,
        text=f"{SUBJECT}: platelets 9 x10^9/L, grade 4, at 3 mg/kg",
        id=name,
        study=study,
        supersedes=supersedes,
        ends=ends,
        assessment_digest="sha256:00",
    )


def as_message(signal: Signal) -> Message:
    """The signal as the monitor publishes it."""
    return Message(SIGNALS.name, signal.study, signal.id, signal.model_dump_json().encode())


def set_routing(
    engine: Engine, text: str = ROUTING, *, study: str = STUDY, version: int = 1
) -> None:
    """Puts a routing in force without the API."""
    with engine.begin() as conn:
        routings.add(conn, StoredRouting(study, version, text, "test", WHEN))


def signals_worker(engine: Engine, bus: Bus, clock: Clock) -> Worker:
    """The service's worker, to be run in the test's own thread."""
    handle = Alerting(bus, clock).on_signals
    return Worker(
        engine=engine, bus=bus, topic=SIGNALS.name, group=GROUP, handle=handle, clock=clock
    )


@dataclass
class Raising:
    """Publishes signals and lets the worker handle them."""

    engine: Engine
    bus: Bus
    worker: Worker

    def __call__(self, *signals: Signal) -> None:
        self.publish(*map(as_message, signals))

    def publish(self, *messages: Message) -> None:
        with self.engine.begin() as conn:
            self.bus.publish(conn, messages)
        wait_for(lambda: self.worker.run_once(1.0))


def alert_of(engine: Engine, signal: Signal) -> Alert:
    """The alert of a signal."""
    with engine.connect() as conn:
        alert = alerts.by_signal(conn, signal.study, signal.id)
        assert alert is not None
        return alert


def receipts(engine: Engine) -> list[DeliveryReceipt]:
    """Every receipt that was published, in order."""
    with engine.connect() as conn:
        rows = conn.execute(
            sa.text("SELECT value FROM bus.outbox WHERE topic = :topic ORDER BY id"),
            {"topic": RECEIPTS.name},
        ).scalars()
        return [DeliveryReceipt.model_validate_json(bytes(value)) for value in rows]


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The condition's first true value; AssertionError if it does not come true in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        if value := condition():
            return value
        pause.wait(0.02)
    raise AssertionError("the condition did not come true")


@dataclass
class FakeSender:
    """A channel that answers as told, and remembers what it was given."""

    outcomes: list[Outcome] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    def send(self, message: Outgoing) -> Outcome:
        self.sent.append(message)
        return self.outcomes.pop(0) if self.outcomes else Outcome(True, "250 taken")


# -- mail -----------------------------------------------------------------------------------------


@dataclass
class MailSink:
    """A real SMTP server; `answers` are given to DATA, one each, then 250."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802 - the library calls it by this name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library calls it by this name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.received.append(envelope.original_content)
        self.recipients.extend(envelope.rcpt_tos)
        return "250 queued as 42"


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """Runs a mail server on a free port."""
    sink = MailSink()
    sink.port = _free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


# -- webhooks -------------------------------------------------------------------------------------


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            f" -subj /CN={name} -addext subjectAltName=DNS:{name}"
            f" -keyout {key.name} -out {certificate.name}"
        ).split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return certificate, key


# -- the API --------------------------------------------------------------------------------------

V1 = "/notifier/v1"


def slug(response: httpx2.Response) -> str:
    """The stable name of a problem."""
    return str(response.json()["type"]).removeprefix("urn:vigil:problem:")


def only_alert(client: TestClient, reader: dict[str, str]) -> dict[str, Any]:
    """The one alert the reader sees."""
    (alert,) = client.get(f"{V1}/alerts", headers=reader).json()["alerts"]
    return dict(alert)
