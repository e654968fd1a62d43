"""The stream that tells an open page it is out of date."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import islice

import httpx2
import pytest
from fastapi import FastAPI

from services.console.app import create_app
from services.console.live import ALIVE_SECONDS, LONGEST_SECONDS, Pace
from shared.runtime.settings import Settings
from tests.services.console import golden, golden_signals
from tests.services.console.neighbours import (
    BEHIND_EVENT,
    HEARTBEAT_EVENT,
    KEY,
    OVER,
    PATIENCE,
    Neighbours,
    pointed_at,
)
from tests.services.console.test_access import BOARD, csrf_of
from tests.services.notifier.support import wait_for


@contextmanager
def listening(person: httpx2.Client) -> Iterator[Iterator[str]]:
    """The names of the events; the first ones, that the watch has begun, are taken already."""
    accept = {"Accept": "text/event-stream"}
    with person.stream("GET", f"{BOARD}/live", headers=accept) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        names = _names(response)
        assert [next(names) for _ in range(3)] == ["alive", "changed", "changed"]
        yield names


def _names(response: httpx2.Response) -> Iterator[str]:
    for line in response.iter_lines():
        if line.startswith("event:"):
            yield line.removeprefix("event:").strip()
        else:
            assert line in ("", "data: {}", "retry: 2000"), "only that something changed is told"


def next_news(names: Iterator[str]) -> str:
    """Fails after a minute of nothing but signs of life."""
    quiet = islice(names, int(PATIENCE / ALIVE_SECONDS))
    return next((name for name in quiet if name != "alive"), "nothing")


def test_a_new_assessment_is_told(person: httpx2.Client, neighbours: Neighbours) -> None:
    with listening(person) as names:
        neighbours.assessment = golden.assessment(degraded=True)
        assert next_news(names) == "changed"


def test_facts_that_leave_the_assessment_as_it_was_are_told_too(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    with listening(person) as names:
        neighbours.entry_changes = {"applied_through": "413"}
        assert next_news(names) == "changed"


def test_an_acknowledgement_elsewhere_is_told(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    with listening(person) as names:
        neighbours.alerts = [golden_signals.alert(golden_signals.signals()[5], seen_by="Somebody")]
        assert next_news(names) == "changed"


def test_a_record_of_alerts_that_begins_anew_is_told(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    """As after a backup was restored: what the page shows may be of another record."""
    with listening(person) as names:
        neighbours.restore([])
        assert next_news(names) == "changed"


def test_a_heartbeat_of_the_notifier_is_no_news(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    with listening(person) as names:
        neighbours.to_tell.append(HEARTBEAT_EVENT)
        wait_for(lambda: not neighbours.to_tell)
        neighbours.keys.clear()
        assert next_news(names) == "signed-out"


def test_a_heartbeat_is_no_news(person: httpx2.Client) -> None:
    with listening(person) as names:
        assert next(names) == "alive"


def test_a_monitor_that_falls_silent_is_told_and_its_return_too(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    with listening(person) as names:
        neighbours.failing["monitor"] = 503
        assert next_news(names) == "lost"
        assert next(names) == "lost", "as long as it lasts, nothing says that all is well"
        neighbours.failing.clear()
        assert [next(names), next(names)] == ["alive", "changed"]


def test_an_alert_while_the_monitor_is_silent_does_not_make_the_page_live(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    with listening(person) as names:
        neighbours.failing["monitor"] = 503
        assert next_news(names) == "lost"
        neighbours.alerts = []
        assert next(name for name in names if name != "lost") == "changed"
        assert next(names) == "lost"


def test_a_notifier_that_returns_is_told(person: httpx2.Client, neighbours: Neighbours) -> None:
    neighbours.failing["notifier"] = 503
    accept = {"Accept": "text/event-stream"}
    with person.stream("GET", f"{BOARD}/live", headers=accept) as response:
        names = _names(response)
        begun = [next(names) for _ in range(4)]
        assert sorted(begun) == ["alerts-lost", "alive", "changed", "changed"]
        assert next(names) == "alerts-lost", "as long as it lasts, new alerts may be missing"
        neighbours.failing.clear()
        assert next(name for name in names if name != "alerts-lost") == "alive"
        assert next(names) == "changed"


def test_a_notifier_that_does_not_look_at_its_alerts_is_told(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    with listening(person) as names:
        neighbours.looking = False
        neighbours.to_tell.append(BEHIND_EVENT)
        assert next_news(names) == "alerts-lost"
        assert next(names) == "alerts-lost"
        neighbours.to_tell.append(HEARTBEAT_EVENT)
        assert next(name for name in names if name != "alerts-lost") == "alive"


def test_a_stream_of_alerts_that_ends_in_order_is_taken_up_again(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    with listening(person) as names:
        neighbours.to_tell.append(OVER)
        assert next_news(names) == "changed"
        neighbours.failing["notifier"] = 503
        neighbours.to_tell.append(OVER)
        assert next_news(names) == "alerts-lost"


def test_a_stream_of_alerts_without_heartbeats_is_broken(
    neighbours: Neighbours, live_server: Callable[[FastAPI], str]
) -> None:
    """As behind a connection that is gone without a word."""
    neighbours.looking = False
    there = live_server(neighbours.app())
    impatient = replace(pointed_at(there), stream_quiet=0.5)
    address = live_server(create_app(Settings(), impatient))
    with httpx2.Client(base_url=address, trust_env=False, timeout=PATIENCE) as person:
        person.headers["Origin"] = address
        assert person.post("/login", data={"key": KEY}).status_code == 303
        with listening(person) as names:
            assert [next_news(names), next_news(names)] == ["alerts-lost", "changed"]
            assert [next_news(names), next_news(names)] == ["changed", "alerts-lost"]


@pytest.mark.parametrize("how", ["signed out", "revoked"])
def test_the_stream_ends_with_the_session(
    person: httpx2.Client, neighbours: Neighbours, how: str
) -> None:
    csrf = csrf_of(person.get("/"))
    with listening(person) as names:
        if how == "revoked":
            neighbours.keys.clear()
        else:
            assert person.post("/logout", data={"csrf": csrf}).status_code == 303
        assert next_news(names) == "signed-out"
        assert list(names) == []


def test_many_open_pages_look_less_often_but_never_seldom() -> None:
    pace = Pace(0.2, each=0.01)
    waits = []
    with ExitStack() as pages:
        for _ in range(80):
            pages.enter_context(pace.page())
            waits.append(pace.seconds)
    assert waits[0] == waits[19] == pace.seconds == 0.2
    assert waits[29] == pytest.approx(0.3)
    assert waits[49:] == [LONGEST_SECONDS] * 31


def test_a_page_that_is_closed_slows_nobody(person: httpx2.Client, app: FastAPI) -> None:
    app.state.pace = pace = Pace(0.05, each=0.1)
    with listening(person):
        assert pace.seconds == 0.1
        with listening(person):
            assert pace.seconds == 0.2
    wait_for(lambda: pace.seconds == 0.05)
