"""Tells a dead-man's switch elsewhere that alerts would get through, as long as they would.

Silence is the alarm: whatever ends this process, its database or its threads ends the calls too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from shared.runtime.polling import Polling
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

EVERY_SECONDS = 60.0
TIMEOUT_SECONDS = 8.0
STARTING_SECONDS = 10.0
"""For so long, checks that do not pass yet are those of parts that are still starting."""

LOOK_SECONDS = 0.5


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
        self._starting_until = 0.0
        self._polling = Polling("heartbeat", self._turn, on_error=_failed)

    def start(self) -> None:
        """Begins to call, a first time as soon as all is well."""
        if self._url is not None:
            self._starting_until = time.monotonic() + STARTING_SECONDS
            self._polling.start()

    def stop(self) -> None:
        """Calls no more."""
        self._polling.stop(0.0)

    def _turn(self) -> float:
        failing = self.failing()
        if self._url is not None and not failing:
            self._starting_until = 0.0
            self._call(self._url)
        elif time.monotonic() < self._starting_until:
            return min(self._every, LOOK_SECONDS)
        else:
            log.warning("no heartbeat", failing=failing)
        return self._every

    def failing(self) -> list[str]:
        """The checks that do not pass."""
        try:
            return sorted(name for name, check in self._ready.items() if check() is not None)
        except SQLAlchemyError as error:
            log.warning("the checks cannot be made", exc_info=error)
            return ["database"]

    def _call(self, url: str) -> None:
        try:
            httpx2.get(url, timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
        except (httpx2.HTTPError, OSError) as error:
            log.warning("the heartbeat address does not answer", exc_info=error)


def _failed(error: Exception) -> None:
    log.warning("no heartbeat", exc_info=error)
