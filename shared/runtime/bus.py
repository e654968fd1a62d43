"""The event log as a port: services publish and consume without knowing what carries messages.

Publishing appends to the outbox in the caller's transaction. Consuming yields batches with the
position to store; the worker stores it in the same transaction as the handler's effects, which is
what makes effects happen exactly once although delivery is at least once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""The largest value `publish` takes: what both carriers accept, so that nothing gets stuck."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `key` is the study; `id` is deterministic and unique within its topic."""

    topic: str
    key: str
    id: str
    value: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Connection, Sequence[Message]], None]
"""Applies messages in the given transaction. May see a message again after a rollback."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a reader is. PostgreSQL: (transaction id, row id). Kafka: (0, next offset)."""

    major: int
    minor: int


START = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one partition, in order, with the position held before and after them."""

    topic: str
    partition: int
    messages: Sequence[Message]
    start: Position
    end: Position


class BusUnavailable(RuntimeError):
    """The broker cannot be reached now; the outbox keeps everything until it can."""


class LogDamaged(RuntimeError):
    """Messages this group has not read are gone from the log. Never skipped over silently."""


class TopicMismatch(RuntimeError):
    """A topic exists with another partition count: keys would map to other partitions."""


class Subscription(Protocol):
    """One group's reading of one topic. Owned by one thread, apart from nothing."""

    def poll(self, timeout: float) -> Batch | None:
        """The next batch, or None after `timeout` seconds without one.

        Raises BusUnavailable (try again later) or LogDamaged (a person must look).
        """

    def advanced(self, batch: Batch) -> None:
        """The batch's end is committed in the database: go on from there."""

    def reload(self) -> None:
        """Forget what is held in memory; the next poll starts from the stored positions."""

    def lag(self) -> int:
        """Messages of the log not yet applied, in the partitions this reader holds."""

    def close(self) -> None:
        """Give the partitions up. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class RelayHealth:
    """State of what carries the outbox to the broker, in this process."""

    alive: bool
    leading: bool


class Bus(Protocol):
    """The event log."""

    @property
    def may_repeat(self) -> bool:
        """True if the carrier can deliver a message twice at two positions."""

    def start(self) -> None:
        """Checks what must be right and starts what moves messages in the background.

        Raises TopicMismatch or ForeignHistory: the service must not start. A broker that does not
        answer is waited for in the background instead.
        """

    def ensure_topics(self) -> None:
        """Makes missing topics. Raises TopicMismatch, or BusUnavailable if nobody answers."""

    def publish(self, conn: Connection, messages: Sequence[Message]) -> None:
        """Appends to the outbox, in the caller's transaction. The same id twice counts once."""

    def wake(self) -> None:
        """Tells readers that a transaction with messages has just been committed."""

    def subscribe(self, topic: str, group: str, *, limit: int = 500) -> Subscription:
        """Opens a reader; `limit` is the most messages in a batch."""

    def relay_health(self) -> RelayHealth | None:
        """None where no relay is needed."""

    def close(self) -> None:
        """Stops the background work after what it is doing."""
