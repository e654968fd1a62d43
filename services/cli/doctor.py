"""`vigil doctor`: what this machine has of what Vigil can use, and what is missing for what."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from os import environ
from typing import Annotated

import sqlalchemy as sa
import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from services.cli.output import BAD, AsJson, out, say_json
from shared.runtime.db import create_engine
from shared.runtime.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from shared.runtime.scratch import temporary_folder
from shared.runtime.settings import Settings

_CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. Only what is ``needed`` makes the whole answer bad."""

    name: str
    ok: bool
    detail: str
    needed: bool


def doctor(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port Vigil would use.")] = 8000,
    as_json: AsJson = False,
) -> None:
    """Look at Python, the database, the broker and the tools around them."""
    checks = list(_checks(Settings.from_env(), port))
    if as_json:
        say_json(
            {
                "ok": all(one.ok or not one.needed for one in checks),
                "checks": [asdict(one) for one in checks],
            }
        )
    else:
        out.print(_table(checks))
    if any(one.needed and not one.ok for one in checks):
        raise typer.Exit(BAD)


def _table(checks: list[Check]) -> Table:
    table = Table("", "Check", "Found")
    for one in checks:
        style = "green" if one.ok else ("bold red" if one.needed else "yellow")
        mark = "ok" if one.ok else ("missing" if one.needed else "optional")
        table.add_row(Text(mark, style=style), one.name, one.detail)
    return table


def _checks(settings: Settings, port: int) -> Iterator[Check]:
    version = sys.version_info
    yield Check("Python", version >= (3, 11), sys.version.split()[0], needed=True)
    if settings.database_url is None:
        yield _embedded()
    else:
        yield _database(settings.database_url)
    if settings.kafka is not None:
        for address in settings.kafka.bootstrap_servers:
            yield _reachable(f"Kafka {address}", address)
    else:
        detail = "the database carries the events (KAFKA_BOOTSTRAP_SERVERS is not set)"
        yield Check("Event log", True, detail, needed=True)
    yield _mail_charts(environ.get("VIGIL_NOTIFIER_KEY", "").strip())
    yield _port(port)
    yield _tool("Java", ["java", "-version"], "a Kafka of your own for tests and the demo")
    yield _tool("Maven", ["mvn", "-v"], "fetching that Kafka")
    yield _tool("Docker", ["docker", "version", "--format", "{{.Server.Version}}"], "compose")


def _embedded() -> Check:
    name = "Embedded PostgreSQL"
    try:
        with (
            temporary_folder("vigil-doctor-") as folder,
            EmbeddedPostgres(folder / "data") as server,
        ):
            return Check(name, True, _server_version(server.url()), needed=True)
    except (EmbeddedPostgresError, SQLAlchemyError, OSError) as error:
        return Check(name, False, str(error), needed=True)


def _database(url: str) -> Check:
    try:
        return Check("Database", True, _server_version(url), needed=True)
    except SQLAlchemyError as error:
        # The driver's own words; the URL with its password stays out.
        words = str(getattr(error, "orig", "")).strip().splitlines() or ["it does not answer"]
        return Check("Database", False, f"{words[0]} (is DATABASE_URL right?)", needed=True)


def _server_version(url: str) -> str:
    engine = create_engine(url, application_name="vigil-doctor", pool_size=1)
    try:
        with engine.connect() as conn:
            return f"PostgreSQL {conn.execute(sa.text('SHOW server_version')).scalar_one()}"
    finally:
        engine.dispose()


def _reachable(name: str, address: str) -> Check:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
            return Check(name, True, "answers", needed=True)
    except OSError as error:
        return Check(name, False, f"does not answer: {error.strerror or error}", needed=True)


def _mail_charts(key: str) -> Check:
    if key:
        return Check("Charts in mails", True, "VIGIL_NOTIFIER_KEY is set", needed=False)
    detail = "VIGIL_NOTIFIER_KEY is not set; only needed where services run apart and a routing"
    return Check("Charts in mails", False, f"{detail} allows charts", needed=False)


def _port(port: int) -> Check:
    with socket.socket() as listener, suppress(OSError):
        listener.bind(("127.0.0.1", port))
        return Check(f"Port {port}", True, "free", needed=False)
    return Check(f"Port {port}", False, "in use; give another with --port", needed=False)


def _tool(name: str, command: list[str], purpose: str) -> Check:
    if shutil.which(command[0]) is None:
        return Check(name, False, f"not here; only needed for {purpose}", needed=False)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return Check(name, False, f"does not answer; only needed for {purpose}", needed=False)
    lines = (done.stdout or done.stderr).strip().splitlines()
    if done.returncode or not lines:
        return Check(name, False, f"does not work; only needed for {purpose}", needed=False)
    return Check(name, True, Text.from_ansi(lines[0]).plain, needed=False)
