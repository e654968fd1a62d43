"""Carries the outbox to a broker: one leader in all processes, in order, each message confirmed.

The position moves only after the broker has confirmed every message before it, so a crash or an
outage means sending again, never losing. Consumers drop what they have seen.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DBAPIError

from shared.runtime import outbox
from shared.runtime.bus import BusUnavailable, Message, Position, RelayHealth, TopicMismatch
from shared.runtime.telemetry import Metrics, get_logger
from shared.runtime.wakeup import Wakeup

log = get_logger(__name__)

GROUP = "relay"
PARTITION = -1
PER_TOPIC = 500
"""Messages of one topic sent before all are confirmed: the client's buffer has no limit."""

IDLE_SECONDS = 0.02
STANDBY_SECONDS = 1.0
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
BACKLOG_EVERY_SECONDS = 5.0

_LEAD = sa.text("SELECT pg_try_advisory_lock(hashtextextended('relay', 0))")
_BEHIND = (
    " FROM bus.cursor c CROSS JOIN LATERAL ("
    "  SELECT * FROM bus.outbox o WHERE o.topic = c.topic"
    "  AND (o.xid, o.id) > (CAST(CAST(c.major AS text) AS xid8), c.minor) {horizon}"
    " ) o WHERE c.group_name = 'relay'"
)
_FETCH = sa.text(
    "SELECT CAST(CAST(xid AS text) AS bigint) AS major, id AS minor, o.topic, key, message_id,"
    " value, headers"
    + _BEHIND.format(
        horizon="AND o.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT :limit"
    )
    + " ORDER BY xid, id"
)
_BACKLOG = sa.text("SELECT count(*)" + _BEHIND.format(horizon="LIMIT 100000"))


class Sender(Protocol):
    """What the relay hands messages to."""

    def send(self, messages: Sequence[Message]) -> None:
        """Returns once every message is confirmed. Raises BusUnavailable if any is not."""

    def close(self) -> None:
        """Lets go of the broker, also of one that does not answer."""


class Relay:
    """The thread that relays. Every process runs one; the one that holds the lock works."""

    def __init__(
        self,
        engine: Engine,
        topics: Sequence[str],
        connect: Callable[[], Sender],
        wakeup: Wakeup,
        metrics: Metrics,
    ) -> None:
        """`connect` opens a sender; it may raise BusUnavailable and is then called again."""
        self._engine = engine
        self._topics = topics
        self._connect = connect
        self._wakeup = wakeup
        self._metrics = metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._conn: Connection | None = None
        self._sender: Sender | None = None
        self._backlog_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ends after the batch under way."""
        self._stopping.set()
        self._wakeup.ring()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def health(self) -> RelayHealth:
        return RelayHealth(alive=self._thread.is_alive(), leading=self._conn is not None)

    def _run(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    self._turn()
                    backoff = FIRST_BACKOFF_SECONDS
                except (BusUnavailable, DBAPIError) as error:
                    log.warning("relay waits", seconds=backoff, exc_info=error)
                    self._let_go(lead=isinstance(error, DBAPIError))
                    self._stopping.wait(backoff)
                    backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
        except TopicMismatch as error:
            log.critical("relay refuses", detail=str(error))
        except BaseException as error:
            log.critical("relay died", exc_info=error)
            raise
        finally:
            self._let_go(lead=True)

    def _turn(self) -> None:
        seen = self._wakeup.count()
        if not self._leads():
            self._stopping.wait(STANDBY_SECONDS)
        elif not self.relay_once():
            self._wakeup.wait(seen, IDLE_SECONDS)

    def relay_once(self) -> bool:
        """Sends what is waiting, a batch of it. False if nothing is. Needs the lead."""
        conn = self._conn
        if conn is None:
            return False
        self._measure_backlog(conn)
        rows = conn.execute(_FETCH, {"limit": PER_TOPIC}).all()
        if rows:
            self._send(rows)
            self._advance(rows)
            self._metrics.relayed.inc(len(rows))
        return bool(rows)

    def _send(self, rows: Sequence[Row[tuple[object, ...]]]) -> None:
        if self._sender is None:
            self._sender = self._connect()
        self._sender.send([outbox.message_of(row.topic, row) for row in rows])

    def _advance(self, rows: Sequence[Row[tuple[object, ...]]]) -> None:
        reached = {row.topic: Position(row.major, row.minor) for row in rows}
        with self._engine.begin() as conn:
            for topic, position in sorted(reached.items()):
                held = outbox.load_position(conn, GROUP, topic, PARTITION)
                outbox.advance(conn, GROUP, topic, PARTITION, held, max(held, position))

    def _leads(self) -> bool:
        if self._conn is None:
            conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            leads = False
            try:
                leads = conn.execute(_LEAD).scalar_one()
                if leads:
                    for topic in self._topics:
                        outbox.load_position(conn, GROUP, topic, PARTITION)
                    self._conn = conn
            finally:
                if self._conn is None:
                    # Its session may hold the lock by now: end it.
                    conn.invalidate()
                    conn.close()
        return self._conn is not None

    def _measure_backlog(self, conn: Connection) -> None:
        if time.monotonic() - self._backlog_at >= BACKLOG_EVERY_SECONDS:
            self._metrics.relay_backlog.set(conn.execute(_BACKLOG).scalar_one())
            self._backlog_at = time.monotonic()

    def _let_go(self, *, lead: bool) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()
        if lead and self._conn is not None:
            conn, self._conn = self._conn, None
            with suppress(DBAPIError):
                conn.invalidate()
                conn.close()
