"""Sending survives restarts, kills, hanging receivers and outages, and never repeats unseen."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from bench.sink import HttpSink
from services.notifier.channels import Outcome
from services.notifier.channels.webhook import WebhookSender, new_secret
from services.notifier.outreach import Outreach, Patience
from services.notifier.store import routings
from shared.runtime.clock import ManualClock, SystemClock
from shared.runtime.postgres_bus import PostgresBus
from tests.services.notifier.outreach_support import NO, log_of, send_all, the_delivery
from tests.services.notifier.support import (
    ROUTING,
    STUDY,
    WHEN,
    FakeSender,
    Raising,
    set_routing,
    signal,
    wait_for,
)

REPOSITORY = Path(__file__).parents[3]


def test_a_try_whose_outcome_is_lost_is_repeated_under_the_same_id(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach], sender: FakeSender
) -> None:
    """Dies after sending, before writing: the lease runs out and the same message goes again."""

    class Dies(FakeSender):
        def send(self, message: object) -> Outcome:
            super().send(message)  # type: ignore[arg-type]
            raise KeyboardInterrupt

    set_routing(engine)
    raising(signal(severity="notice"))
    dying = Dies()
    with pytest.raises(KeyboardInterrupt):
        outreach(Patience(lease_seconds=600), sender=dying).run_once()
    assert outreach().run_once() is None, "the lease still holds"
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE notifier.delivery SET lease_until = clock_timestamp()"))
    wait_for(lambda: outreach().run_once())
    assert [m.id for m in sender.sent] == [m.id for m in dying.sent] == [the_delivery(engine).id]
    assert [(a.number, a.step) for a in log_of(engine, the_delivery(engine))] == [
        (1, "started"),
        (2, "started"),
        (2, "sent"),
    ]


def test_a_late_success_counts_and_a_late_failure_does_not(
    engine: Engine,
    raising: Raising,
    outreach: Callable[..., Outreach],
    manual_clock: ManualClock,
) -> None:
    """A slow try loses its lease to a second one; whichever told the subscriber is right."""
    set_routing(engine)
    raising(signal(severity="notice"))
    no_lease = Patience(lease_seconds=0.0)
    slow, quick = outreach(no_lease), outreach(no_lease)
    (late,) = slow._claim()
    wait_for(quick._claim)
    with engine.begin() as conn:
        slow._settle(conn, [(late.delivery, NO)])
    assert the_delivery(engine).state == "pending"
    with engine.begin() as conn:
        slow._settle(conn, [(late.delivery, Outcome(True, "250"))])
    assert the_delivery(engine).state == "sent"
    assert [a.step for a in log_of(engine, the_delivery(engine))] == [
        "started",
        "started",
        "failed",
        "sent",
    ]


def test_what_was_sent_during_an_outage_is_written_down_after_it(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach], sender: FakeSender
) -> None:
    """The process that knows of the success lives: nothing is sent again."""
    released = threading.Event()

    class Waits(FakeSender):
        def send(self, message: object) -> Outcome:
            outcome = super().send(message)  # type: ignore[arg-type]
            released.wait(60)
            return outcome

    set_routing(engine)
    raising(signal(severity="notice"))
    slow = Waits()
    sending = outreach(Patience(lease_seconds=600), sender=slow)
    sending.start()
    wait_for(lambda: slow.sent)
    with engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE notifier.attempt RENAME TO elsewhere"))
    released.set()
    wait_for(lambda: sending._finished)
    with engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE notifier.elsewhere RENAME TO attempt"))
    wait_for(lambda: the_delivery(engine).state == "sent")
    assert sending.stop()
    assert len(slow.sent) == 1


def test_an_outcome_that_cannot_be_written_keeps_no_other_from_being_written(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach], sender: FakeSender
) -> None:
    set_routing(engine)
    raising(*[signal(severity="notice") for _ in range(3)])
    sending = outreach(Patience(lease_seconds=600))
    claimed = sending._claim()
    for one, answer in zip(claimed, ("250", "2\x0050", "250"), strict=True):
        sending._finished.append((one.delivery, Outcome(True, answer)))
    sending._settle_finished()
    with engine.connect() as conn:
        states = conn.execute(
            sa.text("SELECT state FROM notifier.delivery WHERE channel = 'email' ORDER BY state")
        ).scalars()
        assert list(states) == ["pending", "sent", "sent"]
    assert not sending._finished
    assert not sending._lanes


def test_many_at_once_are_claimed_within_what_each_receiver_has_room_for(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach]
) -> None:
    set_routing(engine)
    raising(*[signal() for _ in range(6)], *[signal(severity="notice") for _ in range(6)])
    sending = outreach(parallel=20, per_lane=2)
    first = [(one.delivery.channel, one.delivery.severity) for one in sending._claim()]
    assert sorted(first) == [("email", "urgent")] * 3 + [("webhook", "urgent")] * 3
    assert sending._claim() == []


def test_many_processes_send_each_delivery_once(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach], sender: FakeSender
) -> None:
    set_routing(engine)
    raising(*[signal() for _ in range(20)])

    def drain(sending: Outreach) -> None:
        send_all(sending)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(drain, [outreach() for _ in range(6)]))
    sent = [m.id for m in sender.sent]
    assert len(sent) == len(set(sent)) == 40


def test_a_hanging_receiver_does_not_block_the_others(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach], sender: FakeSender
) -> None:
    released = threading.Event()

    class Hangs(FakeSender):
        def send(self, message: object) -> Outcome:
            super().send(message)  # type: ignore[arg-type]
            released.wait(60)
            return Outcome(True, "200")

    set_routing(engine)
    raising(*[signal() for _ in range(10)])
    hanging = Hangs()
    sending = outreach(desk=hanging, parallel=3, per_lane=2)
    sending.start()
    try:
        wait_for(lambda: len(sender.sent) == 10)
        assert len(hanging.sent) == 3, "two for anybody, one for what is urgent"
    finally:
        released.set()
        wait_for(lambda: len(hanging.sent) == 10)
        assert sending.stop()


def test_retries_survive_a_restart(
    engine: Engine,
    raising: Raising,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine)
    raising(signal(severity="notice"))
    sender.outcomes = [NO]
    first = outreach()
    first.start()
    wait_for(lambda: the_delivery(engine).state == "failed")
    assert first.stop()
    second = outreach()
    second.start()
    manual_clock.advance(timedelta(hours=1))
    wait_for(lambda: the_delivery(engine).state == "sent")
    assert second.stop()
    assert len({m.id for m in sender.sent}) == 1


def test_a_process_killed_while_sending_is_survived(
    engine: Engine,
    database_url: str,
    raising: Raising,
    receiver: HttpSink,
    bus: PostgresBus,
    manual_clock: ManualClock,
) -> None:
    """kill -9 after the receiver has the message and before anything is written down."""
    receiver.hold = threading.Event()
    set_routing(engine, ROUTING.replace("https://desk.example.org/hook", receiver.url))
    with engine.begin() as conn:
        routings.set_secret(conn, STUDY, "safety-desk", new_secret(), WHEN)
    raising(signal())
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.services.notifier.victim"],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": database_url},
    )
    try:
        wait_for(lambda: receiver.requests)
    finally:
        victim.send_signal(signals.SIGKILL)
        victim.wait(60)
    receiver.hold.set()
    assert the_delivery(engine, "webhook").state == "pending"
    successor = Outreach(
        engine=engine,
        bus=bus,
        clock=SystemClock(),
        senders={
            "email": FakeSender(),
            "webhook": WebhookSender(clock=SystemClock(), trusted_hosts=("127.0.0.1",)),
        },
        public_url="https://vigil.example.org",
    )
    successor.start()
    try:
        wait_for(lambda: the_delivery(engine, "webhook").state == "sent")
    finally:
        assert successor.stop()
    ids = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert ids == [the_delivery(engine, "webhook").id] * 2
    assert receiver.requests[0][1] == receiver.requests[1][1]


def test_an_outage_of_the_database_is_waited_out(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach]
) -> None:
    class Counting(ManualClock):
        asked = 0

        def now(self) -> datetime:
            self.asked += 1
            return super().now()

    set_routing(engine)
    clock = Counting(datetime(2026, 1, 15, 12, tzinfo=UTC))
    sending = outreach(clock=clock)
    with engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE notifier.delivery RENAME TO elsewhere"))
    sending.start()
    wait_for(lambda: clock.asked >= 3)
    assert sending.alive
    with engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE notifier.elsewhere RENAME TO delivery"))
    raising(signal(severity="notice"))
    try:
        wait_for(lambda: the_delivery(engine).state == "sent")
    finally:
        assert sending.stop()
