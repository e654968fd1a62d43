"""The event log over Kafka. The only module that knows the Kafka client.

Positions live in our database, not in Kafka: what is committed to the broker is a hint for lag
displays. Messages are bytes here; a deserializer that raises would stop the client for good.
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    TopicPartition,
)
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.net.compat import KafkaNetClient
from kafka.structs import OffsetAndMetadata
from sqlalchemy import Connection, Engine

from shared.contracts.topics import ALL, TopicSpec
from shared.runtime import outbox
from shared.runtime.bus import (
    MAX_MESSAGE_BYTES,
    Batch,
    BusUnavailable,
    LogDamaged,
    Message,
    Position,
    RelayHealth,
    Subscription,
    TopicMismatch,
)
from shared.runtime.kafka_wire import (
    ENVELOPE_BYTES,
    client_config,
    creation_of,
    headers_of,
    message_of,
    partition_counts,
    partitions_of,
)
from shared.runtime.relay import Relay, Sender
from shared.runtime.settings import KafkaSettings
from shared.runtime.telemetry import Metrics, get_logger
from shared.runtime.wakeup import Wakeup

log = get_logger(__name__)

CONNECT_MS = 5_000
SESSION_MS = 15_000
METADATA_MS = 10_000
CONFIRM_SECONDS = 30.0
HINT_EVERY_SECONDS = 5.0
STALL_SECONDS = 20.0
"""A reader that gets nothing for so long although there is something opens a new connection."""


class KafkaBus:
    """The bus of larger installations. One per process."""

    may_repeat = True

    def __init__(
        self,
        engine: Engine,
        settings: KafkaSettings,
        *,
        topics: Sequence[TopicSpec] = ALL,
        metrics: Metrics | None = None,
        wakeup: Wakeup | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._topics = topics
        self._wakeup = wakeup or Wakeup()
        self._topics_checked = threading.Event()
        names = [topic.name for topic in topics]
        self._relay = Relay(engine, names, self._sender, self._wakeup, metrics or Metrics())

    def start(self) -> None:
        with self._engine.connect() as conn:
            outbox.refuse_foreign_history(conn)
        try:
            self.ensure_topics()
        except BusUnavailable as error:
            log.warning("starting without the broker", exc_info=error)
        self._relay.start()

    def publish(self, conn: Connection, messages: Sequence[Message]) -> None:
        outbox.append(conn, messages)

    def wake(self) -> None:
        self._wakeup.ring()

    def subscribe(self, topic: str, group: str, *, limit: int = 500) -> Subscription:
        return _KafkaSubscription(self._engine, client_config(self._settings), topic, group, limit)

    def relay_health(self) -> RelayHealth | None:
        return self._relay.health()

    def close(self) -> None:
        self._relay.stop()

    def ensure_topics(self) -> None:
        if self._topics_checked.is_set():
            return
        admin = _connected(KafkaAdminClient, client_config(self._settings))
        try:
            self._create_missing(admin)
            self._compare(admin)
        except (KafkaError, OSError) as error:
            raise BusUnavailable("the broker does not answer") from error
        finally:
            admin.close()
        self._topics_checked.set()

    def _create_missing(self, admin: Any) -> None:
        present = partition_counts(admin)
        missing = [topic for topic in self._topics if topic.name not in present]
        if missing:
            with suppress(TopicAlreadyExistsError):
                creations = {topic.name: creation_of(topic, self._settings) for topic in missing}
                admin.create_topics(creations, wait_for_metadata=True)

    def _compare(self, admin: Any) -> None:
        present = partition_counts(admin)
        for topic in self._topics:
            if topic.name not in present:
                raise BusUnavailable(f"topic {topic.name} is not there yet")
            wanted = partitions_of(topic, self._settings)
            if present[topic.name] != wanted:
                raise TopicMismatch(
                    f"topic {topic.name} has {present[topic.name]} partitions,"
                    f" {wanted} are configured: keys would move to others"
                )

    def _sender(self) -> Sender:
        self.ensure_topics()
        return _KafkaSender(client_config(self._settings))


def _connected(kind: Any, client: dict[str, Any], **more: Any) -> Any:
    """A client of `kind` that has reached the broker. Raises BusUnavailable.

    A constructor that fails leaves its thread and sockets behind (kafka-python 3.0.12), and an
    outage is many failures: so they are closed here.
    """
    opened: list[Any] = []

    def remember(**config: Any) -> Any:
        opened.append(KafkaNetClient(**config))
        return opened[-1]

    try:
        return kind(**client, **more, bootstrap_timeout_ms=CONNECT_MS, kafka_client=remember)
    except (KafkaError, OSError) as error:
        for net in opened:
            net.close()
        raise BusUnavailable("the broker does not answer") from error


class _KafkaSender:
    """A producer whose every message is confirmed before the next batch."""

    def __init__(self, client: dict[str, Any]) -> None:
        self._producer = _connected(
            KafkaProducer,
            client,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            batch_size=256 * 1024,
            max_request_size=MAX_MESSAGE_BYTES + ENVELOPE_BYTES,
            max_block_ms=CONNECT_MS,
            request_timeout_ms=10_000,
            delivery_timeout_ms=int(CONFIRM_SECONDS * 1000),
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def send(self, messages: Sequence[Message]) -> None:
        try:
            confirmations = [
                self._producer.send(
                    message.topic,
                    value=message.value,
                    key=message.key.encode(),
                    headers=headers_of(message),
                )
                for message in messages
            ]
            self._producer.flush(CONFIRM_SECONDS)
            # flush does not say what failed; only each message's own future does.
            for confirmation in confirmations:
                confirmation.get(CONFIRM_SECONDS)
        except KafkaError as error:
            raise BusUnavailable("the broker did not confirm") from error

    def close(self) -> None:
        # With the broker away this raises, and the unsent is in the outbox anyway.
        with suppress(KafkaError):
            self._producer.close(2.0)


class _KafkaSubscription(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads the partitions the group gives it, each from the position in our database.

    A partition is *seated* once its stored position is loaded and sought. Rebalance callbacks run
    on the client's own thread, where waiting is forbidden: they only unseat.
    """

    def __init__(
        self, engine: Engine, client: dict[str, Any], topic: str, group: str, limit: int
    ) -> None:
        self._engine = engine
        self._client = client
        self._topic = topic
        self._group = group
        self._limit = limit
        self._consumer: Any = None
        self._lock = threading.Lock()
        self._generation = 0
        self._held: dict[int, int] = {}
        self._queue: deque[Batch] = deque()
        self._hinted_at = 0.0
        self._moved_at = time.monotonic()

    # -- callbacks on the client's thread -------------------------------------------------------

    def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        self._unseat(assigned)

    def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        self._unseat(revoked)

    on_partitions_lost = on_partitions_revoked

    def _unseat(self, partitions: Collection[Any]) -> None:
        with self._lock:
            self._generation += 1
            for tp in partitions:
                self._held.pop(tp.partition, None)

    # -- the port -------------------------------------------------------------------------------

    def poll(self, timeout: float) -> Batch | None:
        try:
            if not self._queue:
                self._fetch(timeout)
        except (KafkaError, OSError) as error:
            self.close()
            raise BusUnavailable("the broker does not answer") from error
        while self._queue:
            batch = self._queue.popleft()
            if self._position(batch.partition) == batch.start.minor:
                return batch
        return None

    def advanced(self, batch: Batch) -> None:
        with self._lock:
            if batch.partition in self._held:
                self._held[batch.partition] = batch.end.minor
        self._moved_at = time.monotonic()
        self._hint()

    def reload(self) -> None:
        self._queue.clear()
        with self._lock:
            self._held.clear()

    def lag(self) -> int:
        """Raises BusUnavailable. Also notices a reader that gets nothing although there is some."""
        if self._consumer is None:
            return 0
        with self._lock:
            held = dict(self._held)
        try:
            ends = self._consumer.end_offsets([self._tp(partition) for partition in held])
        except (KafkaError, OSError) as error:
            self.close()
            raise BusUnavailable("the broker does not answer") from error
        lag = sum(ends[self._tp(partition)] - offset for partition, offset in held.items())
        if lag and time.monotonic() - self._moved_at > STALL_SECONDS:
            log.error("reader stalled", group=self._group, topic=self._topic, lag=lag)
            self.close()
        return max(int(lag), 0)

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self.reload()
        if consumer is not None:
            with suppress(KafkaError, OSError):
                consumer.close(timeout_ms=3_000)

    # -- fetching -------------------------------------------------------------------------------

    def _fetch(self, timeout: float) -> None:
        if self._consumer is None:
            self._consumer = self._open()
            self._moved_at = time.monotonic()
        self._seat_all()
        polled = self._consumer.poll(timeout_ms=int(timeout * 1000))
        for tp, records in polled.items():
            held = self._position(tp.partition)
            if held is not None and records:
                self._take(tp, records, held)

    def _open(self) -> Any:
        consumer = _connected(
            KafkaConsumer,
            self._client,
            group_id=f"vigil.{self._group}.{self._topic}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=self._limit,
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES + ENVELOPE_BYTES,
            session_timeout_ms=SESSION_MS,
            metadata_max_age_ms=METADATA_MS,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        consumer.subscribe([self._topic], listener=self)
        # Asking for the topics brings their partitions up to date before the group is joined.
        # Otherwise the client joins a second time, and if a poll times out in the middle of that
        # it never gets a record again (kafka-python 3.0.12).
        if self._topic not in consumer.topics():
            consumer.close()
            raise BusUnavailable(f"topic {self._topic} is not there yet")
        return consumer

    def _seat_all(self) -> None:
        with self._lock:
            generation = self._generation
            waiting = [tp for tp in self._consumer.assignment() if tp.partition not in self._held]
        if not waiting:
            return
        with self._engine.begin() as conn:
            stored = {
                tp: outbox.load_position(conn, self._group, self._topic, tp.partition).minor
                for tp in waiting
            }
        self._refuse_holes(stored)
        for tp, offset in stored.items():
            self._consumer.seek(tp, offset)
        with self._lock:
            # A rebalance in between has thrown our seeks away.
            if generation == self._generation:
                self._held.update({tp.partition: offset for tp, offset in stored.items()})

    def _refuse_holes(self, wanted: dict[Any, int]) -> None:
        beginnings = self._consumer.beginning_offsets(list(wanted))
        ends = self._consumer.end_offsets(list(wanted))
        for tp, offset in wanted.items():
            if not beginnings[tp] <= offset <= ends[tp]:
                raise LogDamaged(
                    f"{tp.topic}/{tp.partition} holds {beginnings[tp]} to {ends[tp]}, but"
                    f" {self._group} has read up to {offset}: messages were deleted unread, or the"
                    " topic was made anew; see docs/decisions/event-log.md"
                )

    def _take(self, tp: Any, records: Sequence[Any], held: int) -> None:
        first = records[0].offset
        if first < held:
            # The client fell back to an older offset; seating again looks at why.
            self._unseat([tp])
            return
        if first > held:
            self._refuse_holes({tp: held})
        messages = [message_of(record) for record in records]
        start, end = Position(0, held), Position(0, records[-1].offset + 1)
        self._queue.append(Batch(self._topic, tp.partition, messages, start, end))

    def _position(self, partition: int) -> int | None:
        with self._lock:
            return self._held.get(partition)

    def _tp(self, partition: int) -> Any:
        return TopicPartition(self._topic, partition)

    def _hint(self) -> None:
        if time.monotonic() - self._hinted_at < HINT_EVERY_SECONDS or self._consumer is None:
            return
        self._hinted_at = time.monotonic()
        with self._lock:
            offsets = {
                self._tp(partition): OffsetAndMetadata(offset, "", -1)
                for partition, offset in self._held.items()
            }
        with suppress(KafkaError):
            self._consumer.commit_async(offsets)
