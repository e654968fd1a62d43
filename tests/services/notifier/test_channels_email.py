"""Mail against a real SMTP server: what arrives, and what is kept of the server's answer."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest

from services.notifier.channels import MAX_ANSWER, Outgoing, shortened
from services.notifier.channels.email import EmailSender, MailServer, mail_server
from shared.runtime.clock import ManualClock
from tests.services.notifier.support import MailSink

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
MESSAGE = Outgoing(
    id="0123abcd",
    address="monitor@example.org",
    subject="[SYNTHETIC] Vigil: urgent safety signal, study TRIAL-1",
    text="Open:\nhttps://vigil.example.org/alerts/a1\n",
    event="vigil.alert.raised",
    data={},
    study="TRIAL-1",
    urgent=True,
)


def _sender(port: int, timeout: float = 10.0) -> EmailSender:
    return EmailSender(
        MailServer("127.0.0.1", port, "smtp"),
        sender="vigil@trials.example.org",
        clock=ManualClock(NOW),
        timeout=timeout,
    )


def test_a_mail_arrives_with_a_stable_id_and_as_automatic(mailbox: MailSink) -> None:
    sender = _sender(mailbox.port)
    first, second = sender.send(MESSAGE), sender.send(MESSAGE)
    assert first.delivered
    assert first.answer == "250 queued as 42"
    assert mailbox.recipients == ["monitor@example.org"] * 2
    assert second == first
    assert mailbox.received[0] == mailbox.received[1]
    mail = message_from_bytes(mailbox.received[0], policy=default)
    assert mail["Message-ID"] == "<0123abcd@trials.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "Vigil alerts of TRIAL-1 <TRIAL-1.vigil.trials.example.org>"
    assert mail["Importance"] == "high"
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Date"] == "Thu, 15 Jan 2026 12:00:00 +0000"
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().splitlines() == MESSAGE.text.splitlines()


def test_the_html_part_says_the_same_and_loads_nothing() -> None:
    text = "A <b> & [SYNTHETIC].\n\nOpen:\nhttps://v.example.org/alerts/a1?x=1&y=2\n"
    mail = _sender(0).compose(replace(MESSAGE, text=text, study="Study Aurora"))
    html = list(mail.iter_parts())[1].get_content().strip()
    link = "https://v.example.org/alerts/a1?x=1&amp;y=2"
    assert html == (
        "<!doctype html><html><body><p>A &lt;b&gt; &amp; [SYNTHETIC].</p>"
        f'<p>Open:<br><a href="{link}">{link}</a></p></body></html>'
    )
    assert mail["List-Id"] == "Vigil alerts of Study Aurora <Study-Aurora.vigil.trials.example.org>"


@pytest.mark.parametrize("answer", ["451 try later", "554 we do not like you"])
def test_a_refusal_is_an_outcome_with_the_servers_words(mailbox: MailSink, answer: str) -> None:
    mailbox.answers.append(answer)
    outcome = _sender(mailbox.port).send(MESSAGE)
    assert (outcome.delivered, outcome.answer) == (False, answer)


def test_nobody_there_is_an_outcome() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        outcome = _sender(unused.getsockname()[1]).send(MESSAGE)
    assert not outcome.delivered
    assert "Connect" in outcome.answer


def test_a_silent_server_is_an_outcome() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        outcome = _sender(silent.getsockname()[1], timeout=0.2).send(MESSAGE)
    assert (outcome.delivered, outcome.answer) == (False, "no answer within 0.2 seconds")


def test_required_encryption_is_not_given_up(mailbox: MailSink) -> None:
    server = MailServer("127.0.0.1", mailbox.port, "smtp+starttls")
    sender = EmailSender(server, sender="vigil@example.org", clock=ManualClock(NOW))
    assert not sender.send(MESSAGE).delivered
    assert mailbox.received == []


def test_without_a_server_every_try_says_so() -> None:
    sender = EmailSender(None, sender="vigil@example.org", clock=ManualClock(NOW))
    assert sender.send(MESSAGE).answer == "not sent: no mail server is configured (SMTP_URL)"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", MailServer("mail", 25, "smtp")),
        ("smtp://mail:1025/", MailServer("mail", 1025, "smtp")),
        (
            "smtp+starttls://a%40b:p%2Fw@mail",
            MailServer("mail", 587, "smtp+starttls", "a@b", "p/w"),
        ),
        ("smtps://u:p@mail", MailServer("mail", 465, "smtps", "u", "p")),
        ("smtp://u:p@127.0.0.1", MailServer("127.0.0.1", 25, "smtp", "u", "p")),
        ("smtp://u:p@localhost", MailServer("localhost", 25, "smtp", "u", "p")),
    ],
)
def test_addresses_of_mail_servers(url: str, expected: MailServer) -> None:
    assert mail_server(url) == expected


@pytest.mark.parametrize(
    "url",
    ["http://mail", "smtp://", "mail", "smtp://u:secret@mail", "smtps://secret@mail", "smtp://m/x"],
)
def test_unusable_mail_servers_are_refused_without_echo(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        mail_server(url)
    assert "secret" not in str(refused.value)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(mail_server("smtps://u:secret@mail"))


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("a\x00b\r\nc\ud800d", "a b c d"),
        ("x" * MAX_ANSWER, "x" * MAX_ANSWER),
        ("x" * (MAX_ANSWER + 1), "x" * (MAX_ANSWER - 1) + "…"),
    ],
)
def test_answers_are_made_fit_to_store(answer: str, kept: str) -> None:
    assert shortened(answer) == kept
