"""Deliveries against real servers that answer by script: what was said is kept, and all arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from bench.sink import HANG, RESET, HttpSink
from services.notifier.channels.email import EmailSender, MailServer
from services.notifier.channels.webhook import WebhookSender, new_secret
from services.notifier.outreach import Outreach
from services.notifier.store import routings
from shared.runtime.clock import ManualClock, SystemClock
from shared.runtime.postgres_bus import PostgresBus
from tests.services.notifier.outreach_support import QUICK, log_of, send_all, the_delivery
from tests.services.notifier.support import (
    ROUTING,
    STUDY,
    WHEN,
    MailSink,
    Raising,
    set_routing,
    signal,
    wait_for,
)


@pytest.fixture
def outreach(
    engine: Engine,
    bus: PostgresBus,
    manual_clock: ManualClock,
    mailbox: MailSink,
    receiver: HttpSink,
) -> Outreach:
    """Sends to the two servers."""
    set_routing(engine, ROUTING.replace("https://desk.example.org/hook", receiver.url))
    with engine.begin() as conn:
        routings.set_secret(conn, STUDY, "safety-desk", new_secret(), WHEN)
    clock = SystemClock()
    server = MailServer("127.0.0.1", mailbox.port, "smtp")
    return Outreach(
        engine=engine,
        bus=bus,
        clock=manual_clock,
        senders={
            "email": EmailSender(server, sender="vigil@example.org", clock=clock),
            "webhook": WebhookSender(clock=clock, trusted_hosts=("127.0.0.1",)),
        },
        public_url="https://vigil.example.org",
        patience=QUICK,
    )


def _until_settled(outreach: Outreach, clock: ManualClock) -> None:
    for _ in range(12):
        send_all(outreach)
        clock.advance(timedelta(minutes=2))


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ([500] * 6, ["500 Internal Server Error"] * 6),
        ([410], ["410 Gone"]),
        ([451, 429], ["451 Unavailable For Legal Reasons", "429 Too Many Requests"]),
        ([RESET, RESET], ["ReadError:", "ReadError:"]),
        ([301, 503], ["301 Moved Permanently", "503 Service Unavailable"]),
    ],
    ids=["500 x 6", "410", "451", "reset after the body", "redirect"],
)
def test_a_webhook_arrives_under_one_id_whatever_the_receiver_does_first(
    engine: Engine,
    raising: Raising,
    outreach: Outreach,
    manual_clock: ManualClock,
    receiver: HttpSink,
    mailbox: MailSink,
    script: list[int],
    answers: list[str],
) -> None:
    receiver.answers += [(status, {}, b"") for status in script]
    raising(signal())
    _until_settled(outreach, manual_clock)
    delivery = the_delivery(engine, "webhook")
    log = log_of(engine, delivery)
    said = [one.answer or "" for one in log if one.step == "failed"]
    assert [text[: len(start)] for text, start in zip(said, answers, strict=True)] == answers
    assert (delivery.state, log[-1].answer) == ("sent", "200 OK ok")
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {delivery.id}
    assert len({body for _, body in receiver.requests}) == 1
    assert len(mailbox.received) == 1, "the other subscriber was not held up"


def test_a_receiver_that_hangs_is_let_go_and_tried_again(
    engine: Engine,
    bus: PostgresBus,
    raising: Raising,
    outreach: Outreach,
    manual_clock: ManualClock,
    receiver: HttpSink,
) -> None:
    receiver.answers.append((HANG, {}, b""))
    raising(signal())
    impatient = WebhookSender(clock=SystemClock(), trusted_hosts=("127.0.0.1",), timeout=0.5)
    hurried = Outreach(
        engine=engine,
        bus=bus,
        clock=manual_clock,
        senders={"email": impatient, "webhook": impatient},
        public_url="https://vigil.example.org",
    )
    wait_for(lambda: hurried.run_once() and receiver.requests)
    send_all(hurried)
    _until_settled(outreach, manual_clock)
    log = log_of(engine, the_delivery(engine, "webhook"))
    said = [one.answer for one in log if one.step != "started"]
    assert (said[0], said[-1]) == ("no answer within 0.5 seconds", "200 OK ok")


def test_a_mail_server_that_puts_off_is_tried_until_it_takes_the_mail(
    engine: Engine,
    raising: Raising,
    outreach: Outreach,
    manual_clock: ManualClock,
    mailbox: MailSink,
) -> None:
    mailbox.answers += ["451 greylisted", "421 busy"]
    raising(signal())
    _until_settled(outreach, manual_clock)
    log = log_of(engine, the_delivery(engine))
    assert [one.answer for one in log if one.step != "started"] == [
        "451 greylisted",
        "421 busy",
        "250 queued as 42",
    ]
    assert len(mailbox.received) == 1


def test_a_refused_recipient_keeps_no_other_from_the_mail(
    engine: Engine,
    raising: Raising,
    outreach: Outreach,
    manual_clock: ManualClock,
    mailbox: MailSink,
    receiver: HttpSink,
) -> None:
    """Each recipient has a message, a server's answer and a proof of its own."""
    text = ROUTING.replace("https://desk.example.org/hook", receiver.url).replace(
        "rules:",
        "  - {name: gone, channel: email, address: gone@example.org}\nrules:\n"
        "  - {name: also, tell: [gone]}",
    )
    set_routing(engine, text, version=2)
    mailbox.refused.add("gone@example.org")
    raising(signal())
    send_all(outreach)
    assert mailbox.recipients == ["monitor@example.org"]
    with engine.connect() as conn:
        rows = conn.exec_driver_sql(
            "SELECT subscriber, delivery.state, answer FROM notifier.delivery"
            " JOIN notifier.attempt ON attempt.delivery = delivery.id"
            " WHERE attempt.step <> 'started' AND channel = 'email' ORDER BY subscriber"
        )
        found = [tuple(row) for row in rows]
    assert found == [
        ("gone", "failed", "recipient refused: 550 no such mailbox"),
        ("medical-monitor", "sent", "250 queued as 42"),
    ]


def test_the_clock_of_tries_may_stand_anywhere(
    engine: Engine, raising: Raising, outreach: Outreach, manual_clock: ManualClock
) -> None:
    """A clock set back to before the alert leaves it due, once it has come round again."""
    raising(signal())
    manual_clock.set(datetime(2026, 1, 14, tzinfo=UTC))
    assert outreach.run_once() is None
    manual_clock.set(datetime(2026, 1, 15, 12, tzinfo=UTC))
    assert outreach.run_once() is not None
