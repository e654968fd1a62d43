"""The bus contract on PostgreSQL alone, and what only this bus has to prove."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from shared.contracts.topics import FACTS
from shared.runtime.bus import Bus, Message
from shared.runtime.outbox import ForeignHistory
from shared.runtime.postgres_bus import PostgresBus
from tests.runtime.bus_contract import BusContract, Harness, repair


class TestPostgresBus(BusContract):
    @pytest.fixture
    def make_bus(self, engine: Engine, topic: str) -> Callable[[], Bus]:
        return lambda: PostgresBus(engine)

    @pytest.fixture
    def topic(self) -> str:
        return "test.topic.v1"

    def test_a_running_transaction_holds_the_reader_back(self, harness: Harness) -> None:
        worker = harness.worker()
        with harness.engine.begin() as early:
            harness.bus.publish(early, [harness.message(1, "ST-early")])
            harness.publish(harness.message(2, "ST-late"))
            assert not worker.run_once(0.2)
            assert harness.applied() == []
        assert harness.run_until_applied(worker, 2) == ["ST-early/1", "ST-late/2"]

    def test_a_second_reader_of_the_group_stands_by(self, harness: Harness) -> None:
        first, second = harness.worker(), harness.worker()
        harness.publish(harness.message(1))
        harness.run_until_applied(first, 1)
        harness.publish(harness.message(2))
        assert not second.run_once(0.2)
        first.close()
        assert harness.run_until_applied(second, 2) == ["ST-1/1", "ST-1/2"]
        assert second.positions_lost == 0

    def test_lag_counts_what_is_not_applied(self, harness: Harness) -> None:
        subscription = harness.bus.subscribe(harness.topic, "lagging", limit=2)
        harness.publish(*[harness.message(number) for number in range(5)])
        batch = subscription.poll(1)
        assert batch is not None
        assert subscription.lag() == 5
        subscription.advanced(batch)
        assert subscription.lag() == 3
        subscription.close()

    def test_an_outbox_of_another_cluster_is_refused_until_repaired(self, harness: Harness) -> None:
        with harness.engine.begin() as conn:
            conn.execute(
                sa.text(
                    "INSERT INTO bus.outbox (xid, topic, key, message_id, value, headers)"
                    " VALUES ('99999999999', :topic, 'ST-1', 'm', '', '{}')"
                ),
                {"topic": FACTS.name},
            )
        with pytest.raises(ForeignHistory, match="event-log"):
            harness.make_bus().start()
        with harness.engine.begin() as conn:
            for statement in repair(1):
                conn.execute(sa.text(statement))
        harness.make_bus().start()
        harness.publish(Message(FACTS.name, "ST-1", "new", b"{}"))
        worker = harness.worker(topic=FACTS.name)
        assert harness.run_until_applied(worker, 2) == ["m", "new"]
