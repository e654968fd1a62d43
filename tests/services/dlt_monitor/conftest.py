"""What the monitor's tests start from: one process on an empty database, and a trial to tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from services.dlt_monitor.app import create_app
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.services.dlt_monitor.service import Service
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


@pytest.fixture
def app(settings: Settings, engine: Engine, clock: ManualClock) -> Iterator[FastAPI]:
    with PostgresBus(engine) as bus:
        app = create_app(settings, engine, bus, clock)
        app.state.bus = bus
        yield app


@pytest.fixture
def service(
    app: FastAPI, engine: Engine, clock: ManualClock, live_server: Callable[[FastAPI], str]
) -> Iterator[Service]:
    service = Service(engine, clock, app.state.bus, live_server(app))
    with service.client:
        yield service
