"""The live stream over real HTTP: order, resuming, who may listen, and ending."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from services.notifier.api import stream as stream_module
from services.notifier.app import ROUTERS
from services.notifier.feed import Feed
from services.notifier.store import alerts
from shared.contracts.signals import Signal
from shared.runtime.auth import revoke_key
from shared.runtime.serving import GRACE_SECONDS
from tests.services.notifier.support import OTHER, STUDY, V1, Raising, as_message, signal, wait_for

Key = Callable[..., dict[str, str]]


class Listener:
    """A client of the stream, reading in a thread of its own."""

    def __init__(self, base: str, headers: dict[str, str], query: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        self.status: int | None = None
        self.ended = threading.Event()
        self._leave = threading.Event()
        self._url = f"{base}{V1}/alerts/stream{query}"
        self._headers = headers
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            with (
                httpx2.Client(timeout=30) as client,
                client.stream("GET", self._url, headers=self._headers) as response,
            ):
                self.status = response.status_code
                event: dict[str, Any] = {}
                for line in response.iter_lines():
                    if self._leave.is_set():
                        return
                    if line:
                        name, _, value = line.partition(": ")
                        event[name] = value
                    elif event:
                        self.events.append(event)
                        event = {}
        except httpx2.HTTPError:
            pass
        finally:
            self.ended.set()

    def leave(self) -> None:
        self._leave.set()

    def changes(self) -> list[tuple[str, str]]:
        """(what, signal id) of every change so far."""
        found = [json.loads(e["data"]) for e in list(self.events) if e.get("event") == "alert"]
        return [(body["change"], body["alert"]["signal"]["id"]) for body in found]

    def resets(self) -> list[str]:
        """Where the stream went on, each time it said to begin afresh."""
        return [e["id"] for e in list(self.events) if e.get("event") == "reset"]

    def ids(self) -> list[str]:
        return [e["id"] for e in list(self.events) if e.get("event") == "alert"]


@pytest.fixture
def listen(
    app: FastAPI, live_server: Callable[[FastAPI], str]
) -> Iterator[Callable[..., Listener]]:
    """Opens streams, and waits until each is being fed."""
    base = live_server(app)
    listeners: list[Listener] = []

    def start(headers: dict[str, str], query: str = "") -> Listener:
        listener = Listener(base, headers, query)
        listeners.append(listener)
        wait_for(lambda: listener.events or listener.ended.is_set())
        feed = app.state.notifier.feed
        wait_for(lambda: not feed._new)
        return listener

    yield start
    app.state.notifier.feed.close()
    for listener in listeners:
        listener.leave()


def test_changes_arrive_in_order_with_the_alert(
    listen: Callable[..., Listener], raising: Raising, key: Key
) -> None:
    listener = listen(key("medical_monitor"))
    first = signal()
    _publish(raising, first)
    wait_for(lambda: len(listener.changes()) == 1)
    second = signal(supersedes=first.id)
    _publish(raising, second)
    wait_for(lambda: len(listener.changes()) == 3)
    assert listener.changes() == [
        ("raised", first.id),
        ("raised", second.id),
        ("superseded", first.id),
    ]
    assert listener.events[0] == {"retry": "2000"}


def test_a_client_resumes_after_the_last_event_it_saw(
    listen: Callable[..., Listener], raising: Raising, key: Key
) -> None:
    reader = key("auditor")
    first = listen(reader)
    raised = [signal() for _ in range(6)]
    _publish(raising, *raised[:4])
    wait_for(lambda: len(first.changes()) == 4)
    first.leave()
    _publish(raising, *raised[4:])
    second = listen({**reader, "Last-Event-ID": first.ids()[1]})
    wait_for(lambda: len(second.changes()) == 4)
    assert second.changes() == [("raised", s.id) for s in raised[2:]]
    third = listen(reader, f"?after={first.ids()[3]}")
    wait_for(lambda: len(third.changes()) == 2)
    assert third.changes() == [("raised", s.id) for s in raised[4:]]


@pytest.mark.parametrize("after", ["{major}-{more}", "999999999999-1", "1-1"])
def test_who_names_a_change_that_is_not_on_record_begins_afresh(
    listen: Callable[..., Listener], raising: Raising, key: Key, after: str
) -> None:
    """As a client does after a backup was restored: the change it saw last is gone."""
    reader = key("auditor")
    first = listen(reader)
    _publish(raising, signal())
    wait_for(first.ids)
    last = alerts.Position.parse(first.ids()[0])
    gone = after.format(major=last.major, more=last.minor + 1)
    back = listen({**reader, "Last-Event-ID": gone})
    wait_for(lambda: back.resets() == [str(last)])
    _publish(raising, later := signal())
    wait_for(back.changes)
    assert back.changes() == [("raised", later.id)]
    assert listen({**reader, "Last-Event-ID": back.ids()[0]}).resets() == []


def test_who_listens_while_a_backup_is_restored_begins_afresh(
    listen: Callable[..., Listener], raising: Raising, key: Key, engine: Engine
) -> None:
    listener = listen(key("auditor"))
    kept, lost, later = signal(), signal(), signal()
    _publish(raising, kept)
    wait_for(listener.ids)
    _publish(raising, lost)
    wait_for(lambda: len(listener.ids()) == 2)
    with engine.begin() as conn:
        # What the record is when it comes back from a backup made between the two.
        conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
        conn.exec_driver_sql(
            "DELETE FROM notifier.change WHERE id = (SELECT max(id) FROM notifier.change)"
        )
    wait_for(lambda: listener.resets() == [listener.ids()[0]])
    _publish(raising, later)
    wait_for(lambda: len(listener.ids()) == 3)
    assert listener.changes()[-1] == ("raised", later.id)


def test_a_page_says_where_a_stream_that_misses_nothing_begins(
    listen: Callable[..., Listener], raising: Raising, key: Key, app: FastAPI, engine: Engine
) -> None:
    reader = key("auditor")
    early, late = signal(), signal()
    listening = listen(reader)
    _publish(raising, early)
    wait_for(listening.changes)
    with engine.connect() as conn:
        start = alerts.last_change(conn)
    _publish(raising, late)
    wait_for(lambda: len(listening.changes()) == 2)
    resumed = listen(reader, f"?after={start}")
    wait_for(resumed.changes)
    assert resumed.changes() == [("raised", late.id)]


def test_a_change_that_commits_late_is_not_skipped(
    listen: Callable[..., Listener],
    raising: Raising,
    key: Key,
    engine: Engine,
    app: FastAPI,
) -> None:
    """Ids become visible out of order: an earlier writer that commits later must still be seen."""
    listener = listen(key("auditor"))
    anchor = signal()
    _publish(raising, anchor)
    wait_for(listener.changes)
    with engine.connect() as conn:
        alert = alerts.by_signal(conn, STUDY, anchor.id)
    assert alert is not None
    slow, quick = engine.connect(), engine.connect()
    with slow, quick:
        alerts.note_change(slow, STUDY, alert.id, "slow")
        alerts.note_change(quick, STUDY, alert.id, "quick")
        quick.commit()
        seen = _after_some_looks(app.state.notifier.feed, listener)
        slow.commit()
    wait_for(lambda: len(listener.changes()) == 3)
    assert seen == [("raised", anchor.id)]
    assert [what for what, _ in listener.changes()] == ["raised", "slow", "quick"]


def _after_some_looks(feed: Feed, listener: Listener) -> list[tuple[str, str]]:
    """What the listener has after the feed has looked at the database a few times more."""
    for _ in range(3):
        look = feed._last_look
        wait_for(lambda look=look: feed._last_look != look)  # type: ignore[misc]
    return listener.changes()


def test_a_listener_sees_its_studies_alone(
    listen: Callable[..., Listener], raising: Raising, key: Key
) -> None:
    mine, theirs = listen(key("auditor")), listen(key("auditor", study=OTHER))
    here, there = signal(), signal(study=OTHER)
    _publish(raising, there, here)
    wait_for(lambda: mine.changes() and theirs.changes())
    assert mine.changes() == [("raised", here.id)]
    assert theirs.changes() == [("raised", there.id)]


@pytest.mark.parametrize(
    ("roles", "query", "status"),
    [
        ((), "", 401),
        (("edc_source",), "", 403),
        (("edc_source",), f"?study={STUDY}", 403),
        (("auditor",), f"?study={OTHER}", 404),
        (("auditor",), "?after=x", 422),
        (("auditor",), f"?study={STUDY}", 200),
    ],
)
def test_who_may_listen(
    listen: Callable[..., Listener], key: Key, roles: tuple[str, ...], query: str, status: int
) -> None:
    listener = listen(key(*roles) if roles else {}, query)
    wait_for(lambda: listener.status)
    assert listener.status == status


def test_heartbeats_come_and_a_revoked_key_stops_listening(
    listen: Callable[..., Listener],
    key: Key,
    engine: Engine,
) -> None:
    reader = key("auditor")
    listener = listen(reader)
    wait_for(lambda: any(e.get("event") == "heartbeat" for e in listener.events))
    beats = [e for e in listener.events if e.get("event") == "heartbeat"]
    assert json.loads(beats[-1]["data"]) == {"current": True}
    with engine.begin() as conn:
        assert revoke_key(conn, reader["Authorization"].split("_")[1])
    assert listener.ended.wait(10)


def test_streams_end_when_the_service_stops(
    listen: Callable[..., Listener], key: Key, app: FastAPI
) -> None:
    listener = listen(key("auditor"))
    app.state.notifier.feed.close()
    assert listener.ended.wait(GRACE_SECONDS)
    late = listen(key("auditor"))
    assert late.ended.wait(GRACE_SECONDS)


def test_a_client_that_leaves_is_forgotten(
    listen: Callable[..., Listener], raising: Raising, key: Key, app: FastAPI
) -> None:
    listener = listen(key("auditor"))
    feed: Feed = app.state.notifier.feed
    assert len(feed._clients) == 1
    listener.leave()
    _publish(raising, signal())
    wait_for(lambda: not feed._clients)


def test_a_client_that_reads_too_slowly_is_cut_and_may_resume(
    engine: Engine, raising: Raising
) -> None:
    raised = [signal() for _ in range(5)]
    raising(*raised)
    feed = Feed(engine, most_waiting=3)
    feed.start()

    async def read_slowly() -> list[str]:
        client = feed.join([STUDY], alerts.BEGINNING)
        while client._queue.qsize() < 4:  # noqa: ASYNC110 - the queue has no such event
            await asyncio.sleep(0)
        found = []
        while (event := await client.next(5)) is not None:
            found.append(json.loads(event.data)["alert"]["signal"]["id"])
        return found

    try:
        assert asyncio.run(read_slowly()) == [s.id for s in raised[:3]]
    finally:
        feed.close()


def test_the_stream_is_not_mistaken_for_an_alert() -> None:
    assert ROUTERS.index(stream_module.router) == 0


def _publish(raising: Raising, *signals: Signal) -> None:
    """Publishes; the served app's own worker handles them."""
    with raising.engine.begin() as conn:
        raising.bus.publish(conn, [as_message(s) for s in signals])
