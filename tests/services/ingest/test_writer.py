"""Group commit: requests share a transaction, but not each other's failures."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Connection, Engine

from services.ingest.api import wording
from services.ingest.intake.reading import Reader
from services.ingest.intake.settling import Submission
from services.ingest.intake.writer import Unavailable, Writer
from services.ingest.store.answers import Answer
from shared.contracts.envelope import read_fact
from shared.runtime.auth import Grant, Principal
from shared.runtime.bus import Message
from shared.runtime.clock import SystemClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Limits
from tests.services.ingest.support import count, event, ndjson, published

PRINCIPAL = Principal("0123456789ab", "EDC", frozenset([Grant("S1", "edc_source")]))
READER = Reader(Limits(), replaying=False)


class GatedBus(PostgresBus):
    """Publishes only while its gate is open, which holds the writer inside a transaction."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def publish(self, conn: Connection, messages: Sequence[Message]) -> None:
        self.entered.set()
        assert self.gate.wait(60)
        super().publish(conn, messages)


class PoisonedBus(GatedBus):
    """Cannot take the record called poison, as a database might not."""

    def publish(self, conn: Connection, messages: Sequence[Message]) -> None:
        if any(read_fact(message.value).recordid == "poison" for message in messages):
            raise ValueError("this one cannot be stored")
        super().publish(conn, messages)


