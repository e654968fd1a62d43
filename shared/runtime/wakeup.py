"""Wakes readers in this process at once; readers in others notice at their next look, unless
somebody passes the ring on."""

import threading
from collections.abc import Callable


class Wakeup:
    """A bell with a count: whoever reads the count before looking cannot miss a ring.

    ``neighbour`` is called with every ring that began here, and not with those that were heard
    from it. It must not wait.
    """

    def __init__(self) -> None:
        self.neighbour: Callable[[], None] = lambda: None
        self._changed = threading.Condition()
        self._count = 0

    def ring(self) -> None:
        self.hear()
        self.neighbour()

    def hear(self) -> None:
        """The neighbour has rung."""
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
