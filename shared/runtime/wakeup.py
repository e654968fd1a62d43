"""Wakes readers in this process at once; readers in others notice at their next look."""

import threading


class Wakeup:
    """A bell with a count: whoever reads the count before looking cannot miss a ring."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def ring(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def count(self) -> int:
        """Rings so far."""
        with self._changed:
            return self._count

    def wait(self, seen: int, timeout: float) -> None:
        """Returns once the count differs from `seen`, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != seen, timeout)
