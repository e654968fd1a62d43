"""The passing of time, as a thread: DLT windows close although nothing arrives."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import Engine

from services.dlt_monitor.monitor import Monitor
from services.dlt_monitor.store import studies
from shared.runtime.clock import Clock, ClockError
from shared.runtime.db import is_outage
from shared.runtime.polling import Polling
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

LONGEST_SLEEP_SECONDS = 1.0
"""Other processes may add nearer deadlines."""

CLOCK_LOOK_SECONDS = 0.05
"""How often a simulated clock is looked at: it jumps, and cannot be slept towards."""


class Ticker:
    """Calls the monitor at every deadline. Any number of them may run at a time."""

    def __init__(self, monitor: Monitor, engine: Engine, clock: Clock) -> None:
        self._monitor = monitor
        self._engine = engine
        self._clock = clock
        self._ticked: datetime | None = None
        self._again = 0.0
        self._polling = Polling("ticker", self._turn, on_error=_failed)

    def start(self) -> None:
        """Start the thread."""
        self._polling.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Finish the transaction under way and end. False if it did not within `timeout`."""
        return self._polling.stop(timeout)

    def ready(self, longest_silence: float = 30.0) -> bool:
        """True if the thread lives and has lately seen that no deadline is left behind."""
        return self._polling.ready(longest_silence)

    def _turn(self) -> float:
        """One tick, unless a simulated clock stands where it stood a moment ago."""
        now = self._clock.now()
        if not self._clock.simulated:
            self._monitor.on_tick(self._engine, now)
            return self._pause(now)
        if now != self._ticked or time.monotonic() >= self._again:
            self._monitor.on_tick(self._engine, now)
            self._ticked, self._again = now, time.monotonic() + LONGEST_SLEEP_SECONDS
        return CLOCK_LOOK_SECONDS

    def _pause(self, now: datetime) -> float:
        """Seconds until there is something to do, as far as this process knows."""
        with self._engine.connect() as conn:
            deadline = studies.earliest_deadline(conn)
        if deadline is None or deadline <= now:
            return LONGEST_SLEEP_SECONDS
        return min((deadline - now).total_seconds(), LONGEST_SLEEP_SECONDS)


def _failed(error: Exception) -> None:
    if isinstance(error, ClockError):
        log.error("the simulated clock cannot be read", exc_info=error)
    else:
        log.log(30 if is_outage(error) else 40, "tick failed", exc_info=error)
