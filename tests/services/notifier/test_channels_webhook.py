"""Webhooks against a real HTTP server, checked with the specification's own library."""

from __future__ import annotations

import base64
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from bench.sink import RESET, HttpSink, http_sink
from services.notifier.addresses import is_public
from services.notifier.channels import MAX_ANSWER, Outgoing, webhook
from services.notifier.channels.webhook import (
    WebhookSender,
    new_secret,
    secret_bytes,
    signatures,
)
from shared.runtime.clock import ManualClock, SystemClock
from tests.services.notifier.support import (
    make_certificate,
    wait_for,
)

SECRET = new_secret()
TRUSTED = ("127.0.0.1",)


def _message(url: str, *secrets: str) -> Outgoing:
    return Outgoing(
        id="0123abcd",
        address=url,
        subject="",
        text="",
        event="vigil.alert.raised",
        data={"alert": "a1", "study": "TRIAL-1"},
        study="TRIAL-1",
        urgent=True,
        secrets=secrets or (SECRET,),
    )


def _sender(timeout: float = 10.0, trusted: tuple[str, ...] = TRUSTED) -> WebhookSender:
    return WebhookSender(clock=SystemClock(), trusted_hosts=trusted, timeout=timeout)


def test_a_webhook_verifies_by_the_standard(receiver: HttpSink) -> None:
    outcome = _sender().send(_message(receiver.url))
    assert (outcome.delivered, outcome.answer) == (True, "200 OK ok")
    ((headers, body),) = receiver.requests
    event = Webhook(SECRET).verify(body, headers)
    assert event == {"type": "vigil.alert.raised", "data": {"alert": "a1", "study": "TRIAL-1"}}
    assert headers["webhook-id"] == "0123abcd"
    assert headers["host"] == receiver.url.split("/")[2]
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)


def test_a_repeat_has_the_same_id_and_body_but_its_own_time(receiver: HttpSink) -> None:
    clock = ManualClock(SystemClock().now())
    sender = WebhookSender(clock=clock, trusted_hosts=TRUSTED)
    sender.send(_message(receiver.url))
    clock.advance(timedelta(minutes=1))
    sender.send(_message(receiver.url))
    (first, body), (second, again) = receiver.requests
    assert body == again
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60
    for headers in (first, second):
        Webhook(SECRET).verify(body, headers)


def test_old_and_new_secret_both_sign(receiver: HttpSink) -> None:
    old = new_secret()
    _sender().send(_message(receiver.url, SECRET, old))
    ((headers, body),) = receiver.requests
    for secret in (SECRET, old):
        assert json.loads(body) == Webhook(secret).verify(body, headers)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 410, 429, 500, 503])
def test_anything_but_success_is_a_failure_with_the_servers_words(
    receiver: HttpSink, status: int
) -> None:
    elsewhere = {"location": receiver.url + "/elsewhere"}
    receiver.answers.append((status, elsewhere, b"<b>no\x00</b>"))
    outcome = _sender().send(_message(receiver.url))
    assert not outcome.delivered
    assert outcome.answer.startswith(f"{status} ")
    assert outcome.answer.endswith("<b>no </b>")
    assert len(receiver.requests) == 1, "a redirect was followed"


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120.0), ("999999", 3600.0), ("soon", None), ("-5", None)]
)
def test_a_receiver_may_ask_for_time(
    receiver: HttpSink, header: str, seconds: float | None
) -> None:
    receiver.answers.append((429, {"retry-after": header}, b""))
    assert _sender().send(_message(receiver.url)).retry_after == seconds


def test_a_long_answer_is_cut(receiver: HttpSink) -> None:
    receiver.answers.append((500, {}, b"x" * 1_000_000))
    assert len(_sender().send(_message(receiver.url)).answer) == MAX_ANSWER


def test_a_silent_receiver_is_an_outcome() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/hook"
        outcome = _sender(timeout=0.2).send(_message(url))
    assert (outcome.delivered, outcome.answer) == (False, "no answer within 0.2 seconds")


def test_nobody_there_is_an_outcome() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/hook"
        outcome = _sender().send(_message(url))
    assert not outcome.delivered
    assert outcome.answer.startswith("ConnectError")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://desk.example.org/hook", "plain http is only for hosts the operator trusts"),
        ("https://127.0.0.1/hook", "private address"),
        ("https://localhost/hook", "private address"),
        ("https://[::1]/hook", "private address"),
        ("https://[::ffff:10.0.0.1]/hook", "private address"),
        ("https://169.254.169.254/latest", "private address"),
        ("https://10.1.2.3/hook", "private address"),
        ("https://2130706433/hook", "private address"),
        ("https://0x7f.1/hook", "private address"),
        ("https://[64:ff9b::7f00:1]/hook", "private address"),
    ],
)
def test_the_rule_for_addresses(url: str, why: str) -> None:
    outcome = _sender(trusted=()).send(_message(url))
    assert not outcome.delivered
    assert outcome.answer.startswith("not sent: ")
    assert why in outcome.answer


