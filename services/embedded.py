"""All services on one port, with a PostgreSQL of their own where none is given.

The services are the same apps, with the same addresses, that `vigil run` serves one by one; they
still speak to each other through the event log only; for the charts of mails, the notifier is
handed the monitor's answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from os import environ
from threading import Event
from types import TracebackType

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine
from starlette.types import ASGIApp, Receive, Scope, Send

from services import HISTORIES
from services.console.app import create_app as create_console
from services.console.settings import ConsoleSettings
from services.dlt_monitor.apart import Apart
from services.dlt_monitor.app import create_app as create_monitor
from services.ingest.app import create_app as create_ingest
from services.notifier.app import create_app as create_notifier
from services.notifier.settings import NotifierSettings
from shared.runtime.auth import ROLES, Authenticator, create_key, list_keys
from shared.runtime.bus import Bus
from shared.runtime.carrier import bus_from_settings
from shared.runtime.clock import Clock, clock_from_settings
from shared.runtime.db import create_engine, migrate
from shared.runtime.embedded_postgres import EmbeddedPostgres
from shared.runtime.problems import Problem
from shared.runtime.serving import serve
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics
from shared.runtime.wakeup import Wakeup
from shared.runtime.web import Lifespan, ReadinessCheck
from shared.runtime.web import create_app as create_web_app

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - recognised here, never a default


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: the only time it can be shown."""

    study: str
    role: str
    key: str


class Embedded:
    """The whole installation, between ``__enter__`` and ``__exit__``; `serve` answers requests.

    ``clock`` and the settings' database and broker replace the defaults. With ``writer_apart`` the
    monitor evaluates in a process of its own, which sees only the clock of the settings. Raises
    `EmbeddedPostgresError` where the database cannot run, and what migrations raise.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        clock: Clock | None = None,
        writer_apart: bool = False,
    ) -> None:
        assert clock is None or not writer_apart
        self.host, self.port = host, port
        self._settings = settings
        self._clock = clock or clock_from_settings(settings)
        self._writer_apart = writer_apart
        self._stack = ExitStack()
        self.engine: Engine
        self.app: ASGIApp
        self.apps: dict[str, FastAPI] = {}

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = "127.0.0.1" if self.host in _EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __enter__(self) -> Embedded:
        with ExitStack() as stack:
            self.engine = self._open_database(stack)
            metrics, wakeup = Metrics(), Wakeup()
            bus = bus_from_settings(self._settings, self.engine, metrics, wakeup)
            stack.callback(bus.close)
            bus.start()
            apart = self._apart(wakeup, metrics) if self._writer_apart else None
            self.app = self._assemble(bus, metrics, apart)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def serve(self, stop: Event | None = None) -> None:
        """Answer requests until SIGINT, SIGTERM or ``stop``."""
        serve(self.app, self.host, self.port, stop)

    def first_keys(self, studies: Sequence[str]) -> list[NewKey]:
        """One key for each role of each study, if there is no key at all yet."""
        with self.engine.begin() as conn:
            if list_keys(conn):
                return []
            return [
                NewKey(study, role, create_key(conn, f"{role} of {study}", [(study, role)]))
                for study in studies
                for role in ROLES
            ]

    def has_keys(self) -> bool:
        """Whether anybody can get in."""
        with self.engine.connect() as conn:
            return bool(list_keys(conn))

    def _open_database(self, stack: ExitStack) -> Engine:
        url = self._settings.database_url
        if url is None:
            server = EmbeddedPostgres(self._settings.data_dir)
            url = server.start()
            stack.callback(server.stop)
        engine = create_engine(
            url, application_name="vigil-embedded", pool_size=20, max_overflow=20
        )
        stack.callback(engine.dispose)
        for package in HISTORIES:
            migrate(engine, package)
        return engine

    def _apart(self, wakeup: Wakeup, metrics: Metrics) -> Apart:
        url = self.engine.url.render_as_string(hide_password=False)
        return Apart(replace(self._settings, database_url=url), wakeup, metrics)

    def _assemble(self, bus: Bus, metrics: Metrics, apart: Apart | None) -> ASGIApp:
        settings, clock, engine = self._settings, self._clock, self.engine
        authenticator = Authenticator(engine)
        monitor = create_monitor(
            settings,
            engine,
            bus,
            clock,
            authenticator=authenticator,
            metrics=metrics,
            writing=apart,
        )
        apis = {
            "ingest": create_ingest(
                settings, engine, bus, clock, authenticator=authenticator, metrics=metrics
            ),
            "monitor": monitor,
            "notifier": create_notifier(
                settings,
                engine=engine,
                bus=bus,
                clock=clock,
                authenticator=authenticator,
                notifier_settings=self._notifier_settings(),
                metrics=metrics,
                monitor=monitor.state.reading,
            ),
        }
        console = create_console(
            settings,
            ConsoleSettings(monitor_url=self.url, notifier_url=self.url, ingest_url=self.url),
            clock=clock,
        )
        operations = create_web_app(
            "Vigil",
            settings,
            ready={name: _readiness(app) for name, app in apis.items()},
            lifespan=_together([*apis.values(), console]),
            metrics=metrics,
        )
        self.apps = {**apis, "console": console, "operations": operations}
        return _Front(operations, {f"/{name}/v1/": app for name, app in apis.items()}, console)

    def _notifier_settings(self) -> NotifierSettings:
        settings = NotifierSettings.from_env()
        if environ.get("VIGIL_PUBLIC_URL", "").strip():
            return settings
        return replace(settings, public_url=self.url)


class _Front:
    """Sends each request to its service; the addresses are those behind a gateway."""

    _OPERATIONS = ("/livez", "/readyz", "/metrics")

    def __init__(self, operations: ASGIApp, apis: dict[str, ASGIApp], rest: ASGIApp) -> None:
        self._operations, self._apis, self._rest = operations, apis, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._choose(scope)(scope, receive, send)

    def _choose(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "lifespan" or scope["path"] in self._OPERATIONS:
            return self._operations
        found = (app for prefix, app in self._apis.items() if scope["path"].startswith(prefix))
        return next(found, self._rest)


def _together(apps: Sequence[FastAPI]) -> Lifespan:
    """The lifespans of all services as one."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    return lifespan


def _readiness(app: FastAPI) -> ReadinessCheck:
    """A service's own readiness, as one part of the whole."""
    endpoint = next(
        context.endpoint
        for context in iter_route_contexts(app.routes)
        if context.path == "/readyz" and context.endpoint is not None
    )

    def check() -> str | None:
        try:
            endpoint()
        except Problem as problem:
            return "; ".join(f"{one['part']}: {one['detail']}" for one in problem.errors)
        return None

    return check
