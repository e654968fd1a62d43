"""Assembles the ingest service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from prometheus_client import Counter
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool

from services.ingest.api import routers
from services.ingest.api.events import unavailable
from services.ingest.api.parts import Parts
from services.ingest.intake.failures import may_pass, store_is_down
from services.ingest.intake.reading import Reader
from services.ingest.intake.writer import Writer
from shared.runtime import web
from shared.runtime.auth import Authenticator
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock, ClockError
from shared.runtime.problems import problem_response
from shared.runtime.provider_sessions import ProviderSessions
from shared.runtime.sessions import Sessions
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics


def create_app(
    settings: Settings,
    engine: Engine,
    bus: Bus,
    clock: Clock,
    *,
    authenticator: Authenticator | None = None,
    metrics: Metrics | None = None,
    sessions: Sessions | None = None,
) -> FastAPI:
    """The service's app; its writer runs for as long as the app's lifespan.

    The caller has migrated the schemas and starts and closes the bus. `authenticator` and
    `sessions` work in `engine`'s database unless others are given.
    """
    metrics = metrics or Metrics()
    results = Counter(
        "vigil_ingest_events_total",
        "Events by what became of them, once committed",
        ["result"],
        registry=metrics.registry,
    )
    writer = Writer(engine, bus, clock, results=results)
    reader = Reader(settings.limits, clock.simulated)
    sessions = sessions or Sessions(engine)
    provider = _provider(settings, engine, sessions)
    parts = Parts(engine, bus, clock, reader, writer, sessions, provider)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        writer.start()
        try:
            yield
        finally:
            await run_in_threadpool(writer.stop)

    app = web.create_app(
        "Vigil ingest",
        settings,
        routers=routers(parts),
        authenticator=authenticator or Authenticator(engine),
        ready={
            "database": web.database_ready(engine),
            "writer": lambda: None if writer.alive else "the writer is not running",
            "relay": lambda: _relay_complaint(bus),
        },
        lifespan=lifespan,
        metrics=metrics,
    )
    for kind in (DBAPIError, PoolTimeout, ClockError):
        app.add_exception_handler(kind, _answer_failure)
    return app


def _provider(settings: Settings, engine: Engine, sessions: Sessions) -> ProviderSessions | None:
    if settings.oidc is None:
        return None
    from shared.runtime.provider import Provider  # its packages are an extra

    return ProviderSessions(engine, sessions, Provider(settings.oidc))


def _answer_failure(request: Request, error: Exception) -> Response:
    """A store that is away is not the sender's fault: nothing was taken, come again."""
    if not (store_is_down(error) or may_pass(error)):
        raise error
    return problem_response(unavailable(), request.scope.get("vigil.request_id"))


def _relay_complaint(bus: Bus) -> str | None:
    """A broker that is away is no reason to refuse events; a relay that ended is."""
    health = bus.relay_health()
    return "the relay is not running" if health is not None and not health.alive else None
