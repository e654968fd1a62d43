"""Whole requests: repeated under an Idempotency-Key, sent to two processes, sent into an outage."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from services.ingest.app import create_app
from shared.runtime.auth import Authenticator
from shared.runtime.clock import Clock, FileClock
from shared.runtime.db import create_engine
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.services.ingest.support import NewSender, Sender, count, event, ndjson, published

KEY = {"Idempotency-Key": "upload-2026-03-09"}


@pytest.fixture
def other_process(
    settings: Settings,
    engine: Engine,
    clock: Clock,
    live_server: Callable[[FastAPI], str],
    edc: Sender,
) -> Iterator[Sender]:
    """The same key at a second instance of the service on the same database."""
    app = create_app(settings, engine, PostgresBus(engine), clock)
    with httpx2.Client(base_url=live_server(app), timeout=30) as client:
        yield Sender(client, edc.key)


def at_once(*calls: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    start = threading.Barrier(len(calls))
    answers: list[httpx2.Response] = []

    def run(call: Callable[[], httpx2.Response]) -> None:
        start.wait()
        answers.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_repeated_request_gets_the_same_answer(edc: Sender, other_process: Sender) -> None:
    body = ndjson([event("1"), b"{", event("2", LBORRES="9")])
    first = edc.lines(body, **KEY)
    again = other_process.lines(body, **KEY)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert edc.lines(body).content != first.content


def test_a_repeated_single_event_gets_the_same_answer(edc: Sender) -> None:
    first, again = edc.one(event(), **KEY), edc.one(event(), **KEY)
    assert first.status_code == again.status_code == 202
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])


def test_the_key_of_another_request_is_refused(edc: Sender, engine: Engine) -> None:
    edc.one(event("1"), **KEY)
    other = edc.one(event("2", recordid="other"), **KEY)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:vigil:problem:idempotency-key-reused"
    assert len(published(engine)) == 1


def test_two_senders_may_use_the_same_word(edc: Sender, sender: NewSender) -> None:
    assert edc.one(event("1"), **KEY).json()["result"] == "accepted"
    other = sender("edc_source")
    assert other.one(event("2", recordid="other"), **KEY).json()["result"] == "accepted"


def test_a_malformed_key_is_refused(edc: Sender) -> None:
    for key in ("", "x" * 256, "two words"):
        assert edc.one(event(), **{"Idempotency-Key": key}).status_code == 400


def test_the_same_key_at_once_is_written_once(
    edc: Sender, other_process: Sender, engine: Engine
) -> None:
    bodies = [ndjson([event()]), b"{never an event"]
    for number, body in enumerate(bodies):
        name = {"Idempotency-Key": f"at-once-{number}"}
        calls = [partial(s.lines, body, **name) for s in (edc, other_process) * 4]
        answers = at_once(*calls)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
    assert (count(engine, "ingest.delivery"), count(engine, "ingest.refusal")) == (1, 1)


def test_two_processes_accept_the_same_events_once(
    edc: Sender, other_process: Sender, engine: Engine
) -> None:
    body = ndjson([event(f"{n}", recordid=f"{n % 20}", revision=1 + n % 7) for n in range(100)])
    answers = at_once(*[partial(s.lines, body) for s in (edc, other_process) * 4])
    assert {answer.status_code for answer in answers} == {200}
    lines = [line for answer in answers for line in answer.text.splitlines()]
    assert len(lines) == 800
    assert sum('"status":202' in line for line in lines) == len(published(engine)) == 100
    assert count(engine, "ingest.delivery") == 100


@pytest.fixture
def cut_off(
    engine: Engine, clock: Clock, settings: Settings, live_server: Callable[[FastAPI], str]
) -> Iterator[httpx2.Client]:
    """A service whose database does not answer, though its keys are still known."""
    dead = create_engine("postgresql://nobody@127.0.0.1:1/none", application_name="tests")
    app = create_app(settings, dead, PostgresBus(dead), clock, authenticator=Authenticator(engine))
    with httpx2.Client(base_url=live_server(app), timeout=30) as client:
        yield client


def test_an_outage_acknowledges_nothing(cut_off: httpx2.Client, edc: Sender) -> None:
    there = Sender(cut_off, edc.key)
    receipt = "/ingest/v1/receipts/r" + "0" * 44
    for answer in (there.one(event()), there.lines(b"{"), there.get(receipt)):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["content-type"] == "application/problem+json"
    assert cut_off.get("/readyz").status_code == 503
    assert cut_off.get("/livez").status_code == 200


def test_keys_that_cannot_be_looked_up_are_an_outage_too(
    settings: Settings, clock: Clock, live_server: Callable[[FastAPI], str], edc: Sender
) -> None:
    dead = create_engine("postgresql://nobody@127.0.0.1:1/none", application_name="tests")
    app = create_app(settings, dead, PostgresBus(dead), clock)
    with httpx2.Client(base_url=live_server(app), timeout=30) as client:
        assert Sender(client, edc.key).one(event()).status_code == 503


def test_without_a_readable_clock_nothing_is_taken(
    settings: Settings,
    engine: Engine,
    live_server: Callable[[FastAPI], str],
    edc: Sender,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    missing = FileClock(tmp_path_factory.mktemp("clock") / "missing")
    app = create_app(settings, engine, PostgresBus(engine), missing)
    with httpx2.Client(base_url=live_server(app), timeout=30) as client:
        assert Sender(client, edc.key).one(event()).status_code == 503
    assert published(engine) == []
