"""The event log without a broker: the outbox table is the topic.

Rows are read in the order (transaction id, row id) and only behind the oldest transaction still
running: PostgreSQL ids become visible out of order, and a reader of "id > last seen" loses rows.
"""

import time
from collections.abc import Sequence
from types import TracebackType

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from shared.runtime import outbox
from shared.runtime.bus import Batch, BusUnavailable, Message, Position, RelayHealth, Subscription
from shared.runtime.wakeup import Wakeup

IDLE_SECONDS = 0.05
"""How long a reader waits without being woken: messages committed by another process."""

PARTITION = -1
"""Cursor rows of this bus; Kafka's partitions count from 0, so the two are never mistaken."""

_FETCH = sa.text(
    "SELECT CAST(CAST(xid AS text) AS bigint) AS major, id AS minor, key, message_id, value,"
    " headers FROM bus.outbox"
    " WHERE topic = :topic AND (xid, id) > (CAST(:major AS xid8), CAST(:minor AS bigint))"
    " AND xid < pg_snapshot_xmin(pg_current_snapshot())"
    " ORDER BY xid, id LIMIT :limit"
)
_LAG = sa.text(
    "SELECT count(*) FROM bus.outbox"
    " WHERE topic = :topic AND (xid, id) > (CAST(:major AS xid8), CAST(:minor AS bigint))"
)
_LEAD = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")


class PostgresBus:
    """The bus of the embedded default. One per process; any number of processes."""

    may_repeat = False

    def __init__(self, engine: Engine, wakeup: Wakeup | None = None) -> None:
        self._engine = engine
        self._wakeup = wakeup or Wakeup()

    def __enter__(self) -> "PostgresBus":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        with self._engine.connect() as conn:
            outbox.refuse_foreign_history(conn)

    def ensure_topics(self) -> None:
        """A topic is a column's value here: nothing to make."""

    def publish(self, conn: Connection, messages: Sequence[Message]) -> None:
        outbox.append(conn, messages)

    def wake(self) -> None:
        self._wakeup.ring()

    def subscribe(self, topic: str, group: str, *, limit: int = 500) -> Subscription:
        return _PostgresSubscription(self._wakeup, self._engine, topic, group, limit)

    def relay_health(self) -> RelayHealth | None:
        return None

    def close(self) -> None:
        self.wake()


class _PostgresSubscription:
    """Reads as the only one of its group: others stand by until its session ends."""

    def __init__(self, wakeup: Wakeup, engine: Engine, topic: str, group: str, limit: int) -> None:
        self._wakeup = wakeup
        self._engine = engine
        self._topic = topic
        self._group = group
        self._limit = limit
        self._conn: Connection | None = None
        self._held: Position | None = None

    def poll(self, timeout: float) -> Batch | None:
        deadline = time.monotonic() + timeout
        while True:
            seen = self._wakeup.count()
            batch = self._read()
            remaining = deadline - time.monotonic()
            if batch is not None or remaining <= 0:
                return batch
            self._wakeup.wait(seen, min(remaining, IDLE_SECONDS))

    def advanced(self, batch: Batch) -> None:
        self._held = batch.end

    def reload(self) -> None:
        self._held = None

    def lag(self) -> int:
        if self._conn is None or self._held is None:
            return 0
        count: int = self._conn.execute(_LAG, self._after(self._held)).scalar_one()
        return count

    def close(self) -> None:
        conn, self._conn, self._held = self._conn, None, None
        if conn is not None:
            # The advisory lock belongs to the session: end the session, not only its use.
            conn.invalidate()
            conn.close()

    def _read(self) -> Batch | None:
        try:
            conn = self._leading()
            return self._fetch(conn) if conn is not None else None
        except DBAPIError as error:
            self.close()
            raise BusUnavailable("the database does not answer") from error

    def _leading(self) -> Connection | None:
        if self._conn is not None:
            return self._conn
        conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        leads = False
        try:
            leads = conn.execute(
                _LEAD, {"name": f"reader/{self._group}/{self._topic}"}
            ).scalar_one()
        finally:
            if not leads:
                conn.close()
        if leads:
            self._conn = conn
            self._held = None
        return self._conn

    def _fetch(self, conn: Connection) -> Batch | None:
        if self._held is None:
            self._held = outbox.load_position(conn, self._group, self._topic, PARTITION)
        rows = conn.execute(_FETCH, {**self._after(self._held), "limit": self._limit}).all()
        if not rows:
            return None
        messages = [outbox.message_of(self._topic, row) for row in rows]
        end = Position(rows[-1].major, rows[-1].minor)
        return Batch(self._topic, PARTITION, messages, self._held, end)

    def _after(self, position: Position) -> dict[str, object]:
        return {"topic": self._topic, "major": str(position.major), "minor": position.minor}
