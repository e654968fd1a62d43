"""The sender, a process of its own so that the client is not the limit: reads a plan, posts it.

``python -m bench.sender``: a pickled `Plan` on standard input, a JSON line of times on standard
output, in seconds of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import http.client
import json
import pickle
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.runtime.clock import FileClock


@dataclass(frozen=True, slots=True)
class Post:
    """One request. `at`: seconds after the start; None: as soon as a connection is free."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Wave:
    """Requests that may go out together. `clock`: what the simulated clock says meanwhile."""

    posts: Sequence[Post]
    clock: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Waves, one after the other, over so many connections."""

    port: int
    waves: Sequence[Wave]
    connections: int = 4
    clock_file: str | None = None


class Refused(RuntimeError):
    """A request was not answered with 2xx."""


class _Connections(threading.local):
    """One kept-alive connection a thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def post(self, post: Post) -> None:
        self._connection.request("POST", post.path, post.body, post.headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise Refused(f"{answer.status}: {text[:300]!r}")
        if b'"status":4' in text:
            raise Refused(f"a line was refused: {text[:300]!r}")


def run(plan: Plan) -> list[tuple[float, float]]:
    """Posts everything; (start, answer) of each request in the order of the plan."""
    connections = _Connections(plan.port)
    clock = FileClock(Path(plan.clock_file)) if plan.clock_file else None
    times: list[tuple[float, float]] = []
    started = time.monotonic()

    def send(post: Post) -> tuple[float, float]:
        if post.at is not None:
            time.sleep(max(0.0, started + post.at - time.monotonic()))
        began = time.monotonic()
        connections.post(post)
        return began, time.monotonic()

    with ThreadPoolExecutor(plan.connections) as pool:
        for wave in plan.waves:
            if clock is not None and wave.clock is not None:
                clock.set(wave.clock)
            times += pool.map(send, wave.posts)
    return times


if __name__ == "__main__":
    # From our own parent.
    print(json.dumps(run(pickle.load(sys.stdin.buffer))))  # noqa: S301
