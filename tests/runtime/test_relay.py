"""The relay against a broker that fails on cue: nothing is noted before it is confirmed."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import Engine

from shared.contracts.topics import FACTS, SIGNALS
from shared.runtime import outbox
from shared.runtime.bus import START, BusUnavailable, Message
from shared.runtime.db import lock_studies
from shared.runtime.relay import GROUP, PARTITION, Relay
from shared.runtime.telemetry import Metrics
from shared.runtime.wakeup import Wakeup
from tests.runtime.bus_contract import wait_for


class Broker:
    """Keeps what it is sent; refuses while it is down, after taking half."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.down = False
        self.refusals = 0
        self.closed = 0

    def send(self, messages: Sequence[Message]) -> None:
        if self.down:
            self.log += [message.id for message in messages[: len(messages) // 2]]
            self.refusals += 1
            raise BusUnavailable("down")
        self.log += [message.id for message in messages]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def new_relay(engine: Engine, broker: Broker) -> Iterator[Callable[[], Relay]]:
    relays: list[Relay] = []

    def make() -> Relay:
        topics = [FACTS.name, SIGNALS.name]
        relay = Relay(engine, topics, lambda: broker, Wakeup(), Metrics())
        relays.append(relay)
        relay.start()
        return relay

    yield make
    for relay in relays:
        relay.stop()


def publish(engine: Engine, *ids: str, topic: str = FACTS.name) -> None:
    with engine.begin() as conn:
        lock_studies(conn, ["ST-1"], space="test")
        outbox.append(conn, [Message(topic, "ST-1", name, b"{}") for name in ids])


def test_everything_is_sent_in_order(
    engine: Engine, broker: Broker, new_relay: Callable[[], Relay]
) -> None:
    publish(engine, *[f"m{number}" for number in range(1200)])
    relay = new_relay()
    wait_for(lambda: len(broker.log) >= 1200)
    publish(engine, "late", topic=SIGNALS.name)
    wait_for(lambda: len(broker.log) >= 1201)
    assert broker.log == [*[f"m{number}" for number in range(1200)], "late"]
    assert relay.health().leading


def test_an_outage_moves_nothing_and_its_end_sends_everything(
    engine: Engine, broker: Broker, new_relay: Callable[[], Relay]
) -> None:
    broker.down = True
    publish(engine, "a", "b", "c", "d")
    relay = new_relay()
    wait_for(lambda: broker.refusals >= 2)
    with engine.connect() as conn:
        assert outbox.load_position(conn, GROUP, FACTS.name, PARTITION) == START
    assert relay.health().alive
    assert broker.closed >= 1, "a sender that failed must not be used again"
    broker.log.clear()
    broker.down = False
    wait_for(lambda: broker.log[-4:] == ["a", "b", "c", "d"])


def test_one_leads_and_another_takes_over(
    engine: Engine, broker: Broker, new_relay: Callable[[], Relay]
) -> None:
    first = new_relay()
    wait_for(lambda: first.health().leading)
    second = new_relay()
    publish(engine, "a", "b")
    wait_for(lambda: len(broker.log) >= 2)
    assert not second.health().leading
    first.stop()
    wait_for(lambda: second.health().leading)
    publish(engine, "c")
    wait_for(lambda: len(broker.log) >= 3)
    assert broker.log == ["a", "b", "c"]
