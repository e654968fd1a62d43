"""Sessions end by themselves, and never show the key they hold."""

from collections.abc import Callable

import httpx2
import pytest
from fastapi import FastAPI

from services.console.app import create_app
from services.console.guard import PLAIN_COOKIE
from services.console.sessions import Sessions
from shared.runtime.settings import Settings
from tests.services.console.neighbours import KEY, PATIENCE, Neighbours, pointed_at


class Watch:
    """A clock for durations that stands until told otherwise."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_when_it_is_not_used() -> None:
    watch = Watch()
    sessions = Sessions(idle=60, longest=1000, clock=watch)
    session = sessions.begin("key")
    watch.now += 60
    assert sessions.find(session.token) is session
    watch.now += 61
    assert not sessions.holds(session)
    assert sessions.find(session.token) is None


def test_use_does_not_keep_a_session_open_for_ever() -> None:
    watch = Watch()
    sessions = Sessions(idle=60, longest=150, clock=watch)
    session = sessions.begin("key")
    for _ in range(3):
        watch.now += 50
        assert sessions.find(session.token) is session
    watch.now += 1
    assert sessions.find(session.token) is None


def test_watching_is_not_use() -> None:
    watch = Watch()
    sessions = Sessions(idle=60, longest=1000, clock=watch)
    session = sessions.begin("key")
    watch.now += 50
    assert sessions.holds(session)
    watch.now += 11
    assert not sessions.holds(session)


@pytest.mark.parametrize(("dest", "left"), [("empty", 10), ("document", 60), (None, 60)])
def test_a_page_that_renews_itself_is_not_use(
    neighbours: Neighbours, live_server: Callable[[FastAPI], str], dest: str | None, left: int
) -> None:
    watch = Watch()
    sessions = Sessions(idle=60, longest=1000, clock=watch)
    there = live_server(neighbours.app())
    address = live_server(create_app(Settings(), pointed_at(there), sessions=sessions))
    session = sessions.begin(KEY)
    watch.now += 50
    headers = {"Accept": "text/html", "Cookie": f"{PLAIN_COOKIE}={session.token}"}
    if dest is not None:
        headers["Sec-Fetch-Dest"] = dest
    page = httpx2.get(f"{address}/", headers=headers, trust_env=False, timeout=PATIENCE)
    assert "<h1>Studies</h1>" in page.text
    assert sessions.left(session.token) == left


def test_asking_how_long_is_left_is_not_use() -> None:
    watch = Watch()
    sessions = Sessions(idle=60, longest=150, clock=watch)
    session = sessions.begin("key")
    watch.now += 50
    assert sessions.left(session.token) == 10
    assert sessions.left("guess") is None
    sessions.find(session.token)
    watch.now += 50
    sessions.find(session.token)
    assert sessions.left(session.token) == 50, "of all there is"
    watch.now += 51
    assert sessions.left(session.token) is None


def test_an_ended_session_is_gone() -> None:
    sessions = Sessions(idle=60, longest=1000)
    session = sessions.begin("key")
    sessions.end(session)
    sessions.end(session)
    assert sessions.find(session.token) is None


def test_there_is_no_session_without_its_token() -> None:
    sessions = Sessions(idle=60, longest=1000)
    sessions.begin("key")
    assert sessions.find(None) is None
    assert sessions.find("") is None
    assert sessions.find("guess") is None


def test_a_session_does_not_print_what_it_holds() -> None:
    session = Sessions(idle=60, longest=1000).begin("vigil_secret")
    assert "vigil_secret" not in repr(session)
    assert session.token not in repr(session)
    assert session.csrf not in repr(session)


def test_only_the_sessions_own_form_is_vouched_for() -> None:
    sessions = Sessions(idle=60, longest=1000)
    mine, other = sessions.begin("a"), sessions.begin("b")
    assert mine.vouches_for(mine.csrf)
    assert not mine.vouches_for(other.csrf)
    assert not mine.vouches_for("")
    assert not mine.vouches_for("é")
