"""Whether answers can be relied on: "nothing found" and "nothing looked at" must not look alike."""

from __future__ import annotations

from datetime import timedelta

from services.dlt_monitor.writer import State, Writing
from shared.runtime.clock import Clock

MOST_MESSAGES_BEHIND = 5_000
LONGEST_BEHIND = timedelta(seconds=60)
"""How far the facts applied last may lie back while others wait (by the machine's clock only: a
simulated one jumps)."""


class Freshness:
    """What this process knows of whoever writes."""

    def __init__(self, writing: Writing, clock: Clock) -> None:
        self._writing = writing
        self._clock = clock

    def complaint(self) -> str | None:
        """Why assessments may lack accepted facts or passed deadlines; None if they don't."""
        state = self._writing.state()
        if state.facts is not None:
            return "facts are not being applied"
        if state.deadlines is not None:
            return "deadlines are not being assessed"
        if state.lag > MOST_MESSAGES_BEHIND or self._is_behind(state):
            return "facts are applied too slowly"
        return None

    @property
    def lag(self) -> int:
        """Messages not yet applied, as last measured."""
        return self._writing.state().lag

    def _is_behind(self, state: State) -> bool:
        if state.lag == 0 or self._clock.simulated:
            return False
        known = state.last_known_at
        return known is None or self._clock.now() - known > LONGEST_BEHIND
