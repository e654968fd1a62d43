"""The passing of time, as a thread: DLT windows close although nothing arrives."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from sqlalchemy import Engine

from services.dlt_monitor.monitor import Monitor
from services.dlt_monitor.store import studies
from shared.runtime.clock import Clock, ClockError
from shared.runtime.db import is_outage
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

LONGEST_SLEEP_SECONDS = 1.0
"""Other processes may add nearer deadlines; also the pause after an outage."""

CLOCK_LOOK_SECONDS = 0.05
"""How often a simulated clock is looked at: it jumps, and cannot be slept towards."""


class Ticker:
    """Calls the monitor at every deadline. Any number of them may run at a time."""

    def __init__(self, monitor: Monitor, engine: Engine, clock: Clock) -> None:
        self._monitor = monitor
        self._engine = engine
        self._clock = clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_turn: float | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Finish the transaction under way and end. False if it did not within `timeout`."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.alive

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def ready(self, longest_silence: float = 30.0) -> bool:
        """True if the thread lives and has lately seen that no deadline is left behind."""
        last = self._last_turn
        return self.alive and last is not None and time.monotonic() - last <= longest_silence

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                now = self._clock.now()
                self._monitor.on_tick(self._engine, now)
                pause = self._pause(now)
            except ClockError as error:
                log.error("the simulated clock cannot be read", exc_info=error)
                self._stopping.wait(LONGEST_SLEEP_SECONDS)
            except Exception as error:
                log.log(30 if is_outage(error) else 40, "tick failed", exc_info=error)
                self._stopping.wait(LONGEST_SLEEP_SECONDS)
            else:
                self._last_turn = time.monotonic()
                self._sleep(now, pause)

    def _pause(self, now: datetime) -> float:
        """Seconds until there is something to do, as far as this process knows."""
        with self._engine.connect() as conn:
            deadline = studies.earliest_deadline(conn)
        if deadline is None or deadline <= now or self._clock.simulated:
            return LONGEST_SLEEP_SECONDS
        return min((deadline - now).total_seconds(), LONGEST_SLEEP_SECONDS)

    def _sleep(self, now: datetime, seconds: float) -> None:
        if not self._clock.simulated:
            self._stopping.wait(seconds)
            return
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stopping.wait(CLOCK_LOOK_SECONDS):
            if self._clock.now() != now:
                return
