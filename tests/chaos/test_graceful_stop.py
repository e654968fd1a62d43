"""SIGTERM ends every process within ten seconds, also while browsers hold event streams open."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.chaos.harness import STOP_SECONDS, Installation, embedded, services
from tests.chaos.trial import beginning, new_sender

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


def listen(stack: ExitStack, vigil: Installation) -> list[httpx2.Response]:
    """Opens event streams, and returns when each has said its first word."""
    headers = {"Authorization": f"Bearer {new_sender(vigil).keys.reader}"}
    client = stack.enter_context(httpx2.Client(timeout=30.0))
    streams = [
        stack.enter_context(client.stream("GET", vigil.url(STREAM), headers=headers))
        for _ in range(3)
    ]
    for stream in streams:
        assert stream.status_code == 200
        next(stream.iter_raw())
    return streams


def test_one_process_with_its_database(one_process: Installation) -> None:
    with ExitStack() as stack:
        listen(stack, one_process)
        assert one_process.stop("serve") < STOP_SECONDS


@pytest.mark.parametrize("name", ["ingest", "dlt_monitor", "notifier"])
def test_each_service(each_service: Installation, name: str) -> None:
    with ExitStack() as stack:
        listen(stack, each_service)
        assert each_service.stop(name) < STOP_SECONDS
