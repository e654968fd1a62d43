"""What alerts cost: a signal's way to a webhook, and a turn over ten thousand ladders.

The way is measured from publishing the signal to the body at the receiver, at a steady rate, beside
a bare relay: a row inserted, polled and posted over a connection that stays open. The turn is
measured beside one empty look at the same index, and beside a COPY of as many rows as it writes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import Any

import httpx2
import sqlalchemy as sa
from sqlalchemy import Engine

from bench.bare import wait_for
from bench.sink import HttpSink, http_sink
from bench.systems import Ground
from services import HISTORIES
from services.notifier.alerting import Alerting
from services.notifier.channels.webhook import WebhookSender, new_secret
from services.notifier.chase import Chase
from services.notifier.outreach import Outreach
from services.notifier.store import routings
from services.notifier.store.routings import StoredRouting
from services.notifier.watch import GROUP
from shared.contracts.signals import Signal, SignalType
from shared.contracts.topics import SIGNALS
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock, SystemClock
from shared.runtime.db import copy_rows, create_engine, migrate
from shared.runtime.heap import leaving_out_what_lasts
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.worker import Worker

STUDY = "BENCH-1"
RATE = 50
BATCH = 500
LOOKS = 50
ROUTING = """\
study: BENCH-1
recipients: [{{name: desk, channel: webhook, address: "{url}"}}]
rules: [{{name: all, tell: [desk]}}]
ladders: [{{name: all, steps: [{{after: 15m, tell: repeat}}]}}]
"""


@dataclass(frozen=True, slots=True)
class Size:
    """Open alerts with ladders, and signals sent one by one."""

    ladders: int
    signals: int


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds: a turn with nothing due and an empty look; a turn with all due and a COPY of as
    many rows; each signal's way, and each row's by the bare relay."""

    idle: float
    look: float
    due: float
    copy: float
    bare: list[float]
    vigil: list[float]


def percentile(seconds: Sequence[float], number: int) -> float:
    """Milliseconds."""
    return quantiles(seconds, n=100, method="inclusive")[number - 1] * 1000


def measure(ground: Ground, size: Size) -> Result:
    """On a database of its own, one after the other."""
    engine = create_engine(ground.new_database("notifier"), application_name="bench")
    for package in HISTORIES:
        migrate(engine, package)
    try:
        with PostgresBus(engine) as bus, http_sink(keeps=True) as sink:
            _set_routing(engine, sink.url)
            bare = _bare(engine, sink, size)
            vigil = _vigil(engine, bus, sink, size)
            return Result(*_turns(engine, bus, size), bare, vigil)
    finally:
        engine.dispose()


# -- turns ---------------------------------------------------------------------------------------


def _turns(engine: Engine, bus: PostgresBus, size: Size) -> tuple[float, float, float, float]:
    clock = ManualClock(datetime(2026, 1, 15, 12, tzinfo=UTC))
    alerting, chase = Alerting(bus, clock), Chase(engine=engine, bus=bus, clock=clock)
    for first in range(0, size.ladders, BATCH):
        numbers = range(first, min(first + BATCH, size.ladders))
        with engine.begin() as conn:
            alerting.on_signals(conn, [_message(f"ladder-{n}") for n in numbers])
    idle = median(_seconds(chase.run_once) for _ in range(LOOKS))
    look = median(_seconds(lambda: _look(engine, clock)) for _ in range(LOOKS))
    clock.advance(timedelta(minutes=15))
    due = _seconds(lambda: _drain(chase))
    return idle, look, due, _seconds(lambda: _copy(engine, size.ladders))


def _drain(chase: Chase) -> None:
    """As the service does: two turns side by side, and nothing looked at in vain for garbage."""
    with leaving_out_what_lasts(), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: _work(chase), range(2)))


def _work(chase: Chase) -> None:
    while chase.run_once():
        continue


def _look(engine: Engine, clock: ManualClock) -> None:
    query = "SELECT id FROM notifier.due WHERE kind = 'step' AND state = 'waiting'"
    with engine.begin() as conn:
        conn.execute(
            sa.text(query + " AND due_at <= :now ORDER BY urgency, due_at LIMIT 1"),
            {"now": clock.now()},
        )


