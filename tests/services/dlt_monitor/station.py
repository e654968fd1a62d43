"""A monitor on a database of its own, driven step by step: no thread, no waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy import Engine

from services.dlt_monitor.monitor import GROUP, Monitor
from services.dlt_monitor.store import outputs, studies
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal, read_signal
from shared.contracts.topics import FACTS
from shared.runtime import outbox
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.worker import Worker
from tests.services.dlt_monitor.trial import STUDY, publish


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what another thread brings about."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        pause.wait(0.02)


@dataclass
class Station:
    """One monitoring process: bus, clock, monitor and the worker that feeds it."""

    engine: Engine
    clock: ManualClock
    batch_limit: int = 500
    bus: PostgresBus = field(init=False)
    monitor: Monitor = field(init=False)
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.bus = PostgresBus(self.engine)
        self.monitor = Monitor(self.bus, self.clock)
        self.worker = Worker(
            engine=self.engine,
            bus=self.bus,
            topic=FACTS.name,
            group=GROUP,
            handle=self.monitor.on_facts,
            on_parked=self.monitor.on_parked,
            clock=self.clock,
            batch_limit=self.batch_limit,
        )

    def feed(self, *facts: Iterable[Fact | Message]) -> None:
        """Publish each portion and apply everything that is on the topic."""
        for portion in facts:
            publish(self.engine, self.bus, portion)
            while self.worker.run_once():
                pass

    def tick(self) -> int:
        return self.monitor.on_tick(self.engine, self.clock.now())

    def row(self, study: str = STUDY) -> studies.StudyRow:
        with self.engine.connect() as conn:
            row = studies.study_row(conn, study)
        assert row is not None
        return row

    def assessment(self, study: str = STUDY) -> Assessment:
        with self.engine.connect() as conn:
            stored = outputs.latest_assessment(conn, study)
        assert stored is not None
        return Assessment.model_validate_json(stored.document)

    def assessments(self, study: str = STUDY) -> list[Assessment]:
        with self.engine.connect() as conn:
            stored = list(outputs.everything_said(conn, study))
        return [Assessment.model_validate_json(one.document) for one in stored if one.number]

    def standing(self, study: str = STUDY) -> set[str]:
        with self.engine.connect() as conn:
            return {signal.key for signal in outputs.standing_signals(conn, study)}

    def signals(self, study: str = STUDY) -> list[Signal]:
        with self.engine.connect() as conn:
            found = outputs.signals_after(conn, study, after=0, standing=None, limit=10_000)
        return [read_signal(one.document) for one in found]

    def published(self, topic: str) -> list[Message]:
        """What went out on a topic, in order."""
        with self.engine.connect() as conn:
            rows = conn.execute(
                sa.text(
                    "SELECT key, message_id, value, headers FROM bus.outbox"
                    " WHERE topic = :topic ORDER BY id"
                ),
                {"topic": topic},
            )
            return [outbox.message_of(topic, row) for row in rows]

    def close(self) -> None:
        self.worker.close()
        self.bus.close()
