"""The threads that chase: what is said of them while one of the two cannot work."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from services.notifier.chase import Chase
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from tests.services.notifier.support import Raising, set_routing, signal, wait_for

LOOKS = 4
"""In a turn with nothing to do: for steps, a digest, a weekly test, and what is stuck."""


class Clock(ManualClock):
    """Fails for the named thread, and counts what the others ask."""

    def __init__(self, start: datetime, failing: str) -> None:
        super().__init__(start)
        self.failing: str | None = failing
        self.asked = 0

    def now(self) -> datetime:
        if threading.current_thread().name == self.failing:
            raise RuntimeError("no time for you")
        self.asked += 1
        return super().now()


@pytest.mark.parametrize("failing", ["chase", "chase-helper"])
def test_chasing_is_current_only_while_both_threads_work(
    engine: Engine, bus: PostgresBus, manual_clock: ManualClock, failing: str
) -> None:
    clock = Clock(manual_clock.now(), failing)
    chase = Chase(engine=engine, bus=bus, clock=clock)
    chase.start()
    try:
        wait_for(lambda: clock.asked > (LOOKS if failing == "chase-helper" else 1))
        assert not chase.current
        clock.failing = None
        wait_for(lambda: chase.current)
    finally:
        assert chase.stop()
    assert not chase.current


@pytest.mark.parametrize(
    "statement", ["DELETE FROM notifier.alert", "TRUNCATE notifier.{} CASCADE"]
)
def test_an_alert_is_never_removed(engine: Engine, raising: Raising, statement: str) -> None:
    """Its deliveries rest on that, whoever asks and however."""
    set_routing(engine)
    raising(signal())
    with (
        pytest.raises(sa.exc.IntegrityError, match="never removed"),
        engine.begin() as conn,
    ):
        conn.execute(sa.text(statement.format("alert")))
