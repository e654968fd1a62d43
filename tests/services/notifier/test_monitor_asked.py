"""The monitor is asked for a second at most, and believed only when it answers properly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from services.notifier import monitor
from services.notifier.monitor import HttpMonitor, Refused

KEY = "vigil_0123456789ab_" + "x" * 43
Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answering) -> Iterator[tuple[HttpMonitor, list[tuple[str, str]]]]:
    """A monitor that answers as told; the paths and credentials that came."""
    came: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append((self.path, self.headers["Authorization"]))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    asking = HttpMonitor(f"http://127.0.0.1:{server.server_port}", KEY, seconds=0.3)
    try:
        yield asking, came
    finally:
        asking.close()
        server.shutdown()
        server.server_close()


def gives(status: int, body: bytes = b"{}", **headers: str) -> Answering:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_each_question_has_its_address_and_no_subject_code_is_in_one() -> None:
    known = datetime(2026, 1, 15, 12, tzinfo=timezone(timedelta(hours=8)))
    with answering(gives(200)) as (asking, came):
        for answer in (
            asking.assessment("A/1", "sha256:00"),
            asking.profile("A/1", "0123456789abcdef", known),
            asking.figures("A/1", known),
        ):
            assert answer is not None
            assert (answer.document, answer.stale) == (b"{}", False)
    moment = "known_at=2026-01-15T12%3A00%3A00%2B08%3A00"
    assert came == [
        (f"/monitor/v1/studies/A%2F1/{what}", f"Bearer {KEY}")
        for what in (
            "assessments/sha256:00",
            f"subjects/0123456789abcdef?{moment}",
            f"figures?{moment}",
        )
    ]


def test_an_answer_that_may_lack_something_says_so() -> None:
    with answering(gives(200, Vigil_Stale="true")) as (asking, _):
        answer = asking.assessment("S", "d")
        assert answer is not None
        assert answer.stale


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_key_without_the_right_is_told_apart(status: int) -> None:
    problem = b'{"type": "urn:vigil:problem:not-found"}'
    with answering(gives(status, problem)) as (asking, _), pytest.raises(Refused):
        asking.assessment("S", "d")


@pytest.mark.parametrize("status", [302, 404, 409, 422, 500, 503])
def test_what_is_no_answer_is_none(status: int) -> None:
    with answering(gives(status, Location="/elsewhere")) as (asking, came):
        assert asking.assessment("S", "d") is None
        assert len(came) == 1


def test_what_hangs_is_broken_off() -> None:
    released = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        released.wait(60)

    with answering(hang) as (asking, _):
        began = time.monotonic()
        with pytest.raises(httpx2.TimeoutException):
            asking.assessment("S", "d")
        assert time.monotonic() - began < 30
        released.set()


def test_what_comes_piece_by_piece_is_broken_off() -> None:
    released = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not released.wait(0.05):
            handler.wfile.write(b" ")

    with answering(drip) as (asking, _):
        assert asking.assessment("S", "d") is None
        released.set()


def test_what_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "MOST_BYTES", 1000)
    with answering(gives(200, b"x" * 1001)) as (asking, _):
        assert asking.assessment("S", "d") is None
    with answering(gives(200, b"x" * 1000)) as (asking, _):
        assert asking.assessment("S", "d") is not None


def test_nobody_there_is_an_error_the_caller_knows() -> None:
    asking = HttpMonitor("http://127.0.0.1:9", KEY)
    with pytest.raises(httpx2.HTTPError):
        asking.assessment("S", "d")
    asking.close()


def test_the_key_is_not_shown() -> None:
    asking = HttpMonitor("http://127.0.0.1:9", KEY)
    assert KEY not in repr(asking)
    asking.close()
