"""The outermost layer of every service: limits, identity, log, metrics, and the last error answer.

Plain ASGI, because it must see the body as it streams in and the response as it goes out. It also
answers unhandled errors itself: left to the framework they end the client's connection.
"""

import asyncio
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.problems import Problem, problem_response
from shared.runtime.telemetry import Metrics, get_logger, trace

log = get_logger(__name__)

BODY_SECONDS = 30.0
"""How long the next piece of a request body may take; the server itself has no such limit."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Edge:
    """ASGI middleware around a whole service."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, metrics: Metrics) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        exchange = _Exchange(scope, receive, send, self._max_body_bytes)
        with trace({"traceparent": headers.get("traceparent", "")}):
            try:
                await self._answer(exchange, headers)
            finally:
                self._record(exchange)

    async def _answer(self, exchange: "_Exchange", headers: Headers) -> None:
        try:
            exchange.refuse_announced_size(headers)
            exchange.refuse_nul()
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Problem as problem:
            await exchange.answer(problem)
        except Exception as error:
            log.error("unhandled error", request_id=exchange.request_id, exc_info=error)
            if exchange.status is not None:
                # Half an answer is out: only a broken connection tells the client.
                raise
            await exchange.answer(Problem(500, "internal-error", "Something went wrong here"))

    def _record(self, exchange: "_Exchange") -> None:
        seconds = time.monotonic() - exchange.began
        method, route, status = exchange.method, exchange.route(), exchange.status or 499
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.request_seconds.labels(method, route).observe(seconds)
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=exchange.request_id,
            key=exchange.scope.get("state", {}).get("key_id"),
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Exchange:
    """One request and its response, watched as they pass."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_body_bytes: int) -> None:
        self.scope = scope
        self.status: int | None = None
        self.began = time.monotonic()
        self.method = scope["method"] if scope["method"] in _METHODS else "other"
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope["vigil.request_id"] = self.request_id
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._received = 0
        self._body_complete = False

    def refuse_announced_size(self, headers: Headers) -> None:
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            raise self._too_large()

    def refuse_nul(self) -> None:
        """No address here has a NUL in it, and PostgreSQL cannot look for text that has one."""
        if "\x00" in self.scope["path"] or b"%00" in self.scope["query_string"]:
            raise Problem(400, "nul-character", "The address holds a NUL character")

    async def receive(self) -> Message:
        if self._body_complete:
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, "body-too-slow", "The request body did not arrive in time") from None
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._body_complete = not message.get("more_body", False)
        if self._received > self._max_body_bytes:
            raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def answer(self, problem: Problem) -> None:
        if self.status is None:
            response = problem_response(problem, self.request_id)
            await response(self.scope, self.receive, self.send)

    def route(self) -> str:
        """The route's template: the path itself holds ids."""
        context: Any = self.scope.get("fastapi", {}).get("effective_route_context")
        route = context or self.scope.get("route")
        template = getattr(route, "path_format", None) or getattr(route, "path", None)
        return str(template) if template else "unmatched"

    def _too_large(self) -> Problem:
        return Problem(
            413,
            "body-too-large",
            "The request body is too large",
            f"at most {self._max_body_bytes} bytes are taken",
            headers={"Connection": "close"},
        )
