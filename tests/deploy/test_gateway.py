"""The gateway's routes, and that its stand-in passes on a stream as it comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from deploy.gateway.proxy import CADDYFILE, Gateway, Routes, read_routes

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def routes() -> Routes:
    return read_routes(CADDYFILE.read_text())


@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/", "console:8000"),
        ("/studies/S1", "console:8000"),
        ("/ingest/v1/events", "ingest:8000"),
        ("/monitor/v1/studies", "dlt_monitor:8000"),
        ("/notifier/v1/alerts/stream", "notifier:8000"),
        ("/ingested", "console:8000"),
        ("/metrics", None),
        ("/ingest/readyz", None),
        ("/livez", None),
    ],
)
def test_each_path_leads_to_its_service(routes: Routes, path: str, upstream: str | None) -> None:
    assert routes.upstream(path) == upstream


def test_a_caddyfile_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="no longer says its routes"):
        read_routes(":8080 {\n\treverse_proxy console:8000\n}\n")


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


@asynccontextmanager
async def _before(serve: Serve | None) -> AsyncIterator[int]:
    """The port of a gateway in front of one upstream; None is an upstream that is down."""
    upstream = await asyncio.start_server(serve or _refuse, "127.0.0.1", 0)
    address = ("127.0.0.1", _port(upstream))
    if serve is None:
        upstream.close()
        await upstream.wait_closed()
    gateway = await Gateway(Routes({"/": "one:8000"}, ("*/metrics",)), {"one:8000": address}).serve(
        0
    )
    try:
        yield _port(gateway)
    finally:
        gateway.close()
        upstream.close()


async def _refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _get(port: int, path: str = "/", extra: str = "") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
    reply = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return reply


def test_a_stream_is_passed_on_before_it_ends_and_ends_with_its_reader() -> None:
    left = asyncio.Event()

    async def alerts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n")
        await reader.read()
        left.set()
        writer.close()

    async def scene() -> None:
        async with _before(alerts) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /alerts HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"data: first\n\n"), 60)
            writer.close()
            await asyncio.wait_for(left.wait(), 60)

    asyncio.run(scene())


def test_a_body_arrives_whole_and_forwarded_headers_are_ours() -> None:
    body = b"x" * 3_000_000
    seen: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        seen.append(await reader.readexactly(len(body)))
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def scene() -> bytes:
        async with _before(echo) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                f"POST /e HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nX-Forwarded-For: 6.6.6.6"
                f"\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            reply = await asyncio.wait_for(reader.read(), 60)
            writer.close()
            return reply

    assert asyncio.run(scene()).startswith(b"HTTP/1.1 202")
    head, received = seen
    assert received == body
    assert b"X-Forwarded-For: 127.0.0.1\r\n" in head
    assert b"6.6.6.6" not in head
    assert b"keep-alive" not in head


def test_a_service_that_is_down_is_a_bad_gateway() -> None:
    async def scene() -> bytes:
        async with _before(None) as port:
            return await _get(port)

    assert asyncio.run(scene()).startswith(b"HTTP/1.1 502")


def test_operators_paths_are_hidden_and_an_endless_head_is_refused() -> None:
    async def scene() -> tuple[bytes, bytes]:
        async with _before(_refuse) as port:
            endless = "X-Long: " + "y" * 100_000 + "\r\n"
            return await _get(port, "/one/metrics"), await _get(port, extra=endless)

    hidden, endless = asyncio.run(scene())
    assert hidden.startswith(b"HTTP/1.1 404")
    assert endless.startswith(b"HTTP/1.1 431")
