"""Puts the service together: writer and API over one database and one bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool

from services.dlt_monitor.api import monitor_router
from services.dlt_monitor.asking import Parts
from services.dlt_monitor.folding import StillReading
from services.dlt_monitor.freshness import Freshness
from services.dlt_monitor.packet import packet_document
from services.dlt_monitor.reading import Reading
from services.dlt_monitor.views import Views
from services.dlt_monitor.writer import Writer, Writing
from shared.runtime.auth import Authenticator
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock, ClockError
from shared.runtime.db import is_outage
from shared.runtime.problems import problem_response
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics
from shared.runtime.web import Problem, database_ready
from shared.runtime.web import create_app as create_web_app


def create_app(
    settings: Settings,
    engine: Engine,
    bus: Bus,
    clock: Clock,
    *,
    authenticator: Authenticator | None = None,
    metrics: Metrics | None = None,
    writing: Writing | None = None,
    run_in_background: bool = True,
) -> FastAPI:
    """The service on migrated schemas `bus`, `access` and `dlt_monitor`.

    Its worker and ticker, or `writing` in their place, run from the app's start to its end, unless
    `run_in_background` is false (then every answer is marked stale). Engine and bus stay the
    caller's to close. `app.state.reading` answers others in this process.
    """
    metrics = metrics or Metrics()
    writer = Writer(engine, bus, clock, metrics)
    running = writing or writer
    views = Views(clock, {"packet": packet_document})

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if run_in_background:
            running.start()
            views.read_ahead(engine)
        yield
        await run_in_threadpool(running.stop)
        await run_in_threadpool(views.stop)

    parts = Parts(engine, views, Freshness(running, clock), writer.worker)
    app = create_web_app(
        "Vigil DLT monitor",
        settings,
        routers=[monitor_router(parts)],
        authenticator=authenticator or Authenticator(engine),
        ready={
            "database": database_ready(engine),
            "worker": lambda: running.state().facts,
            "ticker": lambda: running.state().deadlines,
        },
        lifespan=lifespan,
        metrics=metrics,
    )
    app.state.reading = Reading(parts)

    @app.exception_handler(ClockError)
    @app.exception_handler(DBAPIError)
    @app.exception_handler(PoolTimeout)
    def answer_unknown(request: Request, error: Exception) -> JSONResponse:
        """Without database or clock the answer is not known, which is not "nothing found"."""
        if isinstance(error, DBAPIError) and not is_outage(error):
            raise error
        problem = Problem(503, "stale", "The answer is not known now")
        return problem_response(problem, request.scope.get("vigil.request_id"))

    @app.exception_handler(StillReading)
    def answer_later(request: Request, _error: Exception) -> JSONResponse:
        """Soon after the start of a large study only its stored assessment can be had."""
        problem = Problem(503, "still-reading", "The records of this study are still being read")
        return problem_response(problem, request.scope.get("vigil.request_id"))

    return app