def test_trust_may_be_limited_to_a_port(receiver: HttpSink) -> None:
    host = receiver.url.split("/")[2]
    assert _sender(trusted=(host,)).send(_message(receiver.url)).delivered
    other = receiver.url.replace(host, "127.0.0.1:1")
    assert "not sent" in _sender(trusted=(host,)).send(_message(other)).answer


@pytest.mark.parametrize(
    ("name", "delivered"), [("desk.example.org", True), ("other.example.org", False)]
)
def test_the_connection_goes_to_the_checked_address_and_the_certificate_to_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, delivered: bool
) -> None:
    certificate, key = make_certificate(tmp_path, "desk.example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    asked = []

    async def lookup(host: str, port: int) -> str:
        asked.append((host, port))
        return "127.0.0.1"

    with http_sink(certificate, key) as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        sender = WebhookSender(clock=SystemClock(), lookup=lookup)
        outcome = sender.send(_message(f"https://{name}:{port}/hook"))
    assert asked == [(name, port)]
    assert outcome.delivered is delivered, outcome.answer
    if delivered:
        assert receiver.requests[0][0]["host"] == f"desk.example.org:{port}"
    else:
        assert "CERTIFICATE_VERIFY_FAILED" in outcome.answer
        assert receiver.requests == []


def test_a_connection_is_kept_for_what_follows_at_once() -> None:
    sender = _sender()
    with http_sink(keeps=True) as receiver:
        for _ in range(3):
            assert sender.send(_message(receiver.url)).delivered
    assert len(receiver.requests) == 3
    assert len(set(receiver.callers)) == 1


def test_a_kept_connection_gives_no_cookie_back() -> None:
    sender = _sender()
    with http_sink(keeps=True) as receiver:
        receiver.answers.append((200, {"set-cookie": "who=study-1; Path=/"}, b""))
        for _ in range(2):
            assert sender.send(_message(receiver.url)).delivered
    assert "cookie" not in receiver.requests[1][0]


def test_messages_at_one_time_do_not_wait_for_each_others_connection() -> None:
    sender = _sender()
    with http_sink(keeps=True) as receiver, ThreadPoolExecutor(4) as pool:
        receiver.hold = threading.Event()
        sent = [pool.submit(sender.send, _message(receiver.url)) for _ in range(4)]
        wait_for(lambda: len(receiver.requests) == 4)
        receiver.hold.set()
        assert all(one.result().delivered for one in sent)
    assert len(set(receiver.callers)) == 4


def test_a_connection_that_failed_is_not_used_again() -> None:
    sender = _sender()
    with http_sink(keeps=True) as receiver:
        receiver.answers += [(200, {}, b""), (RESET, {}, b""), (200, {}, b"")]
        outcomes = [sender.send(_message(receiver.url)).delivered for _ in range(3)]
    assert outcomes == [True, False, True]
    assert len(set(receiver.callers)) == 2


def test_a_connection_is_closed_when_nothing_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "KEEP_SECONDS", 0.05)
    sender = _sender()
    with http_sink(keeps=True) as receiver:
        sender.send(_message(receiver.url))
        wait_for(lambda: not any(sender._clients._idle.values()))
        sender.send(_message(receiver.url))
    assert len(set(receiver.callers)) == 2


def test_hosts_that_share_an_address_share_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate of the first says nothing about the second."""
    certificate, key = make_certificate(tmp_path, "desk.example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def lookup(_host: str, _port: int) -> str:
        return "127.0.0.1"

    with http_sink(certificate, key, keeps=True) as receiver:
        port = receiver.url.split(":")[2]
        sender = WebhookSender(clock=SystemClock(), lookup=lookup)
        outcomes = [
            sender.send(_message(f"https://{name}:{port}"))
            for name in ("desk.example.org", "other.example.org", "desk.example.org")
        ]
    assert [one.delivered for one in outcomes] == [True, False, True]
    assert "CERTIFICATE_VERIFY_FAILED" in outcomes[1].answer


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address that must be refused
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::7f00:1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "fec0::1",
        "2001:0:5db8:d70e::1",
        "2002:7f00:1::",
        "2002:5db8:d70e::",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "ff02::1",
    ],
)
def test_what_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "::ffff:93.184.215.14",
        "64:ff9b::5db8:d70e",
    ],
)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(address)


def test_without_a_secret_nothing_is_sent(receiver: HttpSink) -> None:
    message = replace(_message(receiver.url), secrets=())
    assert "no webhook secret" in _sender().send(message).answer
    assert receiver.requests == []


@pytest.mark.parametrize("size", [24, 64])
def test_secrets_of_the_standards_size_are_accepted(size: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(size))).decode()
    assert secret_bytes(secret) == bytes(range(size))
    assert signatures([secret], "id", 1, b"x").startswith("v1,")


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        base64.b64encode(bytes(32)).decode(),
        "whsec_not base64!",
        "",
    ],
)
def test_other_secrets_are_refused(secret: str) -> None:
    with pytest.raises(ValueError):
        secret_bytes(secret)


def test_made_secrets_differ() -> None:
    assert new_secret() != new_secret()
    assert len(secret_bytes(new_secret())) == 32
