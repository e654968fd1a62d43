"""Where Vigil's time goes: its stages one after the other in one thread, under the profiler.

CPU time of the thread, so that it does not matter what else the machine does; what the database
does meanwhile is in the wall clock's column only. The profiler slows Python down three to four
times and C not at all: shares are to be read as an order, the stages' totals come from a second
run without it.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from bench.load import BATCH, chunks, protocol_of, start_of_trial
from bench.systems import ROLES, ROOT, Ground
from services import HISTORIES
from services.dlt_monitor.monitor import GROUP as MONITOR
from services.dlt_monitor.monitor import Monitor
from services.ingest.api import wording
from services.ingest.intake.documents import next_version, version_of
from services.ingest.intake.reading import Reader
from services.ingest.intake.recording import record
from services.ingest.intake.settling import Submission, settle, studies_of
from services.ingest.store import LOCK_SPACE
from services.notifier.alerting import Alerting
from services.notifier.watch import GROUP as NOTIFIER
from shared.contracts.topics import FACTS, SIGNALS
from shared.runtime.auth import Grant, Principal
from shared.runtime.bus import Handler
from shared.runtime.clock import ManualClock
from shared.runtime.db import create_engine, lock_studies, migrate
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Limits
from shared.runtime.worker import Worker

STAGES = ("read", "record", "assess", "alert")
_TRACE = "00-" + "1" * 32 + "-" + "1" * 16 + "-01"


@dataclass(slots=True)
class Stage:
    """One stage's times in seconds, and what the profiler saw of it."""

    cpu: float = 0.0
    wall: float = 0.0
    profile: cProfile.Profile | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts what happens inside."""
        wall, cpu = time.perf_counter(), time.thread_time()
        if self.profile is not None:
            self.profile.enable()
        try:
            yield
        finally:
            if self.profile is not None:
                self.profile.disable()
            self.cpu += time.thread_time() - cpu
            self.wall += time.perf_counter() - wall


@dataclass(frozen=True, slots=True)
class Consumer:
    """A function and its share of its stage's CPU time, all that it calls included."""

    where: str
    share: float


@dataclass(slots=True)
class Profile:
    """The stages, for so many events."""

    events: int = 0
    stages: dict[str, Stage] = field(default_factory=dict)

    def top(self, stage: str, most: int) -> list[Consumer]:
        """The project's functions that take most of a stage."""
        profile = self.stages[stage].profile
        assert profile is not None
        stats = pstats.Stats(profile)
        rows = [
            (cumulative, Path(file), name)
            for (file, _line, name), (_, _, _, cumulative, _) in stats.stats.items()  # type: ignore[attr-defined]
            if file.startswith((str(ROOT / "shared"), str(ROOT / "services")))
        ]
        rows.sort(key=lambda row: -row[0])
        total = rows[0][0]
        return [
            Consumer(f"{file.relative_to(ROOT)}: {name}", cumulative / total)
            for cumulative, file, name in rows[:most]
        ]


def measure(ground: Ground, studies: int, events: int | None, *, profiled: bool) -> Profile:
    """The demo as so many studies through all four stages, chunk by chunk."""
    name = "profile_with" if profiled else "profile_without"
    engine = create_engine(ground.new_database(name), application_name="bench")
    for package in HISTORIES:
        migrate(engine, package)
    line = _Line(engine, profiled)
    try:
        return line.run([f"P-{number}" for number in range(studies)], events)
    finally:
        line.close()
        engine.dispose()


class _Line:
    """The services' own parts, driven by hand."""

    def __init__(self, engine: Engine, profiled: bool) -> None:
        self._engine = engine
        self._bus = PostgresBus(engine)
        self._clock = ManualClock(start_of_trial())
        self._reader = Reader(Limits(), replaying=True)
        self._monitor = self._worker(FACTS.name, MONITOR, Monitor(self._bus, self._clock).on_facts)
        alerting = Alerting(self._bus, self._clock)
        self._notifier = self._worker(SIGNALS.name, NOTIFIER, alerting.on_signals)
        self._profile = Profile(
            stages={
                name: Stage(profile=cProfile.Profile(time.thread_time) if profiled else None)
                for name in STAGES
            }
        )

    def run(self, studies: list[str], events: int | None) -> Profile:
        for study in studies:
            self._put_protocol(study)
        self._drain(Stage(), Stage())
        stages = self._profile.stages
        for wave in zip(*(chunks(study, limit=events) for study in studies), strict=True):
            self._clock.set(wave[-1].known)
            for study, chunk in zip(studies, wave, strict=True):
                with stages["read"].running():
                    submission = self._submission(study, chunk.body)
                with stages["record"].running():
                    self._record(submission)
                self._profile.events += chunk.events
            self._drain(stages["assess"], stages["alert"])
        return self._profile

    def close(self) -> None:
        """Gives the connections back."""
        self._monitor.close()
        self._notifier.close()

    def _worker(self, topic: str, group: str, handle: Handler) -> Worker:
        return Worker(
            engine=self._engine,
            bus=self._bus,
            topic=topic,
            group=group,
            handle=handle,
            clock=self._clock,
            batch_limit=BATCH,
        )

    def _submission(self, study: str, body: bytes) -> Submission:
        grants = frozenset(Grant(study, role) for role in ROLES)
        numbers, items = self._reader.lines(body, Principal("key", "bench", grants))
        return Submission(items, "key", _TRACE, partial(wording.lines, numbers))

    def _put_protocol(self, study: str) -> None:
        text = protocol_of(study).decode()
        made = next_version(
            text,
            study=study,
            version=version_of(text, study),
            revision=1,
            actor="bench",
            time=self._clock.now().isoformat(),
        )
        self._record(Submission([made], "key", _TRACE, wording.one))

    def _record(self, submission: Submission) -> None:
        with self._engine.begin() as conn:
            lock_studies(conn, studies_of([submission]), space=LOCK_SPACE)
            settled = settle(conn, self._bus, [submission], self._clock.now(), record)
        if any(outcome.status >= 300 for one in settled for outcome in one.outcomes):
            raise RuntimeError("an event was refused")

    def _drain(self, assess: Stage, alert: Stage) -> None:
        for stage, worker in ((assess, self._monitor), (alert, self._notifier)):
            with stage.running():
                while worker.run_once():
                    pass
