"""Unacknowledged alerts climb: each step once, whoever works it and whatever the clock does."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from services.notifier.chase import Chase
from services.notifier.outreach import Outreach
from services.notifier.responding import Person, Responding
from services.notifier.store import alerts
from shared.contracts.signals import Signal
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from tests.services.notifier.ladder_support import (
    CLIMB,
    LADDERED,
    count,
    drain,
    last_step,
    told,
)
from tests.services.notifier.outreach_support import NO, send_all
from tests.services.notifier.support import (
    FakeSender,
    Raising,
    alert_of,
    set_routing,
    signal,
    wait_for,
)

REPOSITORY = Path(__file__).parents[3]
DR_A = Person("key-a", "dr-a", "medical_monitor")


def _acknowledge(engine: Engine, responding: Responding, raised: Signal) -> None:
    with engine.begin() as conn:
        alert = alerts.by_signal(conn, raised.study, raised.id)
        assert alert is not None
        locked = alerts.by_id(conn, alert.id, lock=True)
        assert locked is not None
        assert responding.acknowledge(conn, locked, DR_A, locked.version) == "recorded"


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 1, 15, 12, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
    ],
    ids=["winter", "into summer time", "out of summer time"],
)
def test_an_alert_climbs_step_by_step(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock, start: datetime
) -> None:
    """Minutes are minutes, also in the nights in which the routing's clocks change."""
    manual_clock.set(start)
    set_routing(engine, LADDERED)
    raising(signal())
    for step, (minutes, expected) in enumerate(CLIMB):
        if step:
            manual_clock.set(start + timedelta(minutes=minutes, seconds=-1))
            assert chase.run_once() == 0, f"step {step} came early"
            manual_clock.set(start + timedelta(minutes=minutes))
            assert drain(chase) == 1
        assert (last_step(engine), told(engine, step)) == (step, expected)


def test_only_alerts_of_the_ladders_severities_are_chased(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal(severity="warning"), signal(severity="info"))
    manual_clock.advance(timedelta(days=30))
    assert drain(chase) == 0


def test_an_acknowledgement_ends_it(
    engine: Engine,
    raising: Raising,
    chase: Chase,
    responding: Responding,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
) -> None:
    """What was queued before and not yet sent is called off: nobody is paged afterwards."""
    set_routing(engine, LADDERED)
    raised = signal()
    raising(raised)
    outreach().run_once()
    manual_clock.advance(timedelta(minutes=15))
    assert drain(chase) == 1
    _acknowledge(engine, responding, raised)
    manual_clock.advance(timedelta(days=1))
    assert drain(chase) == 0
    send_all(outreach())
    assert len(sender.sent) == 1
    assert count(engine, "SELECT count(*) FROM notifier.delivery WHERE state = 'cancelled'") == 1
    assert (
        count(
            engine,
            "SELECT count(*) FROM bus.outbox WHERE message_id LIKE '%-cancelled-%'",
        )
        == 1
    )


def test_a_reminder_that_keeps_failing_is_outrun_by_the_next(
    engine: Engine,
    raising: Raising,
    chase: Chase,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
) -> None:
    """A mail server that was away for a day is not met by all the reminders of that day."""
    set_routing(engine, LADDERED[: LADDERED.index("    steps:")] + "    again_every: 1h\n")
    raising(signal())
    for _ in range(24):
        sender.outcomes = [NO] * 50
        send_all(outreach())
        manual_clock.advance(timedelta(hours=1))
        drain(chase)
    sender.outcomes, sender.sent = [], []
    send_all(outreach())
    assert len(sender.sent) == 2, "the first telling and the last reminder"
    assert len({message.id for message in sender.sent}) == 2


def test_a_signal_of_another_contract_holds_up_nobodys_ladder(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal(), signal())
    with engine.begin() as conn:
        conn.execute(
            sa.text(
                "UPDATE notifier.alert SET signal = signal - 'rule' WHERE number ="
                " (SELECT min(number) FROM notifier.alert)"
            )
        )
    manual_clock.advance(timedelta(minutes=30))
    assert drain(chase) == 4
    assert told(engine, 2) == {"dr-a", "dr-b"}


