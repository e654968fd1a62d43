"""Whether answers can be relied on: "nothing found" and "nothing looked at" must not look alike."""

from __future__ import annotations

from datetime import timedelta

from services.dlt_monitor.monitor import Monitor
from services.dlt_monitor.ticker import Ticker
from shared.runtime.clock import Clock
from shared.runtime.worker import Worker

LONGEST_SILENCE_SECONDS = 15.0
"""How long worker and ticker may go without having heard from bus and database."""

MOST_MESSAGES_BEHIND = 5_000
LONGEST_BEHIND = timedelta(seconds=60)
"""How far the facts applied last may lie back while others wait (by the machine's clock only: a
simulated one jumps)."""


class Freshness:
    """What this process knows of its own state."""

    def __init__(self, worker: Worker, ticker: Ticker, monitor: Monitor, clock: Clock) -> None:
        self._worker = worker
        self._ticker = ticker
        self._monitor = monitor
        self._clock = clock

    def complaint(self) -> str | None:
        """Why assessments may lack accepted facts or passed deadlines; None if they don't."""
        if not self._worker.ready(LONGEST_SILENCE_SECONDS):
            return "facts are not being applied"
        if not self._ticker.ready(LONGEST_SILENCE_SECONDS):
            return "deadlines are not being assessed"
        if self.lag > MOST_MESSAGES_BEHIND or self._is_behind():
            return "facts are applied too slowly"
        return None

    @property
    def lag(self) -> int:
        """Messages not yet applied, as last measured."""
        return self._worker.lag()

    def _is_behind(self) -> bool:
        if self.lag == 0 or self._clock.simulated:
            return False
        known = self._monitor.last_known_at
        return known is None or self._clock.now() - known > LONGEST_BEHIND
