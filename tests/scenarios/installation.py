"""The services as tests run them: embedded, on a database of their own, with a clock to move."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx2
from sqlalchemy import Engine

from services.demo import STUDY
from services.demo.replay import steps
from services.demo.story import DemoKeys, make_keys
from services.embedded import Embedded
from shared.contracts.assessment import Assessment
from shared.contracts.signals import Signal
from shared.runtime.clock import ManualClock
from shared.runtime.settings import KafkaSettings, Settings
from tests.conftest import _free_port, _wait_for_port

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Installation:
    """A running Vigil: its address, database and clock, and the keys of the story's people."""

    url: str
    engine: Engine
    clock: ManualClock
    keys: DemoKeys

    def get(self, path: str, **query: Any) -> httpx2.Response:
        """A reader's GET; the answer must be good."""
        headers = {"Authorization": f"Bearer {self.keys.reader}"}
        answer = httpx2.get(self.url + path, params=query, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer

    def assessment(self, **query: str) -> Assessment:
        """The study now, or at the moments asked for."""
        path = f"/monitor/v1/studies/{STUDY}/assessment"
        return Assessment.model_validate_json(self.get(path, **query).content)

    def view(self, day: date) -> Assessment:
        """The study at the end of a day, by what was known then."""
        return self.assessment(known_at=day.isoformat())

    def signals(self, **query: str) -> list[Signal]:
        """All signals, in the order in which they were raised."""
        path = f"/monitor/v1/studies/{STUDY}/signals"
        answer = self.get(path, **query).json()
        assert answer["next"] is None
        return [Signal.model_validate(one, strict=False) for one in answer["signals"]]

    def wait_for_facts(self, count: int) -> None:
        """Until the monitor has applied so many facts."""
        path = "/monitor/v1/studies"
        self.wait(lambda: self.get(path).json()["studies"][0]["applied_through"] == str(count))

    @staticmethod
    def wait(done: Callable[[], bool]) -> None:
        """Until the condition holds."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < until, "waited too long"
            time.sleep(0.02)


@contextmanager
def installation(database_url: str, kafka: KafkaSettings | None = None) -> Iterator[Installation]:
    """An embedded Vigil on a migrated or empty database."""
    clock = ManualClock(steps()[0].at)
    settings = Settings(database_url=database_url, kafka=kafka)
    with Embedded(settings, port=_free_port(), clock=clock) as vigil:
        stop = threading.Event()
        server = threading.Thread(target=vigil.serve, args=(stop,))
        server.start()
        try:
            _wait_for_port(vigil.port)
            yield Installation(vigil.url, vigil.engine, clock, make_keys(vigil.engine))
        finally:
            stop.set()
            server.join(60)


def by_source(stated: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Events by the source that may post them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in stated:
        found.setdefault(one["source"], []).append(one)
    return found
