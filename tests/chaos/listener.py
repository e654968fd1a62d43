"""A browser: an event stream that is opened again whenever it breaks, from the last event seen."""

from __future__ import annotations

import json
import threading
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.chaos.harness import POLL_SECONDS, Installation

STREAM = "/notifier/v1/alerts/stream"


class Listener:
    """A thread that listens between enter and exit; `heard` holds the ids of signals shown.

    Like a page, it begins where the list of alerts ended that it was given first.
    """

    def __init__(self, vigil: Installation, key: str) -> None:
        self.heard: set[str] = set()
        self._vigil = vigil
        self._key = key
        self._last = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def __enter__(self) -> Self:
        self._last = self._vigil.get("/notifier/v1/alerts", self._key)["last_event_id"]
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx2.Client(timeout=2.0) as client:
            while not self._over.wait(POLL_SECONDS):
                try:
                    self._listen(client)
                except httpx2.TransportError:
                    continue

    def _listen(self, client: httpx2.Client) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Last-Event-ID": self._last}
        with client.stream("GET", self._vigil.url(STREAM), headers=headers) as answer:
            if answer.status_code == 200:
                event: dict[str, str] = {}
                for line in answer.iter_lines():
                    event = self._read(line, event)

    def _read(self, line: str, event: dict[str, str]) -> dict[str, str]:
        """One line of the stream; the event so far."""
        if line:
            name, _, value = line.partition(": ")
            return {**event, name: value}
        if event.get("event") == "alert":
            self._show(json.loads(event["data"]))
            self._last = event["id"]
        return {}

    def _show(self, change: dict[str, Any]) -> None:
        self.heard.add(change["alert"]["signal"]["id"])
