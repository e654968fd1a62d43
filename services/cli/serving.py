"""`vigil serve`, `vigil run`, `vigil migrate`: the services, all in one process or one by one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Annotated, Literal

import typer
from fastapi import FastAPI

from services import HISTORIES
from services.cli.database import DatabaseUrl, DataDir, command_engine
from services.cli.output import UNAVAILABLE, USAGE, AsJson, err, fail, say_json, say_lines
from shared.runtime.carrier import bus_from_settings
from shared.runtime.clock import clock_from_settings
from shared.runtime.db import create_engine
from shared.runtime.db import migrate as migrate_schema
from shared.runtime.serving import serve as serve_app
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics, configure_logging

ServiceName = Literal["ingest", "dlt_monitor", "notifier", "console"]

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


def serve(
    database_url: DatabaseUrl = None,
    kafka: Annotated[
        str | None,
        typer.Option(
            "--kafka",
            envvar="KAFKA_BOOTSTRAP_SERVERS",
            show_envvar=True,
            help="Brokers (host:port,...); without them the database carries the events.",
        ),
    ] = None,
    data_dir: DataDir = None,
    study: Annotated[
        list[str] | None,
        typer.Option("--study", help="At the very first start, make a key per role for it."),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Run all services and the console on one port."""
    from services.embedded import Embedded

    settings = _settings(database_url, kafka, data_dir)
    configure_logging(settings.log_level)
    _check_address(host, port)
    with Embedded(settings, host=host, port=port, writer_apart=True) as vigil:
        keys = vigil.first_keys(study or [])
        if keys:
            err.print("Keys, shown this once:")
            for made in keys:
                err.print(f"  {made.study}  {made.role:<17}{made.key}", markup=False)
        elif not vigil.has_keys():
            err.print(
                "Nobody has a key yet. Make the first one in another terminal:\n"
                "  vigil keys create --study STUDY --role study_admin"
            )
        err.print(f"Vigil is at {vigil.url} (Ctrl-C ends it)")
        vigil.serve()


def run(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    host: Host = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Run one service in this process; settings come from the environment."""
    if find_spec(f"services.{service}") is None:
        fail(f"this installation does not contain the service {service}", USAGE)
    settings = Settings.from_env()
    configure_logging(settings.log_level)
    _check_address(host, port)
    with _app(service, settings) as app:
        serve_app(app, host, port)


def migrate(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Bring the database's schemas to this version; may be repeated."""
    done = []
    with command_engine(database_url, data_dir) as engine:
        for package in HISTORIES:
            if find_spec(package) is not None and find_spec(f"{package}.migrations") is not None:
                migrate_schema(engine, package)
                done.append(package)
    if as_json:
        say_json({"migrated": done})
    else:
        say_lines(f"{package}: up to date" for package in done)


def _check_address(host: str, port: int) -> None:
    """Say it before anything is started, in words."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = error.strerror or str(error)
        fail(f"cannot listen on {host}:{port}: {reason}; give another --port", UNAVAILABLE)


def _settings(database_url: str | None, kafka: str | None, data_dir: Path | None) -> Settings:
    given = {"DATABASE_URL": database_url, "KAFKA_BOOTSTRAP_SERVERS": kafka}
    settings = Settings.from_env({**environ, **{k: v for k, v in given.items() if v is not None}})
    return settings if data_dir is None else replace(settings, data_dir=data_dir)


@contextmanager
def _app(service: ServiceName, settings: Settings) -> Iterator[FastAPI]:
    """One service's app with what it stands on; the imports name the service alone."""
    if service == "console":
        from services.console.app import create_app as create_console
        from services.console.settings import ConsoleSettings

        yield create_console(settings, ConsoleSettings.from_env())
        return
    if settings.database_url is None:
        fail("DATABASE_URL is not set; `vigil serve` needs none", UNAVAILABLE)
    metrics, clock = Metrics(), clock_from_settings(settings)
    engine = create_engine(
        settings.database_url,
        application_name=f"vigil-{service}",
        pool_size=10,
        max_overflow=20,
    )
    try:
        bus = bus_from_settings(settings, engine, metrics)
        try:
            bus.start()
            if service == "ingest":
                from services.ingest.app import create_app as create_ingest

                yield create_ingest(settings, engine, bus, clock, metrics=metrics)
            elif service == "dlt_monitor":
                from services.dlt_monitor.app import create_app as create_monitor

                yield create_monitor(settings, engine, bus, clock, metrics=metrics)
            else:
                from services.notifier.app import create_app as create_notifier

                yield create_notifier(
                    settings, engine=engine, bus=bus, clock=clock, metrics=metrics
                )
        finally:
            bus.close()
    finally:
        engine.dispose()
