"""Nothing is answered without a key, except what is listed here."""

import re
from collections.abc import Callable, Iterator

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from services.embedded import Embedded
from shared.runtime.auth import unguarded
from shared.runtime.settings import Settings

OPERATIONS = {"/livez", "/readyz", "/metrics"}
PUBLIC = {
    "ingest": OPERATIONS
    | {"/ingest/v1/schemas", "/ingest/v1/schemas/{type}", "/ingest/v1/sessions"}
    | {f"/ingest/v1/provider{way}" for way in ("", "/sign-ins", "/sessions")},
    "monitor": OPERATIONS,
    "notifier": OPERATIONS,
    "console": OPERATIONS
    | {"/login", "/favicon.ico", "/static/{name}", "/account/left"}
    | {"/provider/start", "/provider/answer"},
    "operations": OPERATIONS,
}


@pytest.fixture(scope="module")
def vigil(new_database: Callable[[], str]) -> Iterator[Embedded]:
    with Embedded(Settings(database_url=new_database())) as embedded:
        yield embedded


@pytest.mark.parametrize("name", PUBLIC)
def test_every_route_is_guarded_or_listed(vigil: Embedded, name: str) -> None:
    app = vigil.apps[name]
    assert unguarded(app) == []
    public = {
        context.path
        for context in iter_route_contexts(app.routes)
        if getattr(context.endpoint, "vigil_public", False)
    }
    assert public == PUBLIC[name]


def test_every_service_is_looked_at(vigil: Embedded) -> None:
    assert set(vigil.apps) == set(PUBLIC)


def guarded(app: FastAPI, public: set[str]) -> Iterator[tuple[str, str]]:
    """Method and address of each guarded route, its parameters filled in."""
    for context in iter_route_contexts(app.routes):
        path = context.path or ""
        if path in public or path == app.openapi_url:
            continue
        for method in context.methods or ():
            yield method, re.sub(r"\{[^}]+\}", "1", path)


def test_without_a_key_every_api_route_answers_401(
    vigil: Embedded, live_server: Callable[[FastAPI], str]
) -> None:
    asked = 0
    for name in ("ingest", "monitor", "notifier"):
        url = live_server(vigil.apps[name])
        for method, path in guarded(vigil.apps[name], PUBLIC[name]):
            answer = httpx2.request(method, url + path, timeout=60)
            assert answer.status_code == 401, f"{method} {path}"
            asked += 1
    assert asked > 20
