"""The one writer: merges the requests that wait into one transaction, so that a commit's price is
shared. Nobody is answered before the commit.

A merge that fails is taken apart again: each request alone, and within a request each event alone,
so that what cannot be stored never takes its neighbours with it.
"""

import threading
from collections import Counter as Tally
from collections import deque
from collections.abc import Iterable, Sequence

from prometheus_client import Counter
from sqlalchemy import Engine

from services.ingest.intake.failures import may_pass, store_is_down
from services.ingest.intake.recording import record
from services.ingest.intake.settling import (
    KeyReused,
    Recording,
    Submission,
    record_what_can_be,
    settle,
    studies_of,
)
from services.ingest.store import LOCK_SPACE
from services.ingest.store.answers import Answer
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.db import lock_studies
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

MOST_EVENTS = 1000
"""In one merge. A larger request is a merge of its own."""

MOST_WAITING = 20_000
"""Events that may wait; beyond it senders are told to come back."""

ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 30.0


class Unavailable(RuntimeError):
    """Nothing was acknowledged; the same request may be sent again later."""


class Writer:
    """A thread that writes what is submitted. Start it once; stop it before the bus."""

    def __init__(
        self,
        engine: Engine,
        bus: Bus,
        clock: Clock,
        *,
        results: Counter,
        most_waiting: int = MOST_WAITING,
        longest_wait: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        """`results` counts committed items by their result."""
        self._engine = engine
        self._bus = bus
        self._clock = clock
        self._results = results
        self._most_waiting = most_waiting
        self._longest_wait = longest_wait
        self._queue: deque[Submission] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._open = False
        self._thread = threading.Thread(target=self._work, name="ingest-writer", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Events not yet in any transaction."""
        return self._waiting

    def start(self) -> None:
        self._open = True
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Takes nothing more, writes what waits, ends."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def has_room(self) -> bool:
        """False while so much waits that reading another request would be wasted."""
        return self._open and self._waiting < self._most_waiting

    def submit(self, submission: Submission) -> Answer:
        """Waits until the submission is committed and gives its answer.

        Raises Unavailable where nothing was acknowledged, KeyReused, or whatever went wrong.
        """
        with self._changed:
            if not self.alive or not self._fits(submission):
                raise Unavailable("too much is waiting to be written")
            self._queue.append(submission)
            self._waiting += len(submission.items)
            self._changed.notify_all()
        try:
            return submission.done.result(self._longest_wait)
        except TimeoutError:
            submission.done.cancel()
            raise Unavailable("writing takes too long") from None

    def _fits(self, submission: Submission) -> bool:
        room = self._most_waiting - self._waiting
        return self._open and (len(submission.items) <= room or self._waiting == 0)

    def _work(self) -> None:
        while group := self._take():
            running = [s for s in group if s.done.set_running_or_notify_cancel()]
            if running:
                self._write(running)

    def _take(self) -> list[Submission]:
        """The submissions of the next merge, oldest first; empty when the writer is to end."""
        group: list[Submission] = []
        events = 0
        names: set[tuple[str, str]] = set()
        with self._changed:
            self._changed.wait_for(lambda: self._queue or not self._open)
            while self._queue:
                following = self._queue[0]
                name = following.request.identity if following.request else None
                full = events + len(following.items) > MOST_EVENTS
                if group and (full or name in names):
                    break
                group.append(self._queue.popleft())
                events += len(following.items)
                if name is not None:
                    names.add(name)
            self._waiting -= events
        return group

    def _write(self, group: list[Submission]) -> None:
        try:
            self._commit(group, record)
        except Exception as error:  # noqa: BLE001 - the thread must live; each sender is told
            if store_is_down(error):
                self._fail(group, error)
            elif len(group) > 1:
                for submission in group:
                    self._write([submission])
            else:
                self._write_alone(group[0], error)

    def _write_alone(self, submission: Submission, error: Exception) -> None:
        """Tries again what may pass by itself; otherwise finds out which event is at fault."""
        for attempt in range(ATTEMPTS):
            log.warning("a request is written again", attempt=attempt, exc_info=error)
            try:
                self._commit([submission], record if may_pass(error) else record_what_can_be)
            except Exception as again:  # noqa: BLE001 - see `_write`
                error = again
            else:
                return
            if store_is_down(error):
                break
        self._fail([submission], error)

    def _commit(self, group: Sequence[Submission], record_all: Recording) -> None:
        with self._engine.begin() as conn:
            lock_studies(conn, studies_of(group), space=LOCK_SPACE)
            settled = settle(conn, self._bus, group, self._clock.now(), record_all)
        self._bus.wake()
        self._count(outcome.result for settlement in settled for outcome in settlement.outcomes)
        for submission, settlement in zip(group, settled, strict=True):
            if settlement.answer is None:
                submission.done.set_exception(KeyReused())
            else:
                submission.done.set_result(settlement.answer)

    def _count(self, results: Iterable[str]) -> None:
        for result, number in Tally(results).items():
            self._results.labels(result).inc(number)

    def _fail(self, group: Sequence[Submission], error: Exception) -> None:
        log.error("nothing was acknowledged", requests=len(group), exc_info=error)
        if store_is_down(error) or may_pass(error):
            error = Unavailable("the database does not answer")
        for submission in group:
            submission.done.set_exception(error)
