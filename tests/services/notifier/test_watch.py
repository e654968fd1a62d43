"""What keeps alerts from people is noticed, shown and told to the operator, once a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from bench.sink import http_sink
from services.notifier.chase import Chase
from services.notifier.heartbeat import Heartbeat
from services.notifier.outreach import Outreach, Patience
from services.notifier.store import alerts, pictures
from services.notifier.store.pictures import Drawn, Why
from services.notifier.watch import Name, Problem, problems
from shared.contracts.signals import SignalType
from shared.contracts.topics import SIGNALS
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock
from tests.services.notifier.ladder_support import LADDERED, count, drain
from tests.services.notifier.outreach_support import NO, send_all
from tests.services.notifier.support import (
    ROUTING,
    STUDY,
    FakeSender,
    Raising,
    set_routing,
    signal,
    wait_for,
)

REPOSITORY = Path(__file__).parents[3]


def _problems(engine: Engine, clock: ManualClock) -> list[Problem]:
    with engine.connect() as conn:
        return problems(conn, [STUDY], clock.now())


def _names(engine: Engine, clock: ManualClock) -> list[str]:
    return [problem.name for problem in _problems(engine, clock)]


@pytest.mark.parametrize("name", get_args(Name))
def test_every_operator_alert_has_a_runbook(name: str) -> None:
    page = REPOSITORY / "docs" / "runbooks" / f"{name}.md"
    text = page.read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    assert f"]({name}.md)" in (page.parent / "README.md").read_text("utf-8")


def test_a_study_in_order_has_no_problem(
    engine: Engine, raising: Raising, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    assert _problems(engine, manual_clock) == []


def test_a_study_without_routing_is_a_problem(engine: Engine, manual_clock: ManualClock) -> None:
    assert _names(engine, manual_clock) == ["routing-missing"]
    set_routing(engine, ROUTING + "from_the_future: true\n")
    (unreadable,) = _problems(engine, manual_clock)
    assert (unreadable.name, "can no longer be read" in unreadable.text) == (
        "routing-missing",
        True,
    )


def test_mails_without_the_chart_they_may_show_are_a_problem_for_a_day(
    engine: Engine, raising: Raising, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED + "details: {email: [subject, chart]}\n")
    raising(*(signal(id=f"s{number}") for number in range(6)))
    _settle(engine, manual_clock, "s0", "nothing")
    _settle(engine, manual_clock, "s1", "late")
    _settle(engine, manual_clock, "s2", "late")
    assert _problems(engine, manual_clock) == []
    _settle(engine, manual_clock, "s3", "late")
    (late,) = _problems(engine, manual_clock)
    assert (late.name, late.text) == (
        "charts-missing",
        "mails of 3 alerts left without the chart they may show: late",
    )
    _settle(engine, manual_clock, "s4", Drawn(b"png", "words", "digest"))
    assert _problems(engine, manual_clock) == [], "late ones beside one in time"
    _settle(engine, manual_clock, "s5", "no-key")
    assert _names(engine, manual_clock) == ["charts-missing"]
    manual_clock.advance(timedelta(days=1))
    assert "charts-missing" not in _names(engine, manual_clock)


def _settle(engine: Engine, clock: ManualClock, signal: str, outcome: Drawn | Why) -> None:
    with engine.begin() as conn:
        alert = alerts.by_signal(conn, STUDY, signal)
        assert alert is not None
        assert pictures.settle(conn, alert.id, outcome, clock.now())


def test_nobody_on_duty_is_a_problem(engine: Engine, manual_clock: ManualClock) -> None:
    away = "absences: [{name: dr-a, first: 2026-01-15, last: 2026-01-15},"
    away += " {name: dr-b, first: 2026-01-15, last: 2026-01-15}]\n"
    set_routing(engine, LADDERED + away)
    assert [p.text for p in _problems(engine, manual_clock)] == [
        "nobody is on duty now for critical and urgent signals"
    ]
    manual_clock.advance(timedelta(days=1))
    assert _problems(engine, manual_clock) == []


@pytest.mark.parametrize(("severity", "named"), [("urgent", True), ("warning", False)])
def test_an_urgent_delivery_that_does_not_arrive_is_a_problem_after_an_hour(
    engine: Engine,
    raising: Raising,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
    severity: Any,
    named: bool,
) -> None:
    set_routing(engine)
    raising(signal(severity=severity))
    sender.outcomes = [NO] * 10
    outreach().run_once()
    manual_clock.advance(timedelta(hours=1))
    assert _problems(engine, manual_clock) == []
    manual_clock.advance(timedelta(seconds=1))
    assert ("delivery-overdue" in _names(engine, manual_clock)) is named


def test_an_urgent_delivery_is_never_given_up(
    engine: Engine,
    raising: Raising,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
) -> None:
    set_routing(engine)
    raising(signal(severity="urgent"), signal(severity="notice"))
    fewest = Patience().fewest
    sender.outcomes = [NO] * 3 * fewest
    for _ in range(fewest):
        send_all(outreach())
        manual_clock.advance(timedelta(days=1))
    assert _names(engine, manual_clock) == ["delivery-given-up", "delivery-overdue"]
    assert (
        count(
            engine,
            "SELECT count(*) FROM notifier.delivery WHERE state = 'given_up'"
            " AND severity = 'urgent'",
        )
        == 0
    )


def test_reminders_that_nobody_sends_are_a_problem_after_five_minutes(
    engine: Engine, raising: Raising, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    manual_clock.advance(timedelta(minutes=20))
    assert _names(engine, manual_clock) == []
    manual_clock.advance(timedelta(seconds=1))
    assert _names(engine, manual_clock) == ["ladder-late"]


def test_a_signal_that_cannot_be_read_is_a_problem(
    engine: Engine, raising: Raising, manual_clock: ManualClock
) -> None:
    set_routing(engine)
    raising.publish(Message(SIGNALS.name, STUDY, "garbage", b"{"))
    assert _names(engine, manual_clock) == ["signals-parked"]


def test_the_operator_is_written_to_once_a_day_while_a_problem_stands(
    engine: Engine,
    raising: Raising,
    chase: Chase,
    manual_clock: ManualClock,
    outreach: Callable[..., Outreach],
    sender: FakeSender,
) -> None:
    def look() -> None:
        chase.audit()
        send_all(outreach())

    raising(signal())
    for _ in range(3):
        look()
    manual_clock.advance(timedelta(days=1))
    look()
    set_routing(engine, LADDERED)
    manual_clock.advance(timedelta(days=1))
    look()
    assert [(m.address, m.event) for m in sender.sent] == [
        ("operator@example.org", "vigil.operator")
    ] * 2
    assert "docs/runbooks/routing-missing.md" in sender.sent[0].text


def test_the_weekly_test_goes_to_everybody_once_a_week(
    idle: TestClient,
    engine: Engine,
    chase: Chase,
    manual_clock: ManualClock,
    key: Callable[..., dict[str, str]],
) -> None:
    """The clock stands at Thursday 12:00 UTC, 13:00 in Berlin."""
    text = LADDERED + "weekly_test: {day: fri, at: 09:00}\n"
    path = f"/notifier/v1/studies/{STUDY}/routing"
    assert idle.put(path, headers=key("study_admin"), content=text).status_code == 200
    manual_clock.advance(timedelta(hours=20, seconds=-1))
    assert drain(chase) == 0
    manual_clock.advance(timedelta(seconds=1))
    assert drain(chase) == 1
    assert count(engine, "SELECT count(*) FROM notifier.delivery WHERE why = 'test'") == 4
    manual_clock.advance(timedelta(days=30))
    assert drain(chase) == 1, "one late test, and the next at its time"
    other = text.replace("day: fri", "day: mon")
    idle.put(path, headers=key("study_admin"), content=other)
    waiting = "SELECT count(*) FROM notifier.due WHERE kind = 'weekly_test' AND state = 'waiting'"
    assert count(engine, waiting) == 1


def test_the_heartbeat_is_heard_while_all_is_well_and_stops_when_it_is_not() -> None:
    state: list[str | None] = [None]
    with http_sink() as switch:
        heartbeat = Heartbeat(switch.url, {"outreach": lambda: state[0]}, every=0.01)
        heartbeat.start()
        wait_for(lambda: len(switch.requests) >= 3)
        state[0] = "nothing is being sent"
        assert heartbeat.failing() == ["outreach"]
        heartbeat.stop()
    assert {body for _, body in switch.requests} == {b""}


def test_a_database_that_is_away_silences_the_heartbeat() -> None:
    def away() -> str | None:
        raise OperationalError("SELECT 1", None, OSError("gone"))

    assert Heartbeat(None, {"database": away}).failing() == ["database"]


def test_the_heartbeat_begins_as_soon_as_all_parts_have_started() -> None:
    looks = iter(["starting", "starting"])
    with http_sink() as switch:
        heartbeat = Heartbeat(switch.url, {"signals": lambda: next(looks, None)}, every=3600)
        heartbeat.start()
        wait_for(lambda: len(switch.requests) == 1)
        heartbeat.stop()


def test_the_metrics_say_how_things_stand(
    idle: TestClient, engine: Engine, raising: Raising, manual_clock: ManualClock
) -> None:
    set_routing(engine, LADDERED)
    overdue = signal(SignalType.SAE, severity="critical").model_copy(
        update={"slot": "clock/site_24h/sae/1-01"}
    )
    raising(signal(severity="urgent"), overdue)
    with engine.begin() as conn:
        conn.execute(sa.text("DELETE FROM notifier.due WHERE urgency = 2"))
    manual_clock.advance(timedelta(hours=2))
    lines = idle.get("/metrics").text.splitlines()
    for line in (
        'vigil_oldest_unacknowledged_seconds{severity="urgent"} 7200.0',
        'vigil_deliveries_oldest_waiting_seconds{severity="critical"} 7200.0',
        'vigil_ladders_stuck{kind="late"} 5.0',
        'vigil_ladders_stuck{kind="lost"} 1.0',
        'vigil_clocks_overdue{type="sae"} 1.0',
    ):
        assert line in lines
