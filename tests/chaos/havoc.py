"""Kills processes while the study runs, at moments and in an order that a seed decides.

A kill is due when the sender comes to a certain chunk, plus a random part of a second. So each one
hits a system at work, however fast the machine; some hit a process that is only just starting.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from tests.chaos.harness import Installation

LONGEST_DELAY_SECONDS = 0.5
LONGEST_ABSENCE_SECONDS = 0.5
AGAIN = 0.25
"""How often a process is killed once more while it starts."""
STARTING_SECONDS = 2.0


class Havoc:
    """A thread that kills and restarts, between enter and exit; `at` lets it know of progress.

    `others` can be killed besides the processes: each takes itself down and comes back. What
    failed in the thread is raised at exit.
    """

    def __init__(
        self,
        vigil: Installation,
        *,
        seed: int,
        kills: int,
        chunks: int,
        others: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        self.killed: list[str] = []
        self._vigil = vigil
        self._dice = random.Random(seed)
        self._due = sorted(self._dice.randrange(chunks) for _ in range(kills))
        self._others = dict(others or {})
        self._reached = -1
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="havoc", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends after the kills that are due; at once where the test has failed."""
        if error is not None:
            self._over.set()
        self.at(len(self._due) and self._due[-1])
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def at(self, chunk: int) -> None:
        """The sender has come to this chunk."""
        with self._changed:
            self._reached = max(self._reached, chunk)
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            for due in self._due:
                self._wait_for_chunk(due)
                self._strike()
        except BaseException as error:  # noqa: BLE001 - raised where the test can see it
            self._error = error

    def _wait_for_chunk(self, number: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._reached >= number)

    def _strike(self) -> None:
        victim = self._dice.choice([*self._vigil.names, *self._others])
        self._wait(LONGEST_DELAY_SECONDS)
        if self._over.is_set():
            return
        self.killed.append(victim)
        if victim in self._others:
            self._others[victim]()
            return
        self._vigil.kill(victim)
        self._wait(LONGEST_ABSENCE_SECONDS)
        self._vigil.start(victim)
        if self._dice.random() < AGAIN:
            self._wait(STARTING_SECONDS)
            self.killed.append(victim)
            self._vigil.kill(victim)
            self._vigil.start(victim)

    def _wait(self, longest: float) -> None:
        self._over.wait(self._dice.uniform(0, longest))