def test_a_withdrawal_ends_it_and_is_itself_only_repeated_to_those_told(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    first = signal()
    raising(first)
    manual_clock.advance(timedelta(minutes=30))
    drain(chase)
    assert told(engine) == {"dr-a", "dr-b"}
    raising(signal(supersedes=first.id, ends=True))
    manual_clock.advance(timedelta(days=2))
    drain(chase)
    assert told(engine) == {"dr-a", "dr-b"}, "nobody else hears of what no longer stands"
    original = f"alert = '{alert_of(engine, first).id}'"
    assert count(engine, f"SELECT max(step) FROM notifier.delivery WHERE {original}") == 2


def test_whoever_is_on_duty_at_the_step_is_told(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    text = LADDERED.replace(
        "people: [dr-a, dr-b]}",
        "people: [dr-a, dr-b], shifts: [{people: [dr-a], from: 08:00, to: 13:30},"
        " {people: [dr-b], from: 13:30, to: 08:00}]}",
    ).replace("[safety-desk]}", "[monitors]}")
    set_routing(engine, text)
    raising(signal())
    assert told(engine, 0) == {"dr-a"}
    manual_clock.advance(timedelta(hours=1))
    drain(chase)
    assert told(engine, 4) == {"dr-b"}, "14:00 in Berlin"


def test_the_route_is_frozen_but_an_address_is_corrected(
    engine: Engine,
    raising: Raising,
    chase: Chase,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    moved = LADDERED.replace("b@example.org", "new@example.org").replace(
        "tell: next", "tell: [lead]"
    )
    set_routing(engine, moved, version=2)
    manual_clock.advance(timedelta(minutes=30))
    drain(chase)
    assert told(engine, 2) == {"dr-b"}
    send_all(outreach())
    assert "new@example.org" in [message.address for message in sender.sent]


def test_reminders_too_go_to_a_corrected_address(
    engine: Engine,
    raising: Raising,
    chase: Chase,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    manual_clock.advance(timedelta(minutes=90))
    drain(chase)
    send_all(outreach())
    sender.sent.clear()
    set_routing(engine, LADDERED.replace("a@example.org", "new@example.org"), version=2)
    manual_clock.advance(timedelta(hours=4))
    drain(chase)
    send_all(outreach())
    assert {message.address for message in sender.sent} == {
        "new@example.org",
        "b@example.org",
        "lead@example.org",
        "https://desk.example.org/hook",
    }


def test_a_routing_that_can_no_longer_be_read_still_reminds(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    with engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE notifier.routing DISABLE TRIGGER only_added"))
        conn.execute(sa.text("UPDATE notifier.routing SET document = document || 'later: true'"))
    for minutes, steps in ((15, 1), (15, 1), (60, 3), (30, 0)):
        manual_clock.advance(timedelta(minutes=minutes))
        assert drain(chase) == steps, "each that was written down, at its time"
    assert told(engine) == {"dr-a"}
    manual_clock.advance(timedelta(hours=12))
    assert drain(chase) == 1


def test_many_processes_do_each_step_once(
    engine: Engine, bus: PostgresBus, raising: Raising, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(*[signal() for _ in range(20)])
    manual_clock.advance(timedelta(minutes=90))
    workers = [Chase(engine=engine, bus=bus, clock=manual_clock) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(drain, workers)) == 20 * 5
    assert (
        count(
            engine,
            "SELECT count(*) FROM (SELECT alert, step FROM notifier.delivery WHERE step > 0"
            " GROUP BY alert, step) AS steps",
        )
        == 20 * 5
    )
    assert count(engine, "SELECT count(*) FROM notifier.delivery WHERE step > 0") == 20 * 8


def test_a_process_killed_within_a_step_neither_skips_nor_doubles_it(
    engine: Engine,
    database_url: str,
    raising: Raising,
    chase: Chase,
    manual_clock: ManualClock,
) -> None:
    """kill -9 after the deliveries are written and before they are committed."""
    set_routing(engine, LADDERED)
    raising(signal())
    manual_clock.advance(timedelta(minutes=15))
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.services.notifier.victim", manual_clock.now().isoformat()],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    with victim.stdout:
        assert victim.stdout.readline() == "within\n"
        assert chase.run_once() == 0, "the victim holds the row"
        victim.send_signal(signals.SIGKILL)
        victim.wait(60)
    with engine.begin() as conn:
        # The server notices the lost client when it next speaks to it; this is that moment.
        conn.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'victim'"
            )
        )
    assert drain(chase) == 1
    assert told(engine, 1) == {"dr-a"}
    assert last_step(engine) == 1


def test_a_clock_that_jumps_ahead_brings_each_step_once_and_one_reminder(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    manual_clock.advance(timedelta(days=3))
    assert drain(chase) == 5, "late rather than never"
    assert last_step(engine) == 5
    manual_clock.advance(timedelta(hours=4))
    assert drain(chase) == 1, "not one for each of the hours that were jumped over"


def test_a_clock_that_is_set_back_delays_nothing_longer_than_it_was_to_wait(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    manual_clock.advance(timedelta(days=-2))
    assert drain(chase) == 0
    assert chase.audit() == 5
    manual_clock.advance(timedelta(minutes=90))
    assert drain(chase) == 5
    assert chase.audit() == 0


def test_the_auditor_finds_a_ladder_that_nothing_moves(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    manual_clock.advance(timedelta(minutes=15))
    drain(chase)
    with engine.begin() as conn:
        conn.execute(sa.text("DELETE FROM notifier.due WHERE state = 'waiting'"))
    assert drain(chase) == 0
    assert chase.audit() == 1
    assert drain(chase) == 1
    assert told(engine, 2) == {"dr-b"}, "where it stopped"


def test_the_thread_works_what_is_due(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    chase.start()
    manual_clock.advance(timedelta(minutes=15))
    wait_for(lambda: last_step(engine) == 1)
    wait_for(lambda: chase.current)
    assert chase.stop()
    assert not chase.current
