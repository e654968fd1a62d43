"""What is of low severity may wait for a daily message; what matters never does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from services.notifier.chase import Chase
from services.notifier.outreach import Outreach
from services.notifier.routing import NEVER_HELD_BACK
from shared.contracts.signals import SignalType
from shared.runtime.clock import ManualClock
from tests.services.notifier.ladder_support import count, drain, told
from tests.services.notifier.outreach_support import send_all
from tests.services.notifier.support import (
    ROUTING,
    FakeSender,
    Raising,
    set_routing,
    signal,
)

DAILY = ROUTING + "time_zone: Europe/Berlin\ndigest: {severities: [info, notice], at: 08:00}\n"
"""At 07:00 UTC in January; the tests' clock begins at 12:00."""


def test_a_day_of_low_severity_is_one_message(
    engine: Engine,
    raising: Raising,
    chase: Chase,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
) -> None:
    set_routing(engine, DAILY)
    raising(*[signal(severity="info") for _ in range(3)], signal(severity="notice"))
    manual_clock.advance(timedelta(hours=19, seconds=-1))
    assert drain(chase) == 0
    send_all(outreach())
    assert sender.sent == []
    manual_clock.advance(timedelta(seconds=1))
    assert drain(chase) == 1
    send_all(outreach())
    (message,) = sender.sent
    assert message.subject == "Vigil: digest of signals of low severity, study TRIAL-1"
    assert "https://vigil.example.org/alerts\n" in message.text
    manual_clock.advance(timedelta(days=3))
    assert drain(chase) == 0, "nothing new, no message"
    raising(signal(severity="info"))
    manual_clock.advance(timedelta(days=1))
    drain(chase)
    send_all(outreach())
    assert len(sender.sent) == 2


@pytest.mark.parametrize("kind", sorted(NEVER_HELD_BACK))
def test_grade_5_stopping_and_hold_signals_go_at_once_and_alone(
    engine: Engine, raising: Raising, kind: SignalType
) -> None:
    set_routing(engine, DAILY)
    raising(signal(severity="info"), signal(kind, severity="info"))
    assert told(engine) == {"medical-monitor"}
    assert count(engine, "SELECT count(*) FROM notifier.delivery WHERE channel = 'email'") == 1


def test_a_higher_severity_goes_at_once(engine: Engine, raising: Raising) -> None:
    set_routing(engine, DAILY)
    raising(signal(severity="warning"))
    assert told(engine) == {"medical-monitor"}


def test_whoever_waits_for_a_digest_hears_of_a_correction(engine: Engine, raising: Raising) -> None:
    set_routing(engine, DAILY)
    first = signal(severity="info")
    raising(first)
    assert told(engine) == set()
    raising(signal(severity="info", supersedes=first.id))
    assert told(engine) == {"medical-monitor"}


def test_what_was_withdrawn_before_anybody_heard_of_it_waits_for_the_same_digest(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, DAILY)
    first = signal(severity="info")
    raising(first)
    raising(signal(severity="info", supersedes=first.id, ends=True))
    assert told(engine) == set()
    manual_clock.advance(timedelta(days=1))
    drain(chase)
    assert told(engine) == {"medical-monitor"}
    assert count(engine, "SELECT count(DISTINCT digest) FROM notifier.digest_entry") == 1
    assert count(engine, "SELECT count(*) FROM notifier.digest_entry") == 2


def test_the_end_of_what_a_digest_has_told_is_told(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock
) -> None:
    set_routing(engine, DAILY)
    first = signal(severity="info")
    raising(first)
    manual_clock.advance(timedelta(days=1))
    drain(chase)
    mails = "SELECT count(*) FROM notifier.delivery WHERE channel = 'email'"
    assert count(engine, mails) == 1
    raising(signal(severity="info", supersedes=first.id, ends=True))
    assert count(engine, mails) == 2


@pytest.mark.parametrize("later", [DAILY, ROUTING], ids=["digest kept", "digest given up"])
def test_the_auditor_sends_what_no_digest_waits_for(
    engine: Engine, raising: Raising, chase: Chase, manual_clock: ManualClock, later: str
) -> None:
    """A signal that was committed while the digest before it was being made, or a new routing."""
    set_routing(engine, DAILY)
    raising(signal(severity="info"))
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE notifier.due SET state = 'done'"))
    set_routing(engine, later, version=2)
    manual_clock.advance(timedelta(hours=20))
    assert drain(chase) == 0
    chase.audit()
    manual_clock.advance(timedelta(days=1))
    drain(chase)
    assert told(engine) - {"operator"} == {"medical-monitor"}
