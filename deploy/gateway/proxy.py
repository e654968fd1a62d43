"""A stand-in for the gateway where there is no Docker: the routes of the Caddyfile, nothing else.

    python -m deploy.gateway.proxy PORT UPSTREAM=ADDRESS...

Every exchange has its own pair of connections, and bytes are passed on as they come, so a stream of
alerts is never held back. No TLS, no limits on slow senders: that is what Caddy is for.
"""

import asyncio
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CADDYFILE = Path(__file__).with_name("Caddyfile")

_HANDLE = re.compile(r"handle(?: (?P<path>/\S+)\*)? \{\s*reverse_proxy (?P<upstream>[\w.:-]+)")
_HIDDEN = re.compile(r"@operators path (?P<paths>.+)")
_LONGEST_HEAD = 64 * 1024
_CHUNK = 64 * 1024
# What concerns one connection rather than the request; ours ends with the reply.
_HOP = (b"connection:", b"keep-alive:", b"proxy-connection:", b"upgrade:")


@dataclass(frozen=True)
class Routes:
    """Which path leads to which upstream (`host:port`), and which paths are not for the public."""

    upstreams: Mapping[str, str]
    hidden: tuple[str, ...]

    def upstream(self, path: str) -> str | None:
        """The upstream for a path without its query: the longest prefix wins. None if hidden."""
        if any(_matches(path, pattern) for pattern in self.hidden):
            return None
        prefix = max((p for p in self.upstreams if path.startswith(p)), key=len, default=None)
        return None if prefix is None else self.upstreams[prefix]


def read_routes(caddyfile: str) -> Routes:
    """The routes of a Caddyfile written as ours is. Raises ValueError where it finds none."""
    upstreams = {found["path"] or "/": found["upstream"] for found in _HANDLE.finditer(caddyfile)}
    hidden = _HIDDEN.search(caddyfile)
    if not upstreams or hidden is None:
        raise ValueError("the Caddyfile no longer says its routes the way this program reads them")
    return Routes(upstreams, tuple(hidden["paths"].split()))


def _matches(path: str, pattern: str) -> bool:
    return path.endswith(pattern[1:]) if pattern.startswith("*") else path == pattern


class Gateway:
    """Serves `routes` on a port of 127.0.0.1; `addresses` says where each upstream really is."""

    def __init__(self, routes: Routes, addresses: Mapping[str, tuple[str, int]]) -> None:
        self._routes = routes
        self._addresses = addresses

    async def serve(self, port: int) -> asyncio.Server:
        """Starts listening. The caller closes the server."""
        return await asyncio.start_server(self._exchange, "127.0.0.1", port, limit=_LONGEST_HEAD)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(await self._pass_on(head, reader, writer) or b"")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # One side has gone; there is nobody left to tell.
        except asyncio.LimitOverrunError:
            writer.write(_plain("431 Request Header Fields Too Large"))
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Relays one exchange; returns an answer of our own if there is no one to relay it to."""
        request, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        upstream = self._routes.upstream(_path(request))
        if upstream is None:
            return _plain("404 Not Found")
        try:
            back, forth = await asyncio.open_connection(*self._addresses[upstream])
        except OSError:
            return _plain("502 Bad Gateway")
        client = str(writer.get_extra_info("peername")[0])
        forth.write(_rewritten(request, headers, client))
        copies = [asyncio.create_task(_copy(*ends)) for ends in ((reader, forth), (back, writer))]
        try:
            # Whoever ends first ends both: a client that has left must not keep its stream open.
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            forth.close()
        return None


def _path(request: bytes) -> str:
    parts = request.split(b" ")
    target = parts[1] if len(parts) == 3 else b""
    return target.partition(b"?")[0].decode("latin-1")


def _rewritten(request: bytes, headers: list[bytes], client: str) -> bytes:
    kept = [line for line in headers if not line.lower().startswith((*_HOP, b"x-forwarded-"))]
    ours = [f"X-Forwarded-For: {client}".encode(), b"X-Forwarded-Proto: http", b"Connection: close"]
    return b"\r\n".join([request, *kept, *ours, b"", b""])


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await source.read(_CHUNK):
            sink.write(chunk)
            await sink.drain()


def _plain(status: str) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nConnection: close\r\n"
        f"Content-Length: {len(status)}\r\n\r\n{status}"
    ).encode()


async def _serve(port: int, addresses: Mapping[str, tuple[str, int]]) -> None:
    server = await Gateway(read_routes(CADDYFILE.read_text()), addresses).serve(port)
    await server.serve_forever()


def main(arguments: list[str]) -> None:
    """Serves until the process is ended."""
    port, *upstreams = arguments
    addresses = {}
    for upstream in upstreams:
        name, _, address = upstream.partition("=")
        host, _, number = address.rpartition(":")
        addresses[name] = (host, int(number))
    asyncio.run(_serve(int(port), addresses))


if __name__ == "__main__":
    main(sys.argv[1:])
