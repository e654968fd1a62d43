"""Junk at every address of every service: an answer in time, no failure of ours, and no echo.

The routes are asked of the applications themselves, so that one added later is tried too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from services.embedded import Embedded
from shared.runtime.auth import ROLES, create_key
from shared.runtime.settings import Settings

STUDY = "NCT05301764"
DOCUMENT = Path(__file__).parents[2] / "studies" / STUDY / "protocol.yaml"
SERVICES = ("ingest", "monitor", "notifier", "console")
ENDLESS = {"/notifier/v1/alerts/stream", "/studies/{study}/live"}

MARK = "Zq7Subject"
"""Part of what is sent as a value; it must not come back."""
SECONDS = 20.0

BODIES = (
    b"",
    b'["%s"]' % MARK.encode(),
    b'{"data": 1e999999, "subject": "%s"}' % MARK.encode(),
    b'{"a": "%s\\ud800"}' % MARK.encode(),
    b'{"a": 1, "a": "%s"}' % MARK.encode(),
    b"[" * 50_000,
    b'{"reason": "%s"}' % (MARK.encode() * 100_000),
    b'{"dose_level": %s}' % (b"9" * 5_000),
    b"\xff\xfe" + MARK.encode(),
    b"a: &a [x, x]\nb: *a\nc: !!python/object/apply:os.system ['id']\n",
    b"- x\n" * 200_000,
)
TYPES = ("application/json", "application/x-ndjson", "application/yaml", "text/html; charset=x")
PLACES = (f"{MARK}%00", "%ff%fe", "9" * 40, f"{MARK}'--", "..%2f..%2f")
DAYS = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30")
VALUES = (*DAYS, "9" * 30, "NaN", f"{MARK}\x00")


@pytest.fixture(scope="module")
def vigil(new_database: Callable[[], str]) -> Iterator[Embedded]:
    with Embedded(Settings(database_url=new_database())) as embedded:
        yield embedded


def routes(app: FastAPI) -> Iterator[tuple[str, str, list[str]]]:
    """Method, address and names of the query parameters of every route."""
    described = app.openapi()["paths"]
    for context in iter_route_contexts(app.routes):
        path = context.path or ""
        for method in sorted(context.methods or ()):
            said = described.get(path, {}).get(method.lower(), {}).get("parameters", ())
            yield method, path, [one["name"] for one in said if one["in"] == "query"]


def faults(answer: httpx2.Response, took: float) -> Iterator[str]:
    """What is wrong with an answer, whatever was asked."""
    if answer.status_code >= 500:
        yield f"answers {answer.status_code}"
    if MARK in answer.text:
        yield "repeats what was sent"
    if took > SECONDS:
        yield f"takes {took:.0f} seconds"


@pytest.mark.parametrize("name", SERVICES)
def test_junk_is_refused_everywhere(
    vigil: Embedded, live_server: Callable[[FastAPI], str], name: str
) -> None:
    with vigil.engine.begin() as conn:
        key = create_key(conn, name, [(STUDY, role) for role in ROLES])
    asked, found = 0, []
    with httpx2.Client(
        base_url=live_server(vigil.apps[name]),
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    ) as client:
        for method, path, names in routes(vigil.apps[name]):
            if path in ENDLESS:
                continue
            for address, params, body, kind in tries(path, names, method):
                began = time.monotonic()
                headers = {"Content-Type": kind}
                answer = client.request(
                    method, address, params=params, content=body, headers=headers
                )
                what = f"{method} {address[:80]} {params} {body[:40]!r} {kind}"
                found += [f"{what} {one}" for one in faults(answer, time.monotonic() - began)]
                asked += 1
    assert found == []
    assert asked > 100


def tries(
    path: str, names: list[str], method: str
) -> Iterator[tuple[str, dict[str, str], bytes, str]]:
    """Addresses, query parameters, bodies and their types to ask one route with."""
    usual = re.sub(r"\{[^}]+\}", STUDY, path)
    for place in PLACES if "{" in path else ():
        yield re.sub(r"\{[^}]+\}", place, path), {}, b"", TYPES[0]
    for name in names:
        for value in VALUES:
            yield usual, {name: value}, b"", TYPES[0]
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        for number, body in enumerate(BODIES):
            yield usual, {}, body, TYPES[number % len(TYPES)]
