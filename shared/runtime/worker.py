"""Consumes one topic for one group: each batch is one database transaction, or nothing happened.

The transaction locks the batch's studies, moves the position by compare-and-set, runs the handler
and writes its messages. A message the handler cannot take is parked with its reason, the rest of
the batch goes on; an outage is waited out without losing the place.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, Engine

from shared.contracts.topics import PARKED
from shared.runtime import outbox
from shared.runtime.bus import (
    Batch,
    Bus,
    BusUnavailable,
    Handler,
    LogDamaged,
    Message,
    Subscription,
)
from shared.runtime.clock import Clock
from shared.runtime.db import is_outage, is_transient, lock_studies
from shared.runtime.polling import Polling
from shared.runtime.telemetry import Metrics, describe, get_logger, trace

log = get_logger(__name__)

OnParked = Callable[[Connection, Message, str], None]
"""Told, in the transaction that parks it, which message could not be handled and why."""

POLL_SECONDS = 0.5
LAG_EVERY_SECONDS = 5.0
ATTEMPTS_BEFORE_SINGLING_OUT = 5
"""After so many deadlocks or statement timeouts in a row, the message at fault is looked for."""


class Poison(ValueError):
    """A handler raises this for a message that can never be handled as it is.

    The text becomes the parked message's reason and is shown: it must hold no values of the
    message. The text of any other exception is withheld.
    """


class _PositionLost(RuntimeError):
    """Another worker has moved the position: what was done here must not be committed."""


class Worker:
    """A thread that applies a topic to the database. Start it once; stop it before the bus."""

    def __init__(
        self,
        *,
        engine: Engine,
        bus: Bus,
        topic: str,
        group: str,
        handle: Handler,
        clock: Clock,
        on_parked: OnParked | None = None,
        lock_space: str | None = None,
        batch_limit: int = 500,
        metrics: Metrics | None = None,
        on_applied: Callable[[], None] = lambda: None,
    ) -> None:
        """`lock_space` names the study locks (see `lock_studies`); the group by default.
        `on_applied` is called once a batch is committed."""
        self.topic = topic
        self.group = group
        self._engine = engine
        self._bus = bus
        self._handle = handle
        self._clock = clock
        self._on_parked = on_parked
        self._lock_space = lock_space or group
        self._batch_limit = batch_limit
        self._metrics = metrics or Metrics()
        self._on_applied = on_applied
        self._polling = Polling(
            f"worker-{group}-{topic}",
            self._turn,
            on_error=self._failed,
            interrupt=bus.wake,
            on_end=self.close,
        )
        self._subscription: Subscription | None = None
        self._attempts = 0
        self.positions_lost = 0
        """How often another worker had moved the position first."""
        self._lag = 0
        self._lag_at = 0.0

    # -- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the thread. It begins as soon as bus and database answer."""
        self._polling.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Finishes the transaction under way and ends. False if it did not within `timeout`."""
        return self._polling.stop(timeout)

    @property
    def alive(self) -> bool:
        """True while the thread runs. A worker that died must turn the service unready."""
        return self._polling.alive

    def ready(self, longest_silence: float = 30.0) -> bool:
        """True if the thread lives and has heard from bus and database lately."""
        return self._polling.ready(longest_silence)

    def lag(self) -> int:
        """Messages not yet applied, as last measured (every few seconds)."""
        return self._lag

    # -- the loop -------------------------------------------------------------------------------

    def run_once(self, timeout: float = 0.0) -> bool:
        """One poll and, if it brought something, one transaction, in the caller's thread.

        For the command line and for tests that want no thread. True if a batch was committed.
        Raises what a running worker would wait out.
        """
        try:
            return self._apply_next(timeout)
        except _PositionLost:
            self._reload()
            return False

    def _turn(self) -> float:
        self._apply_next(POLL_SECONDS)
        return 0.0

    def _apply_next(self, timeout: float) -> bool:
        subscription = self._subscribed()
        batch = subscription.poll(timeout)
        if batch is not None:
            self._apply(subscription, batch)
        self._measure_lag(subscription)
        return batch is not None

    def _failed(self, error: Exception) -> None:
        match error:
            case _PositionLost():
                self._note("position_lost")
            case BusUnavailable():
                self._note("unavailable", error.__cause__ or error)
            case LogDamaged():
                log.critical("log damaged", group=self.group, topic=self.topic, detail=str(error))
                self._note("log_damaged")
            case _:
                self._note("transient" if is_transient(error) else "failed", error)
        self._reload()

    def _note(self, kind: str, error: BaseException | None = None) -> None:
        self._metrics.batch_failures.labels(self.group, self.topic, kind).inc()
        log.warning(
            "batch rolled back", group=self.group, topic=self.topic, kind=kind, exc_info=error
        )

    def _subscribed(self) -> Subscription:
        if self._subscription is None:
            self._bus.ensure_topics()
            self._subscription = self._bus.subscribe(
                self.topic, self.group, limit=self._batch_limit
            )
        return self._subscription

    def _reload(self) -> None:
        if self._subscription is not None:
            self._subscription.reload()

    def close(self) -> None:
        """Gives the partitions up; the next turn would begin anew. Not while the thread runs."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    def _measure_lag(self, subscription: Subscription) -> None:
        if time.monotonic() - self._lag_at < LAG_EVERY_SECONDS:
            return
        self._lag = subscription.lag()
        self._lag_at = time.monotonic()
        self._metrics.lag.labels(self.group, self.topic).set(self._lag)

    # -- one batch ------------------------------------------------------------------------------

    def _apply(self, subscription: Subscription, batch: Batch) -> None:
        with self._metrics.batch_seconds.labels(self.group, self.topic).time():
            try:
                self._commit(batch, self._together)
            except _PositionLost:
                raise
            except Exception as error:
                if self._should_wait(error):
                    raise
                log.warning("batch split", group=self.group, topic=self.topic, exc_info=error)
                self._commit(batch, self._in_halves)
        self._attempts = 0
        subscription.advanced(batch)
        self._bus.wake()
        self._on_applied()
        self._metrics.handled.labels(self.group, self.topic).inc(len(batch.messages))

    def _should_wait(self, error: Exception) -> bool:
        """Contention is waited out a few times; then one message may be the cause of it."""
        if is_outage(error):
            return True
        self._attempts += 1
        return is_transient(error) and self._attempts < ATTEMPTS_BEFORE_SINGLING_OUT

    def _commit(self, batch: Batch, apply: Handler) -> None:
        with self._engine.begin() as conn:
            lock_studies(conn, {m.key for m in batch.messages}, space=self._lock_space)
            if not outbox.advance(
                conn, self.group, batch.topic, batch.partition, batch.start, batch.end
            ):
                self.positions_lost += 1
                raise _PositionLost
            messages = batch.messages
            if self._bus.may_repeat:
                messages = outbox.first_seen(conn, self.group, messages)
            if messages:
                apply(conn, messages)

    def _together(self, conn: Connection, messages: Sequence[Message]) -> None:
        with trace(messages[0].headers):
            self._handle(conn, messages)

    def _in_halves(self, conn: Connection, messages: Sequence[Message]) -> None:
        """What failed together, again in two parts, and so on down to the message at fault: its
        neighbours stay together, because a handler's price is often that of the batch."""
        middle = len(messages) // 2
        for part in (messages[:middle], messages[middle:]):
            if not part:
                continue
            try:
                with conn.begin_nested():
                    self._together(conn, part)
            except Exception as error:
                if is_outage(error):
                    raise
                if len(part) > 1:
                    self._in_halves(conn, part)
                else:
                    with trace(part[0].headers):
                        self._park(conn, part[0], error)

    # -- parking --------------------------------------------------------------------------------

    def _park(self, conn: Connection, message: Message, error: Exception) -> None:
        reason = str(error) if isinstance(error, Poison) else describe(error)
        error_class = type(error).__qualname__
        at = self._clock.now()
        number = outbox.park(
            conn, self.group, message, reason=reason, error_class=error_class, at=at
        )
        if message.topic != PARKED.name:
            self._bus.publish(conn, [self._notice(number, message, reason, error_class)])
        if self._on_parked is not None:
            self._on_parked(conn, message, reason)
        self._metrics.parked.labels(self.group, self.topic).inc()
        log.error(
            "message parked", group=self.group, topic=self.topic, parked=number, reason=reason
        )

    def _notice(self, number: int, message: Message, reason: str, error_class: str) -> Message:
        """What the topic of parked messages carries: where to look, not what was in it."""
        body = {
            "parked": number,
            "group": self.group,
            "topic": message.topic,
            "message_id": message.id,
            "studyid": message.key,
            "reason": reason,
            "error_class": error_class,
            "parked_at": self._clock.now().isoformat(),
        }
        return Message(
            PARKED.name,
            message.key,
            f"parked-{self.group}-{number}",
            json.dumps(body, sort_keys=True).encode(),
        )

    def replay_parked(self, ids: Iterable[int]) -> list[int]:
        """Hands parked messages to the handler again, each in a transaction of its own.

        Returns the ids that went through and are now marked replayed. One that fails again stays
        parked. May run in another thread than the worker's. Outages are raised.
        """
        done = []
        with self._engine.connect() as conn:
            waiting = outbox.parked_by_id(conn, self.group, ids)
        for row in waiting:
            try:
                if self._replay(row):
                    done.append(row.id)
            except Exception as error:
                if is_transient(error):
                    raise
                log.error("replay failed", group=self.group, parked=row.id, exc_info=error)
        self._bus.wake()
        return done

    def _replay(self, row: outbox.Parked) -> bool:
        with self._engine.begin() as conn, trace(row.message.headers):
            lock_studies(conn, [row.message.key], space=self._lock_space)
            if not outbox.parked_by_id(conn, self.group, [row.id], lock=True):
                return False
            self._handle(conn, [row.message])
            outbox.mark_replayed(conn, row.id, self._clock.now())
            return True
