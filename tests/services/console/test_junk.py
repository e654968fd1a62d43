"""Junk at every address of the console, from somebody who is signed in."""

from __future__ import annotations

import time

import httpx2
from fastapi import FastAPI

from tests.services.test_routes_junk import ENDLESS, faults, routes, tries


def test_junk_is_refused_on_every_page(app: FastAPI, person: httpx2.Client) -> None:
    asked, found = 0, []
    for method, path, names in routes(app):
        if path in ENDLESS or path == "/logout":
            continue
        for address, params, body, _ in tries(path, names, method):
            began = time.monotonic()
            kind = "application/x-www-form-urlencoded"
            answer = person.request(
                method, address, params=params, content=body, headers={"Content-Type": kind}
            )
            what = f"{method} {address[:80]} {params} {body[:40]!r}"
            found += [f"{what} {one}" for one in faults(answer, time.monotonic() - began)]
            asked += 1
    assert found == []
    assert asked > 100
