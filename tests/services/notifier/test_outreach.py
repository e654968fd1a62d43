"""Deliveries are tried until they arrive or are visibly given up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from services.notifier.alerting import Alerting
from services.notifier.channels import Outcome
from services.notifier.outreach import Outreach, Patience
from services.notifier.store import alerts
from services.notifier.store.alerts import Wanted
from services.notifier.store.deliveries import Delivery
from services.notifier.views import study_warnings
from shared.runtime.clock import ManualClock
from tests.services.notifier.outreach_support import NO, QUICK, log_of, send_all, the_delivery
from tests.services.notifier.support import (
    ROUTING,
    STUDY,
    WHEN,
    FakeSender,
    Raising,
    receipts,
    set_routing,
    signal,
)


def _steps(engine: Engine, delivery: Delivery) -> list[tuple[str, int, str | None]]:
    """The delivery's receipts."""
    return [(r.state, r.attempt, r.answer) for r in receipts(engine) if r.delivery == delivery.id]


def test_a_delivery_is_sent_once_and_proved(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach], sender: FakeSender
) -> None:
    set_routing(engine)
    raising(signal(severity="notice"))
    sending = outreach()
    assert sending.run_once() is not None
    assert sending.run_once() is None
    delivery = the_delivery(engine)
    assert (delivery.state, delivery.attempts) == ("sent", 1)
    assert [m.id for m in sender.sent] == [delivery.id]
    assert [(a.number, a.step, a.answer) for a in log_of(engine, delivery)] == [
        (1, "started", None),
        (1, "sent", "250 taken"),
    ]
    assert _steps(engine, delivery) == [("pending", 0, None), ("sent", 1, "250 taken")]


def test_a_failure_is_tried_again_later_and_later(
    engine: Engine,
    raising: Raising,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine)
    raising(signal(severity="notice"))
    sender.outcomes = [NO] * 5
    waits = []
    for _ in range(5):
        assert outreach().run_once() is not None
        due = the_delivery(engine).due_at - manual_clock.now()
        waits.append(due.total_seconds())
        manual_clock.advance(due - timedelta(seconds=1))
        assert outreach().run_once() is None, "tried before it was due"
        manual_clock.advance(timedelta(seconds=1))
    assert waits == [5.0, 10.0, 20.0, 30.0, 30.0]
    assert outreach().run_once() is not None
    assert the_delivery(engine).state == "sent"
    assert len({m.id for m in sender.sent}) == 1
    assert [a.answer for a in log_of(engine, the_delivery(engine)) if a.step == "failed"] == [
        NO.answer
    ] * 5


@pytest.mark.parametrize(
    ("tried", "fraction", "seconds"),
    [(1, 0.0, 5.0), (1, 0.999999, 10.0), (2, 0.0, 10.0), (3, 0.5, 30.0), (4, 0.0, 30.0)],
)
def test_waits_double_with_jitter_up_to_the_longest(
    tried: int, fraction: float, seconds: float
) -> None:
    assert QUICK.delay(tried, fraction).total_seconds() == pytest.approx(seconds, abs=0.01)
    assert QUICK.delay(10_000, 0.0).total_seconds() == 30.0


def test_a_receiver_that_asks_for_time_gets_it(
    engine: Engine,
    raising: Raising,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine)
    raising(signal(severity="notice"))
    sender.outcomes = [Outcome(False, "429", retry_after=600.0)]
    outreach().run_once()
    assert the_delivery(engine).due_at - manual_clock.now() == timedelta(seconds=600)


def test_giving_up_is_visible_and_a_resend_starts_over(
    engine: Engine,
    raising: Raising,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
    manual_clock: ManualClock,
    alerting: Alerting,
) -> None:
    set_routing(engine, ROUTING.replace("[urgent, critical]", "[info]"))
    raising(signal(severity="warning"))
    patience = Patience(days={"warning": 1}, fewest=2)
    sender.outcomes = [NO] * 4
    for _ in range(2):
        assert outreach(patience).run_once() is not None
        manual_clock.advance(timedelta(days=1))
    assert outreach(patience).run_once() is None
    delivery = the_delivery(engine)
    assert (delivery.state, delivery.attempts) == ("given_up", 2)
    assert _steps(engine, delivery)[-1] == ("given_up", 2, NO.answer)
    with engine.connect() as conn:
        assert study_warnings(conn, [STUDY], WHEN) == {
            STUDY: ["given up: 1 delivery of warning alerts"]
        }
    with engine.begin() as conn:
        assert alerting.resend(conn, delivery.id) is not None
        assert alerting.resend(conn, delivery.id) is None, "it is no longer settled"
    for state in ("failed", "given_up"):
        assert outreach(patience).run_once() is not None
        assert the_delivery(engine).state == state
        manual_clock.advance(timedelta(days=1))
    assert the_delivery(engine).attempts == 4
    assert len({m.id for m in sender.sent}) == 1
    with engine.begin() as conn:
        alerting.resend(conn, delivery.id)
    outreach(patience).run_once()
    assert the_delivery(engine).state == "sent"
    with engine.connect() as conn:
        assert study_warnings(conn, [STUDY], WHEN) == {}


def test_a_clock_that_jumps_ahead_gives_nothing_up(
    engine: Engine,
    raising: Raising,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine, ROUTING.replace("[urgent, critical]", "[info]"))
    raising(signal(severity="warning"))
    patience = Patience(fewest=3)
    sender.outcomes = [NO] * 3
    for state in ("failed", "failed", "given_up"):
        outreach(patience).run_once()
        assert the_delivery(engine).state == state
        manual_clock.advance(timedelta(days=6))


def test_the_most_urgent_goes_first(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach], sender: FakeSender
) -> None:
    set_routing(engine, ROUTING.replace("[urgent, critical]", "[info]"))
    raised = [signal(severity=s) for s in ("notice", "critical", "warning", "urgent")]
    raising(*raised)
    send_all(outreach())
    assert [str(m.data["severity"]) for m in sender.sent] == [
        "critical",
        "urgent",
        "warning",
        "notice",
    ]


def test_a_channel_that_breaks_is_a_failure_like_any_other(
    engine: Engine, raising: Raising, outreach: Callable[..., Outreach]
) -> None:
    class Broken(FakeSender):
        def send(self, message: object) -> Outcome:
            raise RuntimeError("SUBJ-3-02 must not be logged")

    set_routing(engine)
    raising(signal(severity="notice"))
    outreach(sender=Broken()).run_once()
    delivery = the_delivery(engine)
    assert delivery.state == "failed"
    answer = log_of(engine, delivery)[-1].answer or ""
    assert answer.startswith("not sent: builtins.RuntimeError")
    assert "SUBJ" not in answer


def test_a_test_fire_reaches_every_recipient_and_stays_out_of_the_inbox(
    engine: Engine, outreach: Callable[..., Outreach], sender: FakeSender, alerting: Alerting
) -> None:
    with engine.begin() as conn:
        assert alerting.test_fire(conn, STUDY, channel=None, subscriber=None) is None
    set_routing(engine)
    with engine.begin() as conn:
        assert alerting.test_fire(conn, STUDY, channel=None, subscriber=None) is not None
    send_all(outreach())
    assert [m.address for m in sender.sent] == [
        "monitor@example.org",
        "https://desk.example.org/hook",
    ]
    assert all("TEST" in m.subject for m in sender.sent)
    with engine.connect() as conn:
        assert alerts.page(conn, [STUDY], Wanted(), after=alerts.BEGINNING, limit=10) == []
