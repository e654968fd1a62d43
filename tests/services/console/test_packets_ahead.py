"""The packet is begun when the committee's page is opened, and nothing hangs on that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial

import httpx2
import pytest
from fastapi import FastAPI

from services.console.app import create_app
from services.console.packet import packet_pdf
from services.console.packets import Ahead
from services.console.printing import CannotPrint, Printed
from services.console.upstream import StillReading
from shared.runtime.settings import Settings
from tests.services.console.acting_neighbours import COMMITTEE, Acting, small_packet
from tests.services.console.golden import STUDY
from tests.services.console.neighbours import pointed_at
from tests.services.console.test_access import BOARD

PACKET = f"{BOARD}/packet.pdf"
WRITTEN = Printed(b"%PDF", "ST-1", date(2022, 12, 26))
DONE_SECONDS = 60.0


@pytest.fixture
def neighbours() -> Acting:
    return Acting()


@pytest.fixture
def app(neighbours: Acting, live_server: Callable[[FastAPI], str]) -> FastAPI:
    there = live_server(neighbours.app())
    return create_app(Settings(), replace(pointed_at(there), packets_ahead=True))


def asked_for(neighbours: Acting) -> int:
    return sum(path.endswith("/packet") for _, path in neighbours.asked)


def wait_for(done: Callable[[], bool]) -> None:
    until = time.monotonic() + DONE_SECONDS
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)


def is_done(app: FastAPI) -> bool:
    ahead: Ahead = app.state.ahead
    return ahead._task is not None and ahead._task.done()


def test_who_opened_the_page_finds_it_written(person: httpx2.Client, app: FastAPI) -> None:
    assert person.get(COMMITTEE).status_code == 200
    wait_for(lambda: is_done(app))
    app.state.printer._hand.kill()  # so that no page can be set any more
    assert person.get(PACKET).content == packet_pdf(small_packet())


def test_a_page_that_fetches_itself_anew_begins_none(
    person: httpx2.Client, app: FastAPI, neighbours: Acting
) -> None:
    again = {"Sec-Fetch-Dest": "empty"}
    assert person.get(COMMITTEE, headers=again).status_code == 200
    assert app.state.ahead._task is None
    opened = {"Sec-Fetch-Dest": "document"}
    assert person.get(COMMITTEE, headers=opened).status_code == 200
    wait_for(lambda: is_done(app))
    assert asked_for(neighbours) == 1


def test_the_first_of_a_study_is_begun_with_its_own_page(
    person: httpx2.Client, app: FastAPI, neighbours: Acting
) -> None:
    neighbours.past["2022-11-08"] = neighbours.assessment
    assert person.get(f"{BOARD}?known_at=2022-11-08").status_code == 200
    assert app.state.ahead._task is None
    for _ in range(3):
        assert person.get(BOARD).status_code == 200
        wait_for(lambda: is_done(app))
    assert asked_for(neighbours) == 1


def test_one_that_cannot_be_written_is_said_where_it_is_asked_for(
    person: httpx2.Client, app: FastAPI, neighbours: Acting
) -> None:
    neighbours.stale = True
    assert person.get(COMMITTEE).status_code == 200
    wait_for(lambda: is_done(app))
    assert asked_for(neighbours) == 1
    assert person.get(PACKET).status_code == 503


def test_of_those_wished_for_meanwhile_the_last_is_written() -> None:
    begun: list[str] = []

    async def run() -> None:
        ahead, at_it, may_end = Ahead(), asyncio.Event(), asyncio.Event()

        async def one(name: str) -> Printed:
            begun.append(name)
            at_it.set()
            await may_end.wait()
            if name == "first":
                raise CannotPrint
            return WRITTEN

        ahead.begin(STUDY, partial(one, "first"))
        await at_it.wait()
        for name in ("second", "third"):
            ahead.begin(STUDY, partial(one, name))
        assert begun == ["first"]
        may_end.set()
        assert ahead._task is not None
        await ahead._task

    asyncio.run(run())
    assert begun == ["first", "third"]


@pytest.mark.parametrize("another", [False, True])
def test_what_is_still_being_read_is_waited_for_unless_another_is_wished_for(another: bool) -> None:
    begun: list[str] = []

    async def run() -> None:
        ahead = Ahead(pause=0.0)

        async def another_one() -> Printed:
            begun.append("another")
            return WRITTEN

        async def write() -> Printed:
            begun.append("first")
            if another:
                ahead.begin("ST-2", another_one)
            if another or len(begun) < 3:
                raise StillReading("monitor", "is still reading", None)
            return WRITTEN

        ahead.begin(STUDY, write)
        assert ahead._task is not None
        await ahead._task
        assert ahead.written == {"ST-2" if another else STUDY}

    asyncio.run(run())
    assert begun == (["first", "another"] if another else ["first"] * 3)


def test_the_end_waits_for_none() -> None:
    async def run() -> None:
        ahead, at_it, never = Ahead(), asyncio.Event(), asyncio.Event()

        async def write() -> Printed:
            at_it.set()
            await never.wait()
            return WRITTEN

        ahead.begin(STUDY, write)
        await at_it.wait()
        await ahead.close()
        assert ahead._task is not None
        assert ahead._task.cancelled()

    asyncio.run(run())
