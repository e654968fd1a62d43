"""Fixtures everyone uses: a real PostgreSQL for the session, a fresh database for each test.

Each database is a copy of one that has every schema migrated already, so a test pays for a file
copy and not for the migrations.
"""

import os
import shutil
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import hypothesis
import psutil
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from services import HISTORIES
from shared.runtime.clock import ManualClock
from shared.runtime.db import create_engine, migrate
from shared.runtime.embedded_postgres import EmbeddedPostgres
from shared.runtime.serving import serve
from shared.runtime.settings import Settings

pytest_plugins = ["tests.kafka_support", "tests.oidc_provider"]

TEMPLATE = "vigil_template"
PATIENCE_SECONDS = 60.0
"""A guard against hanging only: nothing here is about how fast this machine is."""

_numbers = count(1)

# The same examples every time: a change is not refused for what somebody else's change left behind.
# Looking for others is work of its own: `VIGIL_EXPLORE=1 make test`.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("default" if os.environ.get("VIGIL_EXPLORE") else "steady")


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's PostgreSQL; `postgres.url(name)` addresses one of its databases."""
    # Not pytest's own temporary folder: as root, the server's unprivileged user cannot enter it.
    folder = Path(tempfile.mkdtemp(prefix="vigil-test-"))
    with EmbeddedPostgres(folder) as server:
        _forget_the_disk(server)
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> Iterator[Callable[[], str]]:
    """Makes a migrated database and returns its URL; for tests that need more than one."""
    admin = create_engine(postgres.url("postgres"), application_name="tests")
    admin = admin.execution_options(isolation_level="AUTOCOMMIT")
    try:
        _make_template(admin, postgres)
    except BaseException:
        admin.dispose()
        raise

    def make() -> str:
        name = f"test_{next(_numbers)}"
        with admin.connect() as conn:
            conn.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"))
        return postgres.url(name)

    yield make
    admin.dispose()


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, new_database: Callable[[], str]) -> Iterator[str]:
    """A fresh, migrated database. Dropped afterwards, whoever is still connected."""
    url = new_database()
    yield url
    admin = create_engine(postgres.url("postgres"), application_name="tests")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text(f"DROP DATABASE {make_url(url).database} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the test's own database."""
    engine = create_engine(database_url, application_name="tests", pool_size=10, max_overflow=20)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings on the test's own database, without Kafka."""
    return Settings(database_url=database_url)


@pytest.fixture
def live_server() -> Iterator[Callable[[FastAPI], str]]:
    """Serves an app over real HTTP until the test ends; gives its base URL."""
    running: list[tuple[threading.Event, threading.Thread, int]] = []

    def start(app: FastAPI) -> str:
        stop, port = threading.Event(), _free_port()
        thread = threading.Thread(target=serve, args=(app, "127.0.0.1", port, stop), daemon=True)
        thread.start()
        running.append((stop, thread, port))
        _wait_for_port(port)
        return f"http://127.0.0.1:{port}"

    yield start
    # The last one first: it may still hold connections to those before it.
    for stop, thread, _ in reversed(running):
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive(), "the server did not stop"
    _nothing_left_open({port for _, _, port in running})


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that stands at 2026-01-15 12:00 UTC until the test moves it."""
    return ManualClock(datetime(2026, 1, 15, 12, tzinfo=UTC))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for what was left out and why: a skipped proof must not pass unseen."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    if reasons:
        told = "; ".join(f"{reason} ({number})" for reason, number in sorted(reasons.items()))
        terminalreporter.write_line(f"Left out: {told}")


def _forget_the_disk(server: EmbeddedPostgres) -> None:
    """No test pulls the plug, and each makes a database: waiting for the disk would prove nothing.

    What Vigil itself starts keeps the durable settings; `test_embedded_postgres` holds it to that.
    """
    admin = create_engine(server.url("postgres"), application_name="tests")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            conn.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        conn.execute(sa.text("SELECT pg_reload_conf()"))
    admin.dispose()


def _make_template(admin: Engine, postgres: EmbeddedPostgres) -> None:
    with admin.connect() as conn:
        conn.execute(sa.text(f"CREATE DATABASE {TEMPLATE}"))
    engine = create_engine(postgres.url(TEMPLATE), application_name="tests")
    try:
        for package in HISTORIES:
            migrate(engine, package)
    finally:
        engine.dispose()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _nothing_left_open(ports: set[int]) -> None:
    """Whoever asked a server that has ended closes the connection: left to the garbage collector,
    it would be the error of some later test."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := [
        one
        for one in psutil.Process().net_connections("tcp")
        if getattr(one.raddr, "port", None) in ports
    ]:
        assert time.monotonic() < deadline, f"never closed: {left}"
        time.sleep(0.02)


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError("the server did not start")
