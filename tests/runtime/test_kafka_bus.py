"""The bus contract on a real Kafka, and what only this bus has to prove."""

import gc
import logging
import secrets
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from sqlalchemy import Engine

from shared.contracts.topics import PARKED, TopicSpec
from shared.runtime.bus import Bus, BusUnavailable, LogDamaged, Message, Position, TopicMismatch
from shared.runtime.db import lock_studies
from shared.runtime.kafka_bus import KafkaBus
from shared.runtime.outbox import load_position
from shared.runtime.settings import KafkaSettings
from shared.runtime.worker import Worker
from tests.runtime.bus_contract import CLOCK, BusContract, Harness, record, repair, wait_for

pytestmark = pytest.mark.kafka

PARTITIONS = 3


def unused_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


class TestKafkaBus(BusContract):
    @pytest.fixture
    def topic(self) -> str:
        return f"test.{secrets.token_hex(4)}.v1"

    @pytest.fixture
    def make_bus(
        self, engine: Engine, topic: str, kafka_settings: KafkaSettings
    ) -> Callable[[], Bus]:
        specs = [TopicSpec(topic, producer="test"), PARKED]
        return lambda: KafkaBus(engine, kafka_settings, topics=specs)

    @pytest.fixture
    def kafka_settings(self, kafka_bootstrap: str) -> KafkaSettings:
        return KafkaSettings(tuple(kafka_bootstrap.split(",")), partitions=PARTITIONS)

    @pytest.fixture
    def admin(self, kafka_bootstrap: str) -> Iterator[KafkaAdminClient]:
        admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap.split(","))
        yield admin
        admin.close()

    def test_what_the_relay_sends_twice_is_applied_once(self, harness: Harness) -> None:
        """A relay that died between sending and noting so sends again."""
        harness.publish(*[harness.message(number) for number in range(5)])
        worker = harness.worker()
        harness.run_until_applied(worker, 5)
        wait_for(lambda: self._relayed(harness) > Position(0, 0))
        with harness.engine.begin() as conn:
            conn.execute(
                sa.text("UPDATE bus.cursor SET major = 0, minor = 0 WHERE group_name = 'relay'")
            )
        harness.publish(harness.message(5))
        applied = harness.run_until_applied(worker, 6)
        assert applied == [f"ST-1/{number}" for number in range(6)]

    def test_records_of_strangers_are_parked_and_stop_nobody(
        self, harness: Harness, kafka_bootstrap: str
    ) -> None:
        producer = KafkaProducer(bootstrap_servers=kafka_bootstrap.split(","))
        for key, value, headers in [
            (b"ST-1", b"\x00\xff garbage", [("vigil-id", b"\xff\x00"), ("h", b"\x00")]),
            (None, b"", []),
            (b"\x00\xfe", b"x", []),
        ]:
            producer.send(harness.topic, key=key, value=value, headers=headers).get(30)
        producer.close()
        harness.publish(harness.message(1, "ST-2"))

        def refuse_strangers(conn: sa.Connection, messages: object) -> None:
            assert isinstance(messages, list | tuple)
            if any(message.key != "ST-2" for message in messages):
                raise ValueError("not ours")
            record(conn, messages)

        worker = harness.worker(refuse_strangers)
        harness.run_until(worker, lambda: len(self._parked(harness, "g")) == 3)
        assert harness.run_until_applied(worker, 1) == ["ST-2/1"]

    def test_a_second_reader_takes_its_share_and_the_rest_when_the_first_goes(
        self, harness: Harness
    ) -> None:
        first, second = harness.worker(), harness.worker()
        first.start()
        second.start()
        for number in range(40):
            harness.publish(harness.message(number, f"ST-{number}"))
        wait_for(lambda: len(harness.applied()) == 40)
        first.stop()
        for number in range(40, 60):
            harness.publish(harness.message(number, f"ST-{number}"))
        wait_for(lambda: len(harness.applied()) == 60)
        second.stop()
        assert len(set(harness.applied())) == 60

    def test_a_topic_with_other_partitions_is_refused(
        self, harness: Harness, engine: Engine, kafka_settings: KafkaSettings
    ) -> None:
        wider = KafkaSettings(kafka_settings.bootstrap_servers, partitions=PARTITIONS + 1)
        bus = KafkaBus(engine, wider, topics=[TopicSpec(harness.topic, producer="test")])
        with pytest.raises(TopicMismatch, match=f"{PARTITIONS} partitions"):
            bus.start()

    def test_messages_deleted_unread_stop_the_group_until_they_are_sent_again(
        self, harness: Harness, admin: KafkaAdminClient
    ) -> None:
        worker = harness.worker()
        harness.publish(harness.message(0))
        harness.run_until_applied(worker, 1)
        worker.close()
        harness.publish(*[harness.message(number) for number in range(1, 6)])
        relayed = self._relayed(harness)
        wait_for(lambda: self._relayed(harness) > relayed)
        partition = self._partition_of(harness)
        admin.delete_records({TopicPartition(harness.topic, partition): 4})
        with pytest.raises(LogDamaged, match="holds 4 to 6"):
            harness.run_until(worker, lambda: False)
        assert harness.applied() == ["ST-1/0"]
        worker.close()
        names = {"begins": 4, "group": "g", "topic": harness.topic, "partition": partition}
        with harness.engine.begin() as conn:
            for statement in repair(0):
                conn.execute(sa.text(statement), names)
        assert sorted(harness.run_until_applied(worker, 6)) == [f"ST-1/{n}" for n in range(6)]

    def test_a_topic_made_anew_is_not_mistaken_for_the_old_one(self, harness: Harness) -> None:
        worker = harness.worker()
        harness.publish(harness.message(0))
        harness.run_until_applied(worker, 1)
        worker.close()
        with harness.engine.begin() as conn:
            conn.execute(
                sa.text("UPDATE bus.cursor SET minor = 1000 WHERE group_name = 'g' AND minor > 0")
            )
        with pytest.raises(LogDamaged, match="made anew"):
            harness.run_until(worker, lambda: False)

    # The client leaves the sockets of refused connections to the garbage collector.
    @pytest.mark.filterwarnings(
        "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
    )
    def test_without_a_broker_the_outbox_keeps_everything(
        self, engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        # Its log records would keep those sockets beyond the test.
        caplog.set_level(logging.CRITICAL, logger="kafka")
        threads_before = set(threading.enumerate())
        nowhere = KafkaSettings((unused_address(),))
        bus = KafkaBus(engine, nowhere)
        bus.start()
        worker = Worker(
            engine=engine, bus=bus, topic=PARKED.name, group="g", handle=record, clock=CLOCK
        )
        with engine.begin() as conn:
            lock_studies(conn, ["ST-1"], space="test")
            bus.publish(conn, [Message(PARKED.name, "ST-1", "m1", b"{}")])
        bus.wake()
        with pytest.raises(BusUnavailable):
            worker.run_once(0.1)
        health = bus.relay_health()
        assert health is not None
        assert health.alive
        with engine.connect() as conn:
            assert load_position(conn, "relay", PARKED.name, -1) == Position(0, 0)
            assert conn.execute(sa.text("SELECT count(*) FROM bus.outbox")).scalar_one() == 1
        bus.close()
        # Each failed attempt used to leave a thread of the client behind.
        assert set(threading.enumerate()) <= threads_before
        gc.collect()

    @staticmethod
    def _relayed(harness: Harness) -> Position:
        with harness.engine.connect() as conn:
            return load_position(conn, "relay", harness.topic, -1)

    @staticmethod
    def _partition_of(harness: Harness) -> int:
        with harness.engine.connect() as conn:
            partition: int = conn.execute(
                sa.text("SELECT partition FROM bus.cursor WHERE group_name = 'g' AND minor > 0")
            ).scalar_one()
            return partition
