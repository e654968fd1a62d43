"""A signal becomes one alert and one delivery per subscriber and channel, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from services.notifier.alerting import Alerting
from services.notifier.inforce import NO_ROUTING, NO_RULE, UNREADABLE
from services.notifier.store import deliveries
from services.notifier.views import alert_views, study_warnings
from services.notifier.watch import GROUP
from shared.contracts.signals import Signal, SignalType
from shared.contracts.topics import SIGNALS
from shared.runtime import outbox
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.worker import Worker
from tests.services.notifier.support import (
    OTHER,
    ROUTING,
    STUDY,
    WHEN,
    Raising,
    alert_of,
    as_message,
    receipts,
    set_routing,
    signal,
    wait_for,
)

INBOX = ("inbox", "inbox")
MONITOR = ("medical-monitor", "email")
DESK = ("safety-desk", "webhook")


def _told(engine: Engine, signal: Signal) -> set[tuple[str, str]]:
    alert = alert_of(engine, signal)
    with engine.connect() as conn:
        found = deliveries.of_alerts(conn, [alert.id])[alert.id]
    return {(delivery.subscriber, delivery.channel) for delivery in found}


@pytest.mark.parametrize(
    ("site", "ways"),
    [
        ("07", {INBOX, MONITOR}),
        ("09", {INBOX, DESK}),
        ("11", {INBOX}),
        (None, {INBOX, MONITOR, DESK}),
    ],
)
def test_a_site_hears_of_its_own_and_everybody_of_a_signal_of_no_known_site(
    engine: Engine, raising: Raising, site: str | None, ways: set[tuple[str, str]]
) -> None:
    text = ROUTING.replace("the-monitor\n", 'the-monitor\n    sites: ["07"]\n', 1)
    set_routing(engine, text.replace("severities: [urgent, critical]", 'sites: ["09"]'))
    new = signal(site=site)
    raising(new)
    assert _told(engine, new) == ways


def test_a_signal_becomes_an_alert_with_a_delivery_per_subscriber(
    engine: Engine, raising: Raising
) -> None:
    set_routing(engine)
    urgent, notice = signal(severity="urgent"), signal(severity="notice")
    raising(urgent, notice)
    alert = alert_of(engine, urgent)
    assert (alert.state, alert.version, alert.severity) == ("open", 1, "urgent")
    assert (alert.routing_version, alert.warnings, alert.synthetic) == (1, [], False)
    assert alert.signal == urgent.model_dump(mode="json")
    assert _told(engine, urgent) == {INBOX, MONITOR, DESK}
    assert _told(engine, notice) == {INBOX, MONITOR}


def test_every_delivery_has_its_receipts(engine: Engine, raising: Raising) -> None:
    set_routing(engine)
    raised = signal()
    raising(raised)
    steps = {(r.subscriber, r.channel, r.state, r.attempt) for r in receipts(engine)}
    assert steps == {
        ("inbox", "inbox", "pending", 0),
        ("inbox", "inbox", "sent", 0),
        ("medical-monitor", "email", "pending", 0),
        ("safety-desk", "webhook", "pending", 0),
    }
    assert {(r.study, r.signal, r.alert) for r in receipts(engine)} == {
        (STUDY, raised.id, alert_of(engine, raised).id)
    }


def test_the_same_signal_again_changes_nothing(
    engine: Engine, raising: Raising, bus: PostgresBus
) -> None:
    set_routing(engine)
    raised = signal()
    raising(raised)
    before = alert_of(engine, raised), len(receipts(engine))
    again = Message(SIGNALS.name, STUDY, "another-message-id", raised.model_dump_json().encode())
    raising.publish(again, again)
    assert (alert_of(engine, raised), len(receipts(engine))) == before
    with engine.connect() as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM notifier.delivery")).scalar_one() == 3


def test_without_routing_the_inbox_gets_it_and_says_so(engine: Engine, raising: Raising) -> None:
    raised = signal()
    raising(raised)
    assert _told(engine, raised) == {INBOX}
    assert alert_of(engine, raised).warnings == [NO_ROUTING]
    with engine.connect() as conn:
        assert study_warnings(conn, [STUDY], WHEN) == {STUDY: [NO_ROUTING]}


def test_without_a_matching_rule_the_alert_says_so(engine: Engine, raising: Raising) -> None:
    set_routing(engine, ROUTING.replace("tell: [med", "types: [sae]\n    tell: [med"))
    raised = signal(severity="info")
    raising(raised)
    assert _told(engine, raised) == {INBOX}
    assert alert_of(engine, raised).warnings == [NO_RULE]


def test_a_routing_this_version_cannot_read_does_not_silence_the_study(
    engine: Engine, raising: Raising
) -> None:
    set_routing(engine, ROUTING + "from_the_future: true\n")
    raised = signal()
    raising(raised)
    assert _told(engine, raised) == {INBOX}
    assert alert_of(engine, raised).warnings == [UNREADABLE]


def test_the_route_is_frozen_when_the_alert_is_raised(engine: Engine, raising: Raising) -> None:
    set_routing(engine)
    raised = signal()
    raising(raised)
    set_routing(engine, ROUTING.replace("monitor@example.org", "new@example.org"), version=2)
    alert = alert_of(engine, raised)
    with engine.connect() as conn:
        found = deliveries.of_alerts(conn, [alert.id])[alert.id]
    assert {d.address for d in found} == {
        "",
        "monitor@example.org",
        "https://desk.example.org/hook",
    }


@pytest.mark.parametrize(("ends", "state"), [(True, "withdrawn"), (False, "superseded")])
def test_a_follow_up_reaches_everybody_who_got_the_original(
    engine: Engine, raising: Raising, ends: bool, state: str
) -> None:
    set_routing(engine)
    first = signal(severity="urgent")
    raising(first)
    moved = ROUTING.replace("monitor@example.org", "new@example.org").replace(
        "tell: [safety-desk]", "types: [sae]\n    tell: [safety-desk]"
    )
    set_routing(engine, moved, version=2)
    second = signal(SignalType.DLT_WITHDRAWN, severity="notice", supersedes=first.id, ends=ends)
    raising(second)
    original, follow_up = alert_of(engine, first), alert_of(engine, second)
    assert (original.state, original.version, original.followed_by) == (state, 2, follow_up.id)
    assert follow_up.state == "open"
    assert _told(engine, second) == {INBOX, MONITOR, DESK}
    with engine.connect() as conn:
        found = deliveries.of_alerts(conn, [follow_up.id])[follow_up.id]
        (view,) = alert_views(conn, [follow_up])
    assert {d.subscriber: d.address for d in found}["medical-monitor"] == "new@example.org"
    assert {d.subscriber: d.why for d in found}["safety-desk"] == "was told of the earlier alert"
    assert (view.follows, view.warnings) == (original.id, ())


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_arrival_order_of_a_chain_does_not_matter(
    engine: Engine, raising: Raising, order: tuple[int, ...]
) -> None:
    """A parked original that is replayed late must still reach, and be followed up for, all."""
    set_routing(engine)
    first = signal(severity="urgent")
    second = signal(severity="notice", supersedes=first.id)
    third = signal(severity="notice", supersedes=second.id, ends=True)
    chain = [first, second, third]
    for index in order:
        raising(chain[index])
    assert [alert_of(engine, s).state for s in chain] == ["superseded", "withdrawn", "open"]
    assert [_told(engine, s) for s in chain] == [{INBOX, MONITOR, DESK}] * 3


def test_a_follow_up_of_something_unknown_says_so(engine: Engine, raising: Raising) -> None:
    set_routing(engine)
    orphan = signal(supersedes="never-seen")
    raising(orphan)
    with engine.connect() as conn:
        (view,) = alert_views(conn, [alert_of(engine, orphan)])
    assert view.warnings == ("follows up a signal that has not been received",)


def test_another_studys_signal_is_not_superseded(engine: Engine, raising: Raising) -> None:
    mine = signal()
    raising(mine)
    raising(signal(study=OTHER, supersedes=mine.id, ends=True))
    assert alert_of(engine, mine).state == "open"


@pytest.mark.parametrize(
    "broken",
    [
        Message(SIGNALS.name, STUDY, "garbage", b"\xff{"),
        Message(SIGNALS.name, STUDY, "other-contract", b'{"contract":"vigil.signal.v9"}'),
        Message(SIGNALS.name, STUDY, "wrong-key", as_message(signal(study=OTHER)).value),
    ],
)
def test_what_is_no_signal_is_parked_and_its_neighbours_pass(
    engine: Engine, raising: Raising, broken: Message
) -> None:
    before, after = signal(), signal()
    raising.publish(as_message(before), broken, as_message(after))
    assert alert_of(engine, before).state == alert_of(engine, after).state == "open"
    with engine.connect() as conn:
        (parked,) = outbox.parked(conn, "notifier")
        assert "SUBJ" not in parked.reason
        warnings = study_warnings(conn, [STUDY], WHEN)[STUDY]
    assert "1 signal could not be read and is not shown" in warnings


def test_a_crash_before_commit_leaves_nothing_and_loses_nothing(
    engine: Engine, raising: Raising, bus: PostgresBus, manual_clock: ManualClock
) -> None:
    set_routing(engine)
    raised = signal()
    work = Alerting(bus, manual_clock)

    def work_and_die(conn: Connection, messages: Sequence[Message]) -> None:
        work.on_signals(conn, messages)
        raise KeyboardInterrupt

    with engine.begin() as conn:
        bus.publish(conn, [as_message(raised)])
    doomed = Worker(
        engine=engine,
        bus=bus,
        topic=SIGNALS.name,
        group=GROUP,
        handle=work_and_die,
        clock=manual_clock,
    )
    with pytest.raises(KeyboardInterrupt):
        wait_for(lambda: doomed.run_once(1.0))
    doomed.close()
    assert receipts(engine) == []
    wait_for(lambda: raising.worker.run_once(1.0))
    assert _told(engine, raised) == {INBOX, MONITOR, DESK}


@pytest.mark.parametrize("table", ["acknowledgement", "attempt", "change", "routing"])
@pytest.mark.parametrize("statement", ["DELETE FROM", "TRUNCATE"])
def test_records_cannot_be_removed(engine: Engine, table: str, statement: str) -> None:
    with (
        pytest.raises(sa.exc.IntegrityError, match="only ever added"),
        engine.begin() as conn,
    ):
        conn.execute(sa.text(f"{statement} notifier.{table}"))


def test_receipts_hold_no_health_detail(engine: Engine, raising: Raising) -> None:
    set_routing(engine)
    raising(signal())
    text = json.dumps([r.model_dump(mode="json") for r in receipts(engine)])
    assert "SUBJ" not in text
    assert "platelets" not in text