class CutBus(PostgresBus):
    """Loses the database connection in the middle of the first transaction."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.cuts = 1

    def publish(self, conn: Connection, messages: Sequence[Message]) -> None:
        super().publish(conn, messages)
        if self.cuts:
            self.cuts -= 1
            conn.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))


NewWriter = Callable[..., Writer]


@pytest.fixture
def new_writer(engine: Engine) -> Iterator[NewWriter]:
    writers: list[Writer] = []

    def make(bus: PostgresBus, **more: Any) -> Writer:
        results = Counter("results", "results", ["result"], registry=CollectorRegistry())
        writer = Writer(engine, bus, SystemClock(), results=results, **more)
        writers.append(writer)
        writer.start()
        return writer

    yield make
    for writer in writers:
        writer.stop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool


def submission(*events: dict[str, Any]) -> Submission:
    numbers, items = READER.lines(ndjson(events), PRINCIPAL)
    trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    return Submission(items, PRINCIPAL.key_id, trace, partial(wording.lines, numbers))


def statuses(answer: Answer) -> list[int]:
    return [int(line.split(b'"status":')[1][:3]) for line in answer.body.splitlines()]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.005)


def hold(
    writer: Writer, bus: GatedBus, pool: ThreadPoolExecutor, *more: Submission
) -> list["Future[Answer]"]:
    """Holds the writer in a transaction of its own while `more` come in."""
    bus.gate.clear()
    held = pool.submit(writer.submit, submission(event("held", recordid="held")))
    assert bus.entered.wait(60)
    waiting = [pool.submit(writer.submit, one) for one in more]
    wait_until(lambda: writer.waiting == sum(len(one.items) for one in more))
    return [held, *waiting]


def transactions(engine: Engine) -> int:
    with engine.connect() as conn:
        number: int = conn.execute(
            sa.text("SELECT count(DISTINCT CAST(xid AS text)) FROM bus.outbox")
        ).scalar_one()
        return number


def test_waiting_requests_share_one_transaction(
    engine: Engine, new_writer: NewWriter, pool: ThreadPoolExecutor
) -> None:
    bus = GatedBus(engine)
    more = [submission(event(f"{n}", recordid=f"{n}")) for n in range(15)]
    answers = hold(new_writer(bus), bus, pool, *more)
    bus.gate.set()
    assert [statuses(answer.result()) for answer in answers] == [[202]] * 16
    assert transactions(engine) == 2


def test_a_merge_stays_within_its_size(
    engine: Engine, new_writer: NewWriter, pool: ThreadPoolExecutor
) -> None:
    bus = GatedBus(engine)
    more = [
        submission(*(event(f"{n}-{i}", recordid=f"{n}-{i}") for i in range(400))) for n in range(4)
    ]
    answers = hold(new_writer(bus), bus, pool, *more)
    bus.gate.set()
    assert sum(len(statuses(answer.result())) for answer in answers) == 1601
    assert transactions(engine) == 3


def test_what_cannot_be_stored_fails_alone(
    engine: Engine, new_writer: NewWriter, pool: ThreadPoolExecutor
) -> None:
    bus = PoisonedBus(engine)
    mixed = [event(f"m{n}", recordid="poison" if n == 5 else f"m{n}") for n in range(9)]
    answers = hold(
        new_writer(bus),
        bus,
        pool,
        submission(event("before", recordid="before")),
        submission(*mixed),
        submission(event("after", recordid="after")),
    )
    bus.gate.set()
    assert [statuses(answer.result()) for answer in answers] == [
        [202],
        [202],
        [202] * 5 + [422] + [202] * 3,
        [202],
    ]
    assert len(published(engine)) == count(engine, "ingest.version") == 11
    assert count(engine, "ingest.refusal") == 1


def test_a_lost_connection_acknowledges_nothing_and_the_next_request_is_taken(
    engine: Engine, new_writer: NewWriter
) -> None:
    writer = new_writer(CutBus(engine))
    with pytest.raises(Unavailable):
        writer.submit(submission(event()))
    assert published(engine) == []
    assert statuses(writer.submit(submission(event()))) == [202]


def test_too_much_waiting_is_refused_but_a_large_request_alone_is_not(
    engine: Engine, new_writer: NewWriter, pool: ThreadPoolExecutor
) -> None:
    bus = GatedBus(engine)
    writer = new_writer(bus, most_waiting=3)
    large = submission(*(event(f"l{n}", recordid=f"l{n}") for n in range(10)))
    assert statuses(writer.submit(large)) == [202] * 10
    bus.entered.clear()
    answers = hold(
        writer, bus, pool, *(submission(event(f"{n}", recordid=f"{n}")) for n in range(3))
    )
    assert not writer.has_room()
    with pytest.raises(Unavailable):
        writer.submit(submission(event("late", recordid="late")))
    bus.gate.set()
    assert [statuses(answer.result()) for answer in answers] == [[202]] * 4
    assert writer.has_room()


def test_a_request_given_up_while_it_waits_is_not_written(
    engine: Engine, new_writer: NewWriter, pool: ThreadPoolExecutor
) -> None:
    bus = GatedBus(engine)
    writer = new_writer(bus, longest_wait=0.2)
    held, late = hold(writer, bus, pool, submission(event("late", recordid="late")))
    for answer in (held, late):
        with pytest.raises(Unavailable):
            answer.result()
    bus.gate.set()
    writer.stop()
    assert [fact.recordid for fact in published(engine)] == ["held"]


def test_stopping_writes_what_waits_and_takes_nothing_more(
    engine: Engine, new_writer: NewWriter, pool: ThreadPoolExecutor
) -> None:
    bus = GatedBus(engine)
    writer = new_writer(bus)
    answers = hold(writer, bus, pool, submission(event("1", recordid="1")))
    bus.gate.set()
    writer.stop()
    assert [statuses(answer.result()) for answer in answers] == [[202], [202]]
    assert not writer.alive
    with pytest.raises(Unavailable):
        writer.submit(submission(event("2", recordid="2")))


def test_a_fact_carries_the_trace_of_its_request(engine: Engine, new_writer: NewWriter) -> None:
    one = submission(event())
    new_writer(PostgresBus(engine)).submit(one)
    with engine.connect() as conn:
        headers = conn.execute(sa.text("SELECT headers FROM bus.outbox")).scalar_one()
    assert headers["traceparent"] == one.traceparent


def test_within_a_study_facts_are_known_in_the_order_they_are_published(
    engine: Engine, new_writer: NewWriter, pool: ThreadPoolExecutor
) -> None:
    writers = [new_writer(PostgresBus(engine)) for _ in range(3)]

    def send(number: int) -> Answer:
        return writers[number % 3].submit(submission(event(f"{number}", recordid=f"{number}")))

    assert {tuple(statuses(answer)) for answer in pool.map(send, range(60))} == {(202,)}
    known = [fact.known_at for fact in published(engine)]
    assert len(known) == 60
    assert known == sorted(known)
