"""SIGTERM ends every process within ten seconds, also while browsers hold event streams open."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import httpx2
import pytest

from services.demo import STUDY
from tests.chaos.harness import STOP_SECONDS, Installation, embedded, services, wait_for
from tests.chaos.sink import webhook_sink
from tests.chaos.trial import Sender, beginning, new_sender

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

STREAM = "/notifier/v1/alerts/stream"


@pytest.fixture
def one_process(folder: Path) -> Iterator[Installation]:
    with embedded(folder) as vigil:
        vigil.start_all(beginning())
        yield vigil


@pytest.fixture
def each_service(folder: Path, database_url: str) -> Iterator[Installation]:
    with services(folder, database_url, None) as vigil:
        vigil.start_all(beginning())
        yield vigil


def listen(stack: ExitStack, sender: Sender) -> list[Iterator[bytes]]:
    """Opens event streams, and returns when each has said its first word. A stream is closed when
    nobody holds it any more."""
    headers = {"Authorization": f"Bearer {sender.keys.reader}"}
    client = stack.enter_context(httpx2.Client(timeout=30.0))
    streams = []
    for _ in range(3):
        url = sender.vigil.url(STREAM)
        stream = stack.enter_context(client.stream("GET", url, headers=headers))
        assert stream.status_code == 200
        streams.append(stream.iter_raw())
        assert next(streams[-1])
    return streams


def test_one_process_with_its_database(one_process: Installation) -> None:
    with ExitStack() as stack:
        streams = listen(stack, new_sender(one_process))
        assert one_process.stop("serve") < STOP_SECONDS
        assert [_was_cut(stream) for stream in streams] == [True] * 3


@pytest.mark.parametrize("name", ["ingest", "dlt_monitor", "notifier"])
def test_each_service(each_service: Installation, name: str) -> None:
    with ExitStack() as stack:
        streams = listen(stack, new_sender(each_service))
        assert each_service.stop(name) < STOP_SECONDS
        assert len(streams) == 3


def test_a_subscriber_that_hangs_does_not_keep_the_notifier(each_service: Installation) -> None:
    """Tries are under way when it is told to stop, and others begin before it has."""
    sender = new_sender(each_service)
    path = f"/notifier/v1/studies/{STUDY}/test-fire"
    with ExitStack() as stack:
        sink = stack.enter_context(webhook_sink(seed=0))
        first, second = sink.gate, Event()
        stack.callback(second.set)
        first.clear()
        sender.begin(sink.url)
        streams = listen(stack, sender)
        for _ in range(12):
            assert each_service.ask("POST", path, sender.keys.admin) is not None
        wait_for("the first tests to be on their way", lambda: len(sink.bodies) >= 4)

        def release_the_first() -> None:
            sink.gate = second
            first.set()

        assert each_service.stop("notifier", then=release_the_first) < STOP_SECONDS
        assert [_was_cut(stream) for stream in streams] == [True] * 3


def _was_cut(stream: Iterator[bytes]) -> bool:
    """Whether the stream was open until the server ended it."""
    try:
        for _ in stream:
            pass
    except httpx2.RemoteProtocolError:
        return True
    return False
