"""What the monitor's tests start from: one process on an empty database, and a trial to tell it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.runtime.clock import ManualClock
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import DAY_1, Trial, at


@pytest.fixture
def clock() -> ManualClock:
    """Stands at noon of the day of the first dose."""
    return ManualClock(at(DAY_1))


@pytest.fixture
def station(engine: Engine, clock: ManualClock) -> Iterator[Station]:
    """A monitor with nothing in it."""
    station = Station(engine, clock)
    yield station
    station.close()


@pytest.fixture
def trial() -> Trial:
    return Trial()