def _copy(engine: Engine, rows: int) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text("CREATE TABLE bare_delivery (id text PRIMARY KEY, line text)"))
        copy_rows(
            conn, "public.bare_delivery", ("id", "line"), ((f"{n}", "x" * 400) for n in range(rows))
        )


# -- the way to a webhook ------------------------------------------------------------------------

Times = dict[str, float]


def _first_arrivals(sink: HttpSink, of: int) -> Times:
    """When each body came, by its ``webhook-id``, once so many have."""
    wait_for("every body", lambda: len(sink.requests) >= of)
    ids = [headers["webhook-id"] for headers, _ in sink.requests]
    return dict(zip(reversed(ids), reversed(sink.arrived), strict=True))


def _vigil(engine: Engine, bus: PostgresBus, sink: HttpSink, size: Size) -> list[float]:
    clock = SystemClock()
    handle = Alerting(bus, clock).on_signals
    sender = WebhookSender(clock=clock, trusted_hosts=("127.0.0.1",))
    outreach = Outreach(
        engine=engine,
        bus=bus,
        clock=clock,
        senders={"webhook": sender},
        public_url="https://vigil.example.org",
    )
    worker = Worker(
        engine=engine,
        bus=bus,
        topic=SIGNALS.name,
        group=GROUP,
        handle=handle,
        clock=clock,
        on_applied=outreach.wake,
    )
    worker.start()
    outreach.start()
    began: Times = {}

    def publish(name: str) -> None:
        began[name] = time.monotonic()
        with engine.begin() as conn:
            bus.publish(conn, [_message(name)])
        bus.wake()

    try:
        wait_for("the reader", worker.ready)
        sink.requests.clear()
        sink.arrived.clear()
        _steadily(publish, size.signals)
        arrived = _first_arrivals(sink, size.signals)
    finally:
        worker.stop()
        outreach.stop()
    with engine.connect() as conn:
        rows = conn.execute(sa.text("SELECT id, signal_id FROM notifier.delivery"))
        names = {row.id: row.signal_id for row in rows}
    return [at - began[names[delivery]] for delivery, at in arrived.items()]


def _bare(engine: Engine, sink: HttpSink, size: Size) -> list[float]:
    with engine.begin() as conn:
        conn.execute(
            sa.text("CREATE TABLE bare_row (n bigserial PRIMARY KEY, name text, line text)")
        )
    began: Times = {}
    stop = threading.Event()

    def publish(name: str) -> None:
        began[name] = time.monotonic()
        with engine.begin() as conn:
            conn.execute(
                sa.text("INSERT INTO bare_row (name, line) VALUES (:name, :line)"),
                {"name": name, "line": "x" * 400},
            )

    def relay() -> None:
        last = 0
        with httpx2.Client(trust_env=False) as client:
            while not stop.wait(0.02):
                with engine.connect() as conn:
                    query = sa.text("SELECT n, name, line FROM bare_row WHERE n > :last ORDER BY n")
                    rows = conn.execute(query, {"last": last}).all()
                for row in rows:
                    client.post(sink.url, content=row.line, headers={"webhook-id": row.name})
                    last = row.n

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    _steadily(publish, size.signals)
    arrived = _first_arrivals(sink, size.signals)
    stop.set()
    thread.join()
    return [at - began[name] for name, at in arrived.items()]


def _steadily(publish: Any, signals: int) -> None:
    start = time.monotonic()
    for number in range(signals):
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        publish(f"way-{number}")


# -- parts ---------------------------------------------------------------------------------------


def _set_routing(engine: Engine, url: str) -> None:
    now = datetime.now(UTC)
    with engine.begin() as conn:
        routings.add(conn, StoredRouting(STUDY, 1, ROUTING.format(url=url), "bench", now))
        routings.set_secret(conn, STUDY, "desk", new_secret(), now)


def _message(name: str) -> Message:
    now = datetime.now(UTC)
    signal = Signal(
        key=name,
        slot=name,
        type=SignalType.TOXICITY_SEVERE,
        severity="urgent",
        subject="1-01",
        dose_level=1,
        rule="platelets-g4",
        at=now,
        known_at=now,
        text="1-01: platelets grade 4",
        id=name,
        study=STUDY,
        assessment_digest="sha256:00",
    )
    return Message(SIGNALS.name, STUDY, name, signal.model_dump_json().encode())


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
