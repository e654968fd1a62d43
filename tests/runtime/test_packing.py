"""Large values are stored packed, and everybody still reads what was published."""

import os
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from shared.contracts.topics import ASSESSMENTS
from shared.runtime import outbox, packing
from shared.runtime.bus import LogDamaged, Message
from shared.runtime.packing import PACKED_FROM, packed, unpacked
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.relay import Relay
from shared.runtime.telemetry import Metrics
from shared.runtime.wakeup import Wakeup
from tests.runtime.bus_contract import wait_for

LARGE = b'{"subject": "1-02", "status": "in_window"}' * 2_000
VALUES = [LARGE, os.urandom(PACKED_FROM), b"{}", b"\x1f\x8b", b"\x1f\x8b not packed", packed(LARGE)]


@given(st.binary(max_size=200) | st.binary(max_size=20).map(b"\x1f\x8b".__add__))
def test_nothing_is_mistaken_for_packed(value: bytes) -> None:
    assert unpacked(packed(value)) == value


@pytest.mark.parametrize("size", [PACKED_FROM - 1, PACKED_FROM])
def test_small_values_stay_readable(size: int) -> None:
    value = b"x" * size
    assert (packed(value) == value) == (size < PACKED_FROM)
    assert unpacked(packed(value)) == value


@pytest.mark.parametrize("harm", ["cut", "flipped", "only the mark"])
def test_damage_is_noticed(harm: str) -> None:
    stored = packed(LARGE)
    middle = len(stored) // 2
    flipped = stored[:middle] + bytes([stored[middle] ^ 1]) + stored[middle + 1 :]
    with pytest.raises(packing.Damaged):
        unpacked({"cut": stored[:-1], "flipped": flipped, "only the mark": stored[:2]}[harm])


class Broker:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def send(self, messages: Sequence[Message]) -> None:
        self.values += [message.value for message in messages]

    def close(self) -> None:
        """Nothing to let go of."""


def publish(engine: Engine) -> None:
    with engine.begin() as conn:
        outbox.append(
            conn,
            [Message(ASSESSMENTS.name, "S", f"S/{n}", value) for n, value in enumerate(VALUES)],
        )


def test_readers_and_the_broker_get_what_was_published(engine: Engine) -> None:
    publish(engine)
    with engine.connect() as conn:
        first = sa.text("SELECT octet_length(value) FROM bus.outbox ORDER BY id LIMIT 1")
        assert conn.execute(first).scalar_one() < len(LARGE) / 50
    reader = PostgresBus(engine).subscribe(ASSESSMENTS.name, "g")
    batch = reader.poll(5)
    reader.close()
    assert batch is not None
    assert [message.value for message in batch.messages] == VALUES

    broker = Broker()
    relay = Relay(engine, [ASSESSMENTS.name], lambda: broker, Wakeup(), Metrics())
    relay.start()
    wait_for(lambda: len(broker.values) >= len(VALUES))
    relay.stop()
    assert broker.values == VALUES


def test_a_damaged_message_stops_its_reader(engine: Engine) -> None:
    publish(engine)
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE bus.outbox SET value = substr(value, 1, 90) WHERE id = 1"))
    reader = PostgresBus(engine).subscribe(ASSESSMENTS.name, "g")
    with pytest.raises(LogDamaged, match="S/0"):
        reader.poll(5)
    reader.close()
