"""A service that says "as you know it" is believed for that answer alone, and each page still asks
with the credential of its reader."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request, Response

from services.console.app import create_app
from services.console.pieces import Piece, gzipped
from shared.runtime.settings import Settings
from tests.services.console import golden, golden_signals
from tests.services.console.neighbours import KEY, Neighbours, pointed_at
from tests.services.console.test_access import ACKNOWLEDGE, BOARD, csrf_of
from tests.services.console.test_kept import CHANGES, DAY, Change, steady

NAMED = ("/assessment", "/brief")


@dataclass
class Naming(Neighbours):
    """Services that name their answers. ``said``: the statuses of those that are asked for by
    name, by the end of their address; ``always``: says of anything that it is known."""

    said: list[tuple[str, int]] = field(default_factory=list)
    always: bool = False

    async def _before(self, request: Request, call_next: Any) -> Response:
        response = await super()._before(request, call_next)
        end = next((one for one in NAMED if request.url.path.endswith(one)), None)
        if end is None or response.status_code != 200:
            return response
        body = b"".join([piece async for piece in response.body_iterator])  # type: ignore[attr-defined]
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        known = self.always or request.headers.get("if-none-match") == tag
        kept = {name: value for name, value in response.headers.items() if name == "vigil-stale"}
        self.said.append((end, 304 if known else 200))
        if known:
            return Response(status_code=304, headers=kept | {"etag": tag})
        return Response(body, 200, headers=kept | {"etag": tag}, media_type="application/json")


@pytest.fixture
def neighbours() -> Naming:
    return Naming()


@pytest.fixture
def afresh(
    app: FastAPI, live_server: Callable[[FastAPI], str], neighbours: Naming
) -> Callable[[dict[str, str]], str]:
    """The board as a console writes it that has never seen the study."""

    def read(asked: dict[str, str]) -> str:
        there = app.state.console.monitor_url
        console = live_server(create_app(Settings(), pointed_at(there)))
        with httpx2.Client(base_url=console, trust_env=False, timeout=60) as client:
            client.headers.update({"Accept": "text/html", "Origin": console})
            assert client.post("/login", data={"key": KEY}).status_code == 303
            return steady(client.get(BOARD, params=asked).text)

    return read


def _another_alert(neighbours: Neighbours) -> None:
    neighbours.alerts = golden_signals.alerts()[:-1]


def _acknowledged(neighbours: Neighbours) -> None:
    neighbours.alerts = [
        golden_signals.alert(one, seen_by="Dr Who") for one in golden_signals.signals()
    ]


def _fewer_signals(neighbours: Neighbours) -> None:
    neighbours.signals = golden_signals.signals()[:3]


def _more_signals(neighbours: Neighbours) -> None:
    neighbours.signals = golden_signals.signals()[:4]


def _warned(neighbours: Neighbours) -> None:
    neighbours.warnings = ["nobody is on duty now for critical signals"]


def _without_alerts(neighbours: Neighbours) -> None:
    neighbours.failing = {"notifier": 403}


def _with_alerts(neighbours: Neighbours) -> None:
    neighbours.failing = {}


TOLD: tuple[Change, ...] = (
    *CHANGES,
    _another_alert,
    _acknowledged,
    _fewer_signals,
    _more_signals,
    _warned,
    _without_alerts,
    _with_alerts,
)


@pytest.mark.parametrize("asked", [{}, {"known_at": DAY}], ids=["now", "past"])
def test_a_board_of_known_answers_is_the_one_that_would_be_written(
    person: httpx2.Client,
    neighbours: Naming,
    afresh: Callable[[dict[str, str]], str],
    asked: dict[str, str],
) -> None:
    for change in TOLD:
        change(neighbours)
        neighbours.past[DAY] = neighbours.assessment
        shown = [steady(person.get(BOARD, params=asked).text) for _ in range(2)]
        assert shown == [afresh(asked)] * 2, change.__name__


def test_what_is_known_is_not_sent_again(person: httpx2.Client, neighbours: Naming) -> None:
    for _ in range(3):
        assert person.get(BOARD).status_code == 200
    for end in NAMED:
        assert [status for one, status in neighbours.said if one == end] == [200, 304, 304]
    neighbours.assessment = golden.assessment(subjects=())
    assert person.get(BOARD).status_code == 200
    assert sorted(neighbours.said[-2:]) == [("/assessment", 200), ("/brief", 304)]


def test_a_known_answer_may_be_out_of_date(person: httpx2.Client, neighbours: Naming) -> None:
    assert "Out of date: the monitor is behind" not in person.get(BOARD).text
    neighbours.stale = True
    assert "Out of date: the monitor is behind" in person.get(BOARD).text
    assert ("/assessment", 304) in neighbours.said


def test_what_is_known_is_not_shown_to_who_may_not_see_it(
    person: httpx2.Client, neighbours: Naming
) -> None:
    assert "Acknowledge" in person.get(BOARD).text
    neighbours.failing = {"notifier": 403}
    refused = person.get(BOARD)
    assert refused.status_code == 200
    assert "<form" in refused.text
    assert "/acknowledge" not in refused.text
    neighbours.failing, neighbours.keys = {}, set()
    assert person.get(BOARD).status_code == 303


def test_a_service_cannot_call_known_what_it_has_never_said(
    person: httpx2.Client, neighbours: Naming
) -> None:
    neighbours.always = True
    unknown = person.get(BOARD)
    assert unknown.status_code == 503
    assert "Not known at present" in unknown.text


def test_an_act_is_not_done_because_nothing_has_changed(
    person: httpx2.Client, neighbours: Naming
) -> None:
    token = csrf_of(person.get(BOARD))
    neighbours.failing = {"acknowledge": 304}
    answer = person.post(ACKNOWLEDGE, data={"csrf": token, "version": "1"})
    assert "note=notifier-silent" in answer.headers["location"]


def test_every_form_of_a_kept_page_has_the_token_of_its_reader(
    person: httpx2.Client, console: str
) -> None:
    assert person.get(BOARD).status_code == 200
    with httpx2.Client(base_url=console, trust_env=False, timeout=60) as other:
        other.headers.update({"Accept": "text/html", "Origin": console})
        assert other.post("/login", data={"key": KEY}).status_code == 303
        tokens = set(re.findall(r'name="csrf" value="([^"]*)"', other.get(BOARD).text))
        assert len(tokens) > 1, "of signing out, and of the signals"
        alert = golden_signals.alerts()[0]["id"]
        for token in tokens:
            form = {"csrf": token, "version": "1"}
            address = f"{BOARD}/alerts/{alert}/acknowledge"
            assert other.post(address, data=form).status_code == 303
            assert person.post(address, data=form).status_code == 403


def test_the_pieces_of_a_page_are_one_file() -> None:
    texts = ["", "<p>é…</p>" * 3, "a" * 70_000, "", "🩺"]
    pieces = tuple(map(Piece, texts))
    for _ in range(2):
        assert gzip.decompress(gzipped(pieces)).decode() == "".join(texts)
    assert gzip.decompress(gzipped(())) == b""
    assert len(gzipped(pieces)) < 500


def test_a_page_is_the_same_compressed_and_not(person: httpx2.Client) -> None:
    packed = person.get(BOARD)
    plain = person.get(BOARD, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert steady(packed.text) == steady(plain.text)
    for one in (packed, plain):
        assert one.headers["vary"] == "Accept-Encoding"
        assert one.headers["cache-control"] == "no-store"
    assert int(plain.headers["content-length"]) == len(plain.content)
    assert int(packed.headers["content-length"]) < len(plain.content) / 5
