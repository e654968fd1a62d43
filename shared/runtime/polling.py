"""A thread that takes one turn after another until it is stopped, and outlives what fails in one.

Whoever works from the database looks again and again; how that begins, rests, backs off and ends
is the same for all of them and stated here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0


class Polling:
    """The thread. Start it once."""

    def __init__(
        self,
        name: str,
        turn: Callable[[], float],
        *,
        on_error: Callable[[Exception], None],
        interrupt: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """`turn` gives the seconds to rest after it, 0 for none. One that raises is handed to
        `on_error` and followed by another, after a rest that doubles up to five seconds.
        `interrupt` ends whatever a turn waits for; `on_end` is called by the thread, however it
        ends."""
        self._turn = turn
        self._on_error = on_error
        self._interrupt = interrupt
        self._on_end = on_end
        self._stopping = threading.Event()
        self._succeeded: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins with a turn at once."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Finishes the turn under way and ends. False if it did not within `timeout`."""
        self._stopping.set()
        self._interrupt()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self.alive

    @property
    def alive(self) -> bool:
        """True while the thread runs. One that died must turn the service unready."""
        return self._thread.is_alive()

    def ready(self, longest_silence: float) -> bool:
        """True if the thread runs and a turn has succeeded within so many seconds."""
        last = self._succeeded
        return self.alive and last is not None and time.monotonic() - last <= longest_silence

    def _run(self) -> None:
        try:
            backoff = FIRST_BACKOFF_SECONDS
            while not self._stopping.is_set():
                try:
                    rest = self._turn()
                except Exception as error:  # noqa: BLE001  whatever it is, the next turn tries again
                    self._on_error(error)
                    rest, backoff = backoff, min(backoff * 2, LONGEST_BACKOFF_SECONDS)
                else:
                    self._succeeded = time.monotonic()
                    backoff = FIRST_BACKOFF_SECONDS
                self._stopping.wait(rest)
        except BaseException as error:
            log.critical("thread died", thread=self._thread.name, exc_info=error)
            raise
        finally:
            self._on_end()
