"""The bare pipeline: the same hops with the same libraries, and nothing in between.

POST, one COPY of the lines and of the outbox rows, relay, topic, consume, one COPY; without Kafka
the consumer reads the outbox itself. With a webhook, each line is posted to it in the end. Nothing
is validated, identified, evaluated or answered in detail. The numbers that decide its speed (batch
sizes, client settings) are those of Vigil's own.

Run by the benchmark: ``python -m bench.bare ROLE`` with what it needs in the environment.
"""

from __future__ import annotations

import argparse
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import psycopg
from fastapi import FastAPI, Request, Response
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from starlette.concurrency import run_in_threadpool

from shared.runtime.serving import serve

TOPIC = "bare.lines"
GROUP = "bare"
LIMIT = 500
IDLE_SECONDS = 0.02

SCHEMA = """
    CREATE TABLE received (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text NOT NULL);
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        key text NOT NULL, message_id text NOT NULL, value bytea NOT NULL);
    CREATE INDEX outbox_order ON outbox (xid, id);
    CREATE TABLE applied (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        study text NOT NULL, message_id text NOT NULL, line text NOT NULL);
    CREATE TABLE position (
        reader text PRIMARY KEY, major bigint NOT NULL, minor bigint NOT NULL,
        lines bigint NOT NULL DEFAULT 0);
    INSERT INTO position (reader, major, minor) VALUES ('relay', 0, 0), ('reader', 0, 0);
"""
_TAKE = """
    SELECT xid::text::bigint, id, key, message_id, value FROM outbox
    WHERE (xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, id LIMIT %s
"""
_MOVE = "UPDATE position SET major = %s, minor = %s, lines = lines + %s WHERE reader = %s"

Row = tuple[str, str, bytes]
"""key, message id, line"""


class Door:
    """Takes NDJSON: lines and outbox rows in one transaction, then the answer."""

    def __init__(self, database: str, wake: Callable[[], None]) -> None:
        self._connections: SimpleQueue[psycopg.Connection[Any]] = SimpleQueue()
        for _ in range(8):
            self._connections.put(psycopg.connect(database))
        self._wake = wake

    def app(self) -> FastAPI:
        """One route, its body read as it comes."""
        app = FastAPI()

        @app.post("/events/{study}")
        async def take(study: str, request: Request) -> Response:
            body = await request.body()
            return Response(await run_in_threadpool(self._store, study, body), 202)

        return app

    def _store(self, study: str, body: bytes) -> bytes:
        lines = [line for line in body.split(b"\n") if line]
        batch = secrets.token_hex(16)
        with self._connection() as conn, conn.cursor() as cursor:
            with cursor.copy("COPY received (line) FROM STDIN") as copy:
                for line in lines:
                    copy.write_row((line.decode(),))
            with cursor.copy("COPY outbox (key, message_id, value) FROM STDIN") as copy:
                for number, line in enumerate(lines):
                    copy.write_row((study, f"{batch}{number}", line))
        self._wake()
        return b"%d lines" % len(lines)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        conn = self._connections.get()
        try:
            with conn.transaction():
                yield conn
        finally:
            self._connections.put(conn)


class OutboxReader:
    """Reads the outbox in order and hands batches on; the position moves with them."""

    def __init__(
        self,
        database: str,
        name: str,
        apply: Callable[[Any, Sequence[Row]], None],
        onward: Callable[[Sequence[Row]], None] = lambda _rows: None,
    ) -> None:
        """`onward` gets what has been committed."""
        self._database, self._name, self._apply, self._onward = database, name, apply, onward
        self._bell = threading.Event()

    def wake(self) -> None:
        """Something was committed."""
        self._bell.set()

    def run(self) -> None:
        """Reads for ever."""
        major, minor = 0, 0
        with psycopg.connect(self._database) as conn:
            while True:
                self._bell.clear()
                with conn.transaction():
                    rows = conn.execute(_TAKE, (str(major), minor, LIMIT)).fetchall()
                    if rows:
                        self._apply(conn, [row[2:] for row in rows])
                        major, minor = rows[-1][:2]
                        conn.execute(_MOVE, (major, minor, len(rows), self._name))
                if rows:
                    self._onward([row[2:] for row in rows])
                else:
                    self._bell.wait(IDLE_SECONDS)


def keep(conn: psycopg.Connection[Any], rows: Sequence[Row]) -> None:
    """The end of the pipeline: one COPY."""
    with (
        conn.cursor() as cursor,
        cursor.copy("COPY applied (study, message_id, line) FROM STDIN") as copy,
    ):
        for key, message_id, line in rows:
            copy.write_row((key, message_id, line.decode()))


class Webhook:
    """Posts each line to a receiver, over a connection that stays open; nothing without a URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = HTTPConnection(parts.netloc, timeout=30) if url else None

    def send(self, rows: Sequence[Row]) -> None:
        """As `OutboxReader` wants it."""
        if self._connection is None:
            return
        for _, _, line in rows:
            self._connection.request("POST", self._path, line)
            self._connection.getresponse().read()


class Producer:
    """Sends a batch and waits until each message is confirmed."""

    def __init__(self, servers: str) -> None:
        self._producer = KafkaProducer(
            bootstrap_servers=servers,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            batch_size=256 * 1024,
            metrics_enabled=False,
        )

    def send(self, _conn: object, rows: Sequence[Row]) -> None:
        """As `OutboxReader` wants it."""
        futures = [
            self._producer.send(
                TOPIC, value=line, key=key.encode(), headers=[("id", message_id.encode())]
            )
            for key, message_id, line in rows
        ]
        self._producer.flush(30)
        for future in futures:
            future.get(30)


def consume(servers: str, database: str, onward: Callable[[Sequence[Row]], None]) -> None:
    """From the topic to the rows, for ever."""
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=LIMIT,
        metrics_enabled=False,
    )
    consumer.assign(
        [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC)]
    )
    with psycopg.connect(database) as conn:
        while True:
            for records in consumer.poll(timeout_ms=500).values():
                rows = [(r.key.decode(), r.headers[0][1].decode(), r.value) for r in records]
                with conn.transaction():
                    keep(conn, rows)
                    conn.execute(_MOVE, (0, records[-1].offset, len(rows), "reader"))
                onward(rows)


def _spawn(target: Callable[[], None]) -> None:
    def run() -> None:
        try:
            target()
        finally:
            # It ends by an error only, and a pipeline without a part must not look like a slow one.
            os._exit(1)

    threading.Thread(target=run, daemon=True).start()


def main() -> None:
    """``all``: door and reader over the outbox; ``door`` (with relay) and ``reader`` over Kafka."""
    parser = argparse.ArgumentParser(prog="bench.bare")
    parser.add_argument("role", choices=["all", "door", "reader"])
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    database, servers = os.environ["BARE_DATABASE"], os.environ.get("BARE_KAFKA", "")
    onward = Webhook(os.environ.get("BARE_WEBHOOK", "")).send
    if given.role == "reader":
        consume(servers, database, onward)
    elif given.role == "all":
        _door(database, given.port, OutboxReader(database, "reader", keep, onward))
    else:
        _door(database, given.port, OutboxReader(database, "relay", Producer(servers).send))


def _door(database: str, port: int, following: OutboxReader) -> None:
    _spawn(following.run)
    serve(Door(database, following.wake).app(), "127.0.0.1", port)


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """The condition's first true value. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.01)
    return value


if __name__ == "__main__":
    main()
