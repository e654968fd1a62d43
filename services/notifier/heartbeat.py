"""Tells a dead-man's switch elsewhere that alerts would get through, as long as they would.

Silence is the alarm: whatever ends this process, its database or its threads ends the calls too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

EVERY_SECONDS = 60.0
TIMEOUT_SECONDS = 8.0


class Heartbeat:
    """A thread that calls `url` while every check of `ready` passes; none without an address."""

    def __init__(
        self,
        url: str | None,
        ready: Mapping[str, Callable[[], str | None]],
        *,
        every: float = EVERY_SECONDS,
    ) -> None:
        self._url = url
        self._ready = ready
        self._every = every
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begins to call, a first time at once."""
        if self._url is not None:
            threading.Thread(
                target=self._run, args=(self._url,), name="heartbeat", daemon=True
            ).start()

    def stop(self) -> None:
        """Calls no more."""
        self._stopping.set()

    def _run(self, url: str) -> None:
        while not self._stopping.is_set():
            if self.is_well():
                self._call(url)
            self._stopping.wait(self._every)

    def is_well(self) -> bool:
        """Whether every check passes; what stands in the way is logged."""
        try:
            lacking = {name: check() for name, check in self._ready.items()}
        except SQLAlchemyError as error:
            log.warning("no heartbeat", exc_info=error)
            return False
        failing = sorted(name for name, problem in lacking.items() if problem is not None)
        if failing:
            log.warning("no heartbeat", failing=failing)
        return not failing

    def _call(self, url: str) -> None:
        try:
            httpx2.get(url, timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
        except (httpx2.HTTPError, OSError) as error:
            log.warning("the heartbeat address does not answer", exc_info=error)
