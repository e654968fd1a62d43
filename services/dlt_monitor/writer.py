"""What keeps assessments up to date: facts as they arrive, and deadlines as they pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine

from services.dlt_monitor.monitor import GROUP, Monitor
from services.dlt_monitor.ticker import Ticker
from shared.contracts.topics import FACTS
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.telemetry import Metrics
from shared.runtime.web import worker_ready
from shared.runtime.worker import Worker

LONGEST_SILENCE_SECONDS = 15.0
"""How long worker and ticker may go without having heard from bus and database."""

MOST_FACTS = 2_000
"""In one transaction. An assessment costs much the same for one fact as for hundreds, so a monitor
that has fallen behind catches up by assessing less often."""


@dataclass(frozen=True, slots=True)
class State:
    """How a writer is: what is wrong with applying facts and with assessing deadlines (None if
    nothing), the messages not yet applied, and when the fact that was applied last was known."""

    facts: str | None
    deadlines: str | None
    lag: int
    last_known_at: datetime | None


class Writing(Protocol):
    """A writer, wherever it runs. Started once, and stopped before the bus."""

    def start(self) -> None:
        """Begin, in the background."""

    def stop(self) -> None:
        """Finish the transactions under way and end."""

    def state(self) -> State:
        """How it is, as far as this process knows."""


class Writer:
    """Worker and ticker in threads of this process."""

    def __init__(
        self, engine: Engine, bus: Bus, clock: Clock, metrics: Metrics | None = None
    ) -> None:
        self._monitor = Monitor(bus, clock)
        self.worker = Worker(
            engine=engine,
            bus=bus,
            topic=FACTS.name,
            group=GROUP,
            handle=self._monitor.on_facts,
            on_parked=self._monitor.on_parked,
            batch_limit=MOST_FACTS,
            clock=clock,
            metrics=metrics,
        )
        self._ticker = Ticker(self._monitor, engine, clock)
        self._facts_complaint = worker_ready(self.worker, LONGEST_SILENCE_SECONDS)

    def start(self) -> None:
        """Start both threads."""
        self.worker.start()
        self._ticker.start()

    def stop(self) -> None:
        """Finish the transactions under way and end."""
        self.worker.stop()
        self._ticker.stop()

    def state(self) -> State:
        """How it is."""
        ticks = self._ticker.ready(LONGEST_SILENCE_SECONDS)
        return State(
            facts=self._facts_complaint(),
            deadlines=None if ticks else "deadlines are not being assessed",
            lag=self.worker.lag(),
            last_known_at=self._monitor.last_known_at,
        )
