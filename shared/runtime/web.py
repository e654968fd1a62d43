"""The web side every service shares: one app factory, strict bodies, health, metrics.

A service brings its routers and its readiness checks; limits, errors, logs and headers are the same
everywhere and cannot be forgotten.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.contracts.reader import Refused, read_json
from shared.runtime import problems
from shared.runtime.auth import Authenticator
from shared.runtime.edge import Edge
from shared.runtime.problems import Problem, problem_of_refusal, problem_of_validation
from shared.runtime.serving import serve
from shared.runtime.settings import Limits, Settings
from shared.runtime.telemetry import Metrics
from shared.runtime.worker import Worker

__all__ = [
    "JsonBody",
    "Problem",
    "RawBody",
    "ReadinessCheck",
    "api_router",
    "create_app",
    "database_ready",
    "problem_of_refusal",
    "problem_of_validation",
    "public",
    "serve",
    "worker_ready",
]

ReadinessCheck = Callable[[], str | None]
"""Returns None if fine, otherwise what is wrong, in words an operator understands."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class _StrictRequest(Request):
    """A request whose `json()` refuses what the standard reader lets through."""

    async def json(self) -> Any:
        limits: Limits = self.app.state.limits
        body = await self.body()
        try:
            return read_json(body, max_bytes=limits.max_body_bytes, max_depth=limits.max_json_depth)
        except Refused as refused:
            raise problem_of_refusal(refused) from None


class StrictRoute(APIRoute):
    """A route whose JSON body, however it is declared, goes through the strict reader."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


async def _raw_body(request: Request) -> bytes:
    return await request.body()


async def _json_body(request: Request) -> Any:
    return await request.json()


RawBody = Annotated[bytes, Depends(_raw_body)]
"""The body as it came, within the size limit; for handlers that parse line by line."""

JsonBody = Annotated[Any, Depends(_json_body)]
"""The body through the strict reader, whatever its content type. Refused with 400, 413 or 422."""


def api_router(prefix: str = "", tags: Sequence[str] = ()) -> APIRouter:
    """The router to build a service's API with."""
    return APIRouter(prefix=prefix, tags=list(tags), route_class=StrictRoute)


def public(endpoint: Endpoint) -> Endpoint:
    """Marks an endpoint that needs no key. Everything else must depend on `auth.require`."""
    endpoint.vigil_public = True  # type: ignore[attr-defined]
    return endpoint


def create_app(
    title: str,
    settings: Settings,
    *,
    routers: Sequence[APIRouter] = (),
    authenticator: Authenticator | None = None,
    ready: Mapping[str, ReadinessCheck] | None = None,
    lifespan: Lifespan | None = None,
    metrics: Metrics | None = None,
) -> FastAPI:
    """A service's app. `ready` maps a part's name to its check; /readyz is 503 if any complains.

    `authenticator` serves the routers' `auth.require`; without one every guarded route fails.
    Raises ValueError for a router not made by `api_router`: its bodies would be read leniently.
    """
    metrics = metrics or Metrics()
    app = FastAPI(
        title=title,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # The framework's own telemetry records URL paths.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.route_class = StrictRoute
    app.state.limits = settings.limits
    app.state.metrics = metrics
    app.state.authenticator = authenticator
    problems.install(app)
    for router in routers:
        if any(isinstance(r, APIRoute) and not isinstance(r, StrictRoute) for r in router.routes):
            raise ValueError("a router must be made by api_router()")
        app.include_router(router)
    app.include_router(_operations(ready or {}, metrics))
    app.add_middleware(Edge, max_body_bytes=settings.limits.max_body_bytes, metrics=metrics)
    return app


def _operations(ready: Mapping[str, ReadinessCheck], metrics: Metrics) -> APIRouter:
    router = api_router(tags=["operations"])

    @router.get("/livez")
    @public
    def livez() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    @public
    def readyz() -> dict[str, str]:
        complaints = {name: problem for name, check in ready.items() if (problem := check())}
        if complaints:
            raise Problem(
                503,
                "not-ready",
                "The service is not ready",
                errors=[{"part": name, "detail": text} for name, text in complaints.items()],
            )
        return {"status": "ready"}

    @router.get("/metrics", include_in_schema=False)
    @public
    def scrape() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router


def database_ready(engine: Engine) -> ReadinessCheck:
    """Complains while the database does not answer."""

    def check() -> str | None:
        try:
            with engine.connect() as conn:
                conn.execute(sa.text("SELECT 1"))
        except SQLAlchemyError:
            return "the database does not answer"
        return None

    return check


def worker_ready(worker: Worker, longest_silence: float = 30.0) -> ReadinessCheck:
    """Complains while the worker is dead or has not heard from the bus for `longest_silence` s."""

    def check() -> str | None:
        if not worker.alive:
            return "the worker is not running"
        if not worker.ready(longest_silence):
            return "the worker does not hear from the event log"
        return None

    return check
