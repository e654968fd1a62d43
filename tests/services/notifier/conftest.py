"""Fixtures of the notifier's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from bench.sink import HttpSink, http_sink
from services.notifier.alerting import Alerting
from services.notifier.app import create_app
from services.notifier.channels.email import EmailSender, MailServer
from services.notifier.chase import Chase
from services.notifier.illustrating import Illustrator
from services.notifier.monitor import Monitor
from services.notifier.outreach import Outreach, Patience
from services.notifier.responding import Responding
from services.notifier.settings import NotifierSettings
from services.notifier.watch import Watch
from shared.charts.drawer import Drawer
from shared.runtime.auth import create_key
from shared.runtime.clock import Clock, ManualClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.services.notifier.outreach_support import QUICK
from tests.services.notifier.support import (
    STUDY,
    FakeSender,
    MailSink,
    Raising,
    mail_sink,
    signals_worker,
)


@pytest.fixture
def bus(engine: Engine) -> Iterator[PostgresBus]:
    """The event log on the test's own database."""
    with PostgresBus(engine) as bus:
        yield bus


@pytest.fixture
def alerting(bus: PostgresBus, manual_clock: ManualClock) -> Alerting:
    """The work behind the inbox."""
    return Alerting(bus, manual_clock)


@pytest.fixture
def responding(bus: PostgresBus, manual_clock: ManualClock) -> Responding:
    """What people do about alerts."""
    return Responding(bus, manual_clock)


@pytest.fixture
def chase(engine: Engine, bus: PostgresBus, manual_clock: ManualClock) -> Chase:
    """What works due-time rows; it writes to an operator, too."""
    watch = Watch(bus, "operator@example.org")
    return Chase(engine=engine, bus=bus, clock=manual_clock, watch=watch)


@pytest.fixture
def raising(engine: Engine, bus: PostgresBus, manual_clock: ManualClock) -> Iterator[Raising]:
    """Raises signals the way the monitor does."""
    worker = signals_worker(engine, bus, manual_clock)
    yield Raising(engine, bus, worker)
    worker.close()


@pytest.fixture
def mailbox() -> Iterator[MailSink]:
    """A mail server."""
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def receiver() -> Iterator[HttpSink]:
    """A webhook receiver."""
    with http_sink() as sink:
        yield sink


@pytest.fixture
def app(
    engine: Engine,
    settings: Settings,
    bus: PostgresBus,
    manual_clock: ManualClock,
    mailbox: MailSink,
) -> FastAPI:
    return create_app(
        settings,
        engine=engine,
        bus=bus,
        clock=manual_clock,
        notifier_settings=NotifierSettings(
            mail=MailServer("127.0.0.1", mailbox.port, "smtp"),
            mail_sender="vigil@example.org",
            public_url="https://vigil.example.org",
            trusted_webhook_hosts=frozenset({"127.0.0.1"}),
        ),
        heartbeat=0.1,
    )


@pytest.fixture
def idle(app: FastAPI) -> TestClient:
    """The API alone: nothing is read from the bus and nothing is sent."""
    return TestClient(app)


@pytest.fixture
def running(app: FastAPI) -> Iterator[TestClient]:
    """The whole service."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def key(engine: Engine) -> Callable[..., dict[str, str]]:
    """Makes a key and gives the header that presents it."""

    def make(*roles: str, study: str = STUDY, name: str = "somebody") -> dict[str, str]:
        with engine.begin() as conn:
            made = create_key(conn, name, [(study, role) for role in roles])
        return {"Authorization": f"Bearer {made}"}

    return make


@pytest.fixture
def sender() -> FakeSender:
    """A channel that takes everything, unless told otherwise."""
    return FakeSender()


@pytest.fixture
def outreach(
    engine: Engine, bus: PostgresBus, manual_clock: ManualClock, sender: FakeSender
) -> Callable[..., Outreach]:
    """Makes an outreach; each one stands for a process."""

    def make(
        patience: Patience = QUICK,
        sender: FakeSender = sender,
        desk: FakeSender | None = None,
        clock: Clock = manual_clock,
        parallel: int = 8,
        per_lane: int = 4,
    ) -> Outreach:
        return Outreach(
            engine=engine,
            bus=bus,
            clock=clock,
            senders={"email": sender, "webhook": desk or sender},
            public_url="https://vigil.example.org",
            patience=patience,
            jitter=lambda: 0.0,
            parallel=parallel,
            per_lane=per_lane,
        )

    return make


# -- charts in mails -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawer() -> Iterator[Drawer]:
    """Draws for a file of tests: its process takes a second to start."""
    drawer = Drawer()
    yield drawer
    drawer.close()


@pytest.fixture
def illustrator(
    engine: Engine, manual_clock: ManualClock, drawer: Drawer
) -> Callable[..., Illustrator]:
    """Makes what draws; each one stands for a process."""

    def make(monitor: Monitor | None) -> Illustrator:
        return Illustrator(engine=engine, clock=manual_clock, monitor=monitor, drawer=drawer)

    return make


@pytest.fixture
def desk() -> FakeSender:
    """A webhook receiver beside the real mail."""
    return FakeSender()


@pytest.fixture
def sending(
    engine: Engine, bus: PostgresBus, manual_clock: ManualClock, mailbox: MailSink, desk: FakeSender
) -> Outreach:
    """Sends real mail; its Date stands still, so that the rest can be compared."""
    server = MailServer("127.0.0.1", mailbox.port, "smtp")
    still = ManualClock(manual_clock.now())
    return Outreach(
        engine=engine,
        bus=bus,
        clock=manual_clock,
        senders={
            "email": EmailSender(server, sender="vigil@example.org", clock=still),
            "webhook": desk,
        },
        public_url="https://vigil.example.org",
        patience=QUICK,
        jitter=lambda: 0.0,
    )
