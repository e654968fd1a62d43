"""Time as a port: windows close and keys expire by a clock that tests and replays can hold.

Every instant is timezone-aware UTC. A simulated clock never advances on its own; the services
accept `knowntime` from outside only while the clock is simulated.
"""

import os
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.runtime.settings import Settings


class Clock(Protocol):
    """Where "now" comes from."""

    @property
    def simulated(self) -> bool:
        """True when the instant is set by a person or a test rather than by the machine."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, UTC."""


class ClockError(RuntimeError):
    """The simulated clock cannot be read; guessing a time would close windows wrongly."""


class SystemClock:
    """The machine's clock."""

    simulated = False

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until told otherwise."""

    simulated = True

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._now = _utc(start)

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def set(self, instant: datetime) -> None:
        with self._lock:
            self._now = _utc(instant)

    def advance(self, by: timedelta) -> None:
        with self._lock:
            self._now += by


class FileClock:
    """One instant in a file (RFC 3339), shared by all processes that name the same file."""

    simulated = True

    def __init__(self, path: Path) -> None:
        self.path = path

    def now(self) -> datetime:
        """Raises ClockError if the file is missing or does not hold an instant with an offset."""
        try:
            return _utc(datetime.fromisoformat(self.path.read_text("utf-8").strip()))
        except (OSError, ValueError) as error:
            raise ClockError(
                f"the simulated clock file {self.path} does not hold an RFC 3339 instant"
            ) from error

    def set(self, instant: datetime) -> None:
        """Replaces the instant atomically: a reader sees the old or the new one, never half."""
        text = _utc(instant).isoformat().replace("+00:00", "Z")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        Path(name).chmod(0o644)
        Path(name).replace(self.path)


def clock_from_settings(settings: Settings) -> Clock:
    """The file clock when VIGIL_CLOCK_FILE is set, otherwise the machine's."""
    return FileClock(settings.clock_file) if settings.clock_file else SystemClock()


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(UTC)
