"""What every bus must do, stated once; `test_postgres_bus` and `test_kafka_bus` bind it.

The counters here are deliberately not idempotent: an effect applied twice shows.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from shared.contracts.topics import PARKED
from shared.runtime import outbox
from shared.runtime.bus import Bus, Handler, Message
from shared.runtime.clock import ManualClock
from shared.runtime.db import lock_studies
from shared.runtime.telemetry import parse_traceparent, trace
from shared.runtime.worker import Poison, Worker

PATIENCE_SECONDS = 60.0
CLOCK = ManualClock(datetime(2026, 1, 15, tzinfo=UTC))


class Harness:
    """A bus on a database of its own, with a topic that no other test uses."""

    def __init__(self, engine: Engine, make_bus: Callable[[], Bus], topic: str) -> None:
        self.engine = engine
        self.make_bus = make_bus
        self.topic = topic
        self.bus = make_bus()
        self.bus.start()
        self.workers: list[Worker] = []
        with engine.begin() as conn:
            conn.execute(sa.text("CREATE TABLE applied (id text, key text, n serial)"))

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.bus.close()

    def publish(self, *messages: Message) -> None:
        with self.engine.begin() as conn:
            lock_studies(conn, {m.key for m in messages}, space="test")
            self.bus.publish(conn, messages)
        self.bus.wake()

    def message(self, number: int, key: str = "ST-1", value: bytes = b"{}") -> Message:
        return Message(self.topic, key, f"{key}/{number}", value)

    def worker(
        self,
        handle: Handler | None = None,
        group: str = "g",
        topic: str | None = None,
        **more: object,
    ) -> Worker:
        worker = Worker(
            engine=self.engine,
            bus=self.bus,
            topic=topic or self.topic,
            group=group,
            handle=handle or record,
            clock=CLOCK,
            **more,  # type: ignore[arg-type]
        )
        self.workers.append(worker)
        return worker

    def applied(self) -> list[str]:
        with self.engine.connect() as conn:
            return list(conn.execute(sa.text("SELECT id FROM applied ORDER BY n")).scalars())

    def run_until(self, worker: Worker, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, "waited too long"
            worker.run_once(0.2)

    def run_until_applied(self, worker: Worker, total: int) -> list[str]:
        self.run_until(worker, lambda: len(self.applied()) >= total)
        worker.run_once(0.2)
        return self.applied()


def record(conn: Connection, messages: Sequence[Message]) -> None:
    for message in messages:
        conn.execute(
            sa.text("INSERT INTO applied (id, key) VALUES (:id, :key)"),
            {"id": message.id, "key": message.key},
        )


class PoisonFor:
    """A handler that cannot take one message until it is mended."""

    def __init__(self, id: str, error: Exception) -> None:
        self.id = id
        self.error = error
        self.mended = False
        self.calls = 0

    def __call__(self, conn: Connection, messages: Sequence[Message]) -> None:
        self.calls += 1
        record(conn, messages)
        if not self.mended and any(message.id == self.id for message in messages):
            raise self.error


class BusContract:
    """Subclasses give `make_bus` and `topic`."""

    @pytest.fixture
    def make_bus(self, engine: Engine, topic: str) -> Callable[[], Bus]:
        raise NotImplementedError

    @pytest.fixture
    def topic(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def harness(self, engine: Engine, make_bus: Callable[[], Bus], topic: str) -> Iterator[Harness]:
        harness = Harness(engine, make_bus, topic)
        yield harness
        harness.close()

    # -- order and completeness -----------------------------------------------------------------

    def test_a_study_s_messages_arrive_once_and_in_order(self, harness: Harness) -> None:
        for number in range(30):
            harness.publish(*[harness.message(number, key) for key in ("ST-1", "ST-2", "ST-3")])
        applied = harness.run_until_applied(harness.worker(batch_limit=7), 90)
        assert len(applied) == 90
        for key in ("ST-1", "ST-2", "ST-3"):
            own = [name for name in applied if name.startswith(f"{key}/")]
            assert own == [f"{key}/{number}" for number in range(30)]

    def test_a_late_group_sees_everything(self, harness: Harness) -> None:
        harness.publish(*[harness.message(number) for number in range(5)])
        harness.run_until_applied(harness.worker(), 5)
        applied = harness.run_until_applied(harness.worker(group="late"), 10)
        assert applied[5:] == [f"ST-1/{number}" for number in range(5)]

    def test_what_was_rolled_back_was_never_published(self, harness: Harness) -> None:
        with harness.engine.connect() as conn:
            harness.bus.publish(conn, [harness.message(1)])
            conn.rollback()
        harness.publish(harness.message(2))
        assert harness.run_until_applied(harness.worker(), 1) == ["ST-1/2"]

    def test_the_same_id_published_twice_arrives_once(self, harness: Harness) -> None:
        harness.publish(harness.message(1), harness.message(1))
        harness.publish(harness.message(1), harness.message(2))
        assert harness.run_until_applied(harness.worker(), 2) == ["ST-1/1", "ST-1/2"]

    def test_eight_writers_lose_nothing(self, harness: Harness) -> None:
        """Ids become visible out of order; a reader of "id > last seen" loses a third here."""
        per_writer, writers = 60, 8
        pause = threading.Event()

        def write(writer: int) -> None:
            for number in range(per_writer):
                with harness.engine.begin() as conn:
                    lock_studies(conn, [f"ST-{writer}"], space="test")
                    harness.bus.publish(conn, [harness.message(number, f"ST-{writer}")])
                    if number % 5 == 0:
                        pause.wait(0.004)

        threads = [threading.Thread(target=write, args=(w,)) for w in range(writers)]
        for thread in threads:
            thread.start()
        applied = harness.run_until_applied(harness.worker(), per_writer * writers)
        for thread in threads:
            thread.join()
        assert len(applied) == len(set(applied)) == per_writer * writers
        for writer in range(writers):
            own = [name for name in applied if name.startswith(f"ST-{writer}/")]
            assert own == [f"ST-{writer}/{number}" for number in range(per_writer)]

    # -- what a message carries -----------------------------------------------------------------

    def test_any_bytes_and_headers_come_through(self, harness: Harness) -> None:
        got: list[Message] = []
        value = bytes(range(256)) * 40
        sent = Message(harness.topic, "Stüdy ✓", "id ✓", value, {"kind": "ü"})
        harness.publish(sent)
        worker = harness.worker(lambda _, messages: got.extend(messages))
        harness.run_until(worker, lambda: bool(got))
        [message] = got
        assert (message.key, message.id, message.value) == (sent.key, sent.id, value)
        assert message.headers["kind"] == "ü"

    def test_the_trace_goes_on_through_the_handler(self, harness: Harness) -> None:
        got: list[Message] = []

        def forward(conn: Connection, messages: Sequence[Message]) -> None:
            if messages[0].key == "first":
                harness.bus.publish(conn, [harness.message(2, "second")])
            got.extend(messages)

        with trace({}) as span:
            harness.publish(harness.message(1, "first"))
        harness.run_until(harness.worker(forward), lambda: len(got) == 2)
        traces = [parse_traceparent(message.headers["traceparent"]) for message in got]
        assert [t.trace_id for t in traces if t] == [span.trace_id] * 2

    def test_a_value_that_no_carrier_takes_is_refused_at_once(self, harness: Harness) -> None:
        with pytest.raises(ValueError, match="bytes"):
            harness.publish(harness.message(1, value=b"x" * (4 * 1024 * 1024 + 1)))

    # -- crashes --------------------------------------------------------------------------------

    def test_a_crash_after_the_commit_repeats_nothing(self, harness: Harness) -> None:
        for start in range(4):
            harness.publish(*[harness.message(start * 5 + n) for n in range(5)])
            worker = harness.worker()
            harness.run_until_applied(worker, start * 5 + 5)
            # Gone without a word to the broker: the position is only in our database.
            worker.close()
        assert harness.applied() == [f"ST-1/{number}" for number in range(20)]

    def test_a_crash_before_the_commit_applies_everything_once(self, harness: Harness) -> None:
        crashes = count()

        def crash_twice(conn: Connection, messages: Sequence[Message]) -> None:
            record(conn, messages)
            if next(crashes) < 2:
                raise ConnectionError("the database went away")

        harness.publish(*[harness.message(number) for number in range(5)])
        worker = harness.worker(crash_twice)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                harness.run_until(worker, lambda: False)
            worker.close()
            assert harness.applied() == []
        assert harness.run_until_applied(worker, 5) == [f"ST-1/{number}" for number in range(5)]

    def test_a_zombie_s_work_is_rolled_back(self, harness: Harness) -> None:
        """It holds a position that another worker has moved on from while it slept."""
        harness.publish(harness.message(1))
        zombie = harness.worker()
        harness.run_until_applied(zombie, 1)
        with harness.engine.begin() as conn:
            moved = conn.execute(
                sa.text(
                    "UPDATE bus.cursor SET minor = minor + 1"
                    " WHERE group_name = 'g' AND topic = :topic AND minor > 0"
                ),
                {"topic": harness.topic},
            )
            assert moved.rowcount == 1
        harness.publish(harness.message(2))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while zombie.positions_lost == 0:
            assert time.monotonic() < deadline
            zombie.run_once(0.2)
        assert harness.applied() == ["ST-1/1"]

    # -- messages that cannot be handled --------------------------------------------------------

    def test_poison_is_parked_and_its_neighbours_pass(self, harness: Harness) -> None:
        told: list[tuple[str, str]] = []

        def on_parked(conn: Connection, message: Message, reason: str) -> None:
            record(conn, [Message(message.topic, message.key, f"degraded {message.key}", b"")])
            told.append((message.key, reason))

        harness.publish(*[harness.message(n, f"ST-{n % 2}") for n in range(6)])
        poison = PoisonFor("ST-1/3", RuntimeError("SUBJECT-0042 is not a number"))
        worker = harness.worker(poison, on_parked=on_parked)
        applied = harness.run_until_applied(worker, 6)
        assert set(applied) == {"ST-0/0", "ST-1/1", "ST-0/2", "ST-0/4", "ST-1/5", "degraded ST-1"}
        assert len(applied) == 6
        with harness.engine.connect() as conn:
            [row] = outbox.parked(conn, "g")
            assert outbox.parked(conn, "g", study="ST-0") == []
        assert row.message.id == "ST-1/3"
        assert row.error_class == "RuntimeError"
        assert "SUBJECT" not in row.reason
        assert row.reason.startswith("builtins.RuntimeError at ")
        assert told == [("ST-1", row.reason)]

    def test_what_is_at_fault_is_found_by_halves_and_order_is_kept(self, harness: Harness) -> None:
        poison = PoisonFor("ST-1/37", Poison("not a fact"))
        worker = harness.worker(poison)
        harness.publish(*(harness.message(n) for n in range(64)))
        applied = harness.run_until_applied(worker, 63)
        assert applied == [f"ST-1/{n}" for n in range(64) if n != 37]
        assert [row.message.id for row in self._parked(harness, "g")] == ["ST-1/37"]
        # Together once, then two parts at each of the six levels; a poll may bring less than all.
        assert poison.calls <= 1 + 2 * 6 + 8

    def test_a_parked_message_is_announced_without_its_content(self, harness: Harness) -> None:
        notices: list[Message] = []
        secret = b'{"USUBJID": "SUBJECT-0042"}'
        harness.publish(harness.message(1, "ST-announce", secret))
        poison = PoisonFor("ST-announce/1", Poison("unknown event type"))
        worker = harness.worker(poison, group="announcing")
        harness.run_until(worker, lambda: bool(self._parked(harness, "announcing")))
        listener = harness.worker(
            lambda _, messages: notices.extend(messages), group="ops", topic=PARKED.name
        )
        [row] = self._parked(harness, "announcing")

        def own() -> list[dict[str, object]]:
            found = [json.loads(m.value) for m in notices if m.key == "ST-announce"]
            return [n for n in found if n["topic"] == harness.topic]

        harness.run_until(listener, lambda: bool(own()))
        [notice] = own()
        assert notice["reason"] == "unknown event type"
        assert (notice["group"], notice["parked"]) == ("announcing", row.id)
        assert not any(b"SUBJECT" in message.value for message in notices)

    def test_parked_messages_are_replayed_after_the_fix_once(self, harness: Harness) -> None:
        harness.publish(*[harness.message(number) for number in range(3)])
        poison = PoisonFor("ST-1/1", ValueError("no"))
        worker = harness.worker(poison)
        harness.run_until_applied(worker, 2)
        [row] = self._parked(harness, "g")
        assert worker.replay_parked([row.id]) == []
        assert [r.id for r in self._parked(harness, "g")] == [row.id]
        poison.mended = True
        assert worker.replay_parked([row.id]) == [row.id]
        assert worker.replay_parked([row.id]) == []
        assert self._parked(harness, "g") == []
        assert harness.applied() == ["ST-1/0", "ST-1/2", "ST-1/1"]

    def test_an_outage_parks_nothing(self, harness: Harness) -> None:
        outage = [True]

        def handle(conn: Connection, messages: Sequence[Message]) -> None:
            if outage[0]:
                conn.execute(sa.text("SELECT * FROM not_migrated_yet"))
            record(conn, messages)

        harness.publish(harness.message(1))
        worker = harness.worker(handle)
        with pytest.raises(sa.exc.ProgrammingError):
            harness.run_until(worker, lambda: False)
        outage[0] = False
        worker.close()
        assert harness.run_until_applied(worker, 1) == ["ST-1/1"]
        assert self._parked(harness, "g") == []

    # -- the thread -----------------------------------------------------------------------------

    def test_the_thread_works_until_stopped(self, harness: Harness) -> None:
        worker = harness.worker()
        assert not worker.ready()
        worker.start()
        harness.publish(*[harness.message(number) for number in range(10)])
        wait_for(lambda: len(harness.applied()) == 10)
        wait_for(worker.ready)
        assert worker.stop()
        assert not worker.alive
        assert not worker.ready()
        harness.publish(harness.message(10))
        assert len(harness.applied()) == 10

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_dead_thread_is_not_ready(self, harness: Harness) -> None:
        def die(_conn: Connection, _messages: Sequence[Message]) -> None:
            raise SystemExit

        worker = harness.worker(die)
        worker.start()
        harness.publish(harness.message(1))
        wait_for(lambda: not worker.alive)
        assert not worker.ready()

    @staticmethod
    def _parked(harness: Harness, group: str) -> list[outbox.Parked]:
        with harness.engine.connect() as conn:
            return outbox.parked(conn, group)


def repair(number: int) -> list[str]:
    """The statements of a repair as the decision page tells the operator to run them."""
    page = Path(__file__).parents[2] / "docs" / "decisions" / "event-log.md"
    blocks = re.findall(r"```sql\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [statement for statement in blocks[number].split(";") if statement.strip()]


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits for a condition that another thread brings about."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        pause.wait(0.01)
