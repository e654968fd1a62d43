"""A receiver of HTTP on this machine: for benchmarks, and for tests that script its answers."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RESET, HANG = 0, -1


@dataclass
class HttpSink:
    """What came. `answers` are (status, headers, body) for one request each, then 200. RESET and
    HANG stand for a connection that is reset, or left open, after the body. `callers` are the
    ports that requests came from: one each connection; `arrived` is when, by the machine's
    monotonic clock."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    callers: list[int] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    hold: threading.Event | None = None


@contextmanager
def http_sink(
    certificate: Path | None = None, key: Path | None = None, *, keeps: bool = False
) -> Iterator[HttpSink]:
    """Runs an HTTP server on a free port; with a certificate, an HTTPS server. `keeps`: it leaves
    connections open for further requests."""
    sink, noting = HttpSink(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keeps else "HTTP/1.0"
        # A receiver that holds back the end of its answer would be what is measured.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with noting:
                sink.arrived.append(time.monotonic())
                sink.requests.append((headers, body))
                sink.callers.append(self.client_address[1])
            if sink.hold is not None:
                sink.hold.wait(30)
            status, extra, answer = sink.answers.pop(0) if sink.answers else (200, {}, b"ok")
            if status in (RESET, HANG):
                self._break_off(status)
                return
            self.send_response(status)
            for name, value in {"content-length": str(len(answer)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815 - the library calls it by this name

        def _break_off(self, how: int) -> None:
            self.close_connection = True
            if how == HANG:
                self.rfile.read(1)  # until the caller gives up
            else:
                at_once = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a caller may hang up
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield sink
    finally:
        if sink.hold is not None:
            sink.hold.set()
        server.shutdown()
        server.server_close()
