"""A subscriber: an HTTP server that takes webhooks, refuses some, and remembers all of them."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REFUSED = 0.1
"""The share of posts that are answered with 503."""


@dataclass
class Sink:
    """What arrived: the bodies by ``webhook-id``, and the ids that were accepted."""

    url: str = ""
    bodies: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    accepted: set[str] = field(default_factory=set)
    gate: threading.Event = field(default_factory=threading.Event)
    """A post is answered once the gate that stood when it came is open."""


@contextmanager
def webhook_sink(seed: int) -> Iterator[Sink]:
    """Runs the server on a free port; which posts it refuses depends on the seed."""
    sink, dice, guard = Sink(), random.Random(seed), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # The sender died in mid-sentence: nothing was said that could be compared.
                self.close_connection = True
                return
            name = self.headers["webhook-id"]
            with guard:
                gate = sink.gate
                refused = dice.random() < REFUSED
                sink.bodies[name].add(body)
                if not refused:
                    sink.accepted.add(name)
            gate.wait()
            self.send_response(503 if refused else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # A sender that is killed hangs up in the middle of its post.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink.gate.set()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield sink
    finally:
        sink.gate.set()
        server.shutdown()
        server.server_close()
