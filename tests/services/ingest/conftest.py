"""An ingest service on the test's own database, over real HTTP, and keys to send with."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from services.ingest.app import create_app
from shared.runtime.auth import create_key
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.services.ingest.support import STUDY, NewSender, Sender


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def bus(engine: Engine) -> Iterator[PostgresBus]:
    with PostgresBus(engine) as bus:
        yield bus


@pytest.fixture
def app(settings: Settings, engine: Engine, bus: PostgresBus, clock: Clock) -> FastAPI:
    return create_app(settings, engine, bus, clock)


@pytest.fixture
def client(live_server: Callable[[FastAPI], str], app: FastAPI) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=live_server(app), timeout=30) as client:
        yield client


@pytest.fixture
def sender(engine: Engine, client: httpx2.Client) -> NewSender:
    """Makes somebody: `sender("auditor")`, `sender(("S2", "edc_source"), source="urn:x")`."""

    def make(
        *grants: str | tuple[str, str], source: str | None = None, name: str = "Somebody"
    ) -> Sender:
        wanted = [grant if isinstance(grant, tuple) else (STUDY, grant) for grant in grants]
        with engine.begin() as conn:
            return Sender(client, create_key(conn, name, wanted, source))

    return make


@pytest.fixture
def edc(sender: NewSender) -> Sender:
    return sender("edc_source")
