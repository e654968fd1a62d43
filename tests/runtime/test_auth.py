"""Keys: denied by default, a study of others does not exist, an ended key ends within seconds."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import Depends, FastAPI
from sqlalchemy import Engine

from shared.runtime.auth import (
    AnyKey,
    Authenticator,
    Principal,
    create_key,
    list_keys,
    require,
    revoke_key,
    unguarded,
)
from shared.runtime.clock import ManualClock
from shared.runtime.settings import Settings
from shared.runtime.web import Problem, api_router, create_app


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def authenticator(engine: Engine, manual_clock: ManualClock, ticks: Ticks) -> Authenticator:
    return Authenticator(engine, clock=manual_clock, cache_seconds=5, monotonic=ticks)


@pytest.fixture
def client(
    live_server: Callable[[FastAPI], str], authenticator: Authenticator
) -> Iterator[httpx2.Client]:
    router = api_router()

    @router.get("/studies/{study}/cohorts")
    def cohorts(
        study: str, principal: Principal = require("committee_member", "medical_monitor")
    ) -> dict[str, str]:
        return {"who": principal.name, "study": study}

    @router.post("/events")
    def events(principal: Principal = require("edc_source", study=None)) -> dict[str, str | None]:
        principal.check("ST-1", "edc_source")
        return {"source": principal.source}

    @router.get("/studies")
    def studies(principal: AnyKey) -> list[str]:
        return sorted(principal.studies())

    app = create_app("Guarded", Settings(), routers=[router], authenticator=authenticator)
    with httpx2.Client(base_url=live_server(app), timeout=60) as client:
        yield client


def key(engine: Engine, *grants: tuple[str, str], source: str | None = None) -> str:
    with engine.begin() as conn:
        return create_key(conn, "Dr. Test", grants, source)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_role_in_the_study_passes(engine: Engine, client: httpx2.Client) -> None:
    token = key(engine, ("ST-1", "committee_member"))
    response = client.get("/studies/ST-1/cohorts", headers=bearer(token))
    assert response.json() == {"who": "Dr. Test", "study": "ST-1"}


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer vigil_0123456789ab_" + "a" * 43},
        {"authorization": "Basic dmlnaWw6dmlnaWw="},
        {"authorization": "Bearer nonsense"},
    ],
)
def test_no_or_a_bad_key_is_401(client: httpx2.Client, header: dict[str, str]) -> None:
    response = client.get("/studies/ST-1/cohorts", headers=header)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"] == "application/problem+json"


def test_another_secret_under_a_known_id_is_401(engine: Engine, client: httpx2.Client) -> None:
    token = key(engine, ("ST-1", "committee_member"))
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert client.get("/studies/ST-1/cohorts", headers=bearer(wrong)).status_code == 401


def test_a_foreign_study_looks_like_one_that_does_not_exist(
    engine: Engine, client: httpx2.Client
) -> None:
    key(engine, ("ST-2", "committee_member"))
    mine = bearer(key(engine, ("ST-1", "committee_member")))
    foreign = client.get("/studies/ST-2/cohorts", headers=mine)
    unknown = client.get("/studies/ST-404/cohorts", headers=mine)
    assert foreign.status_code == unknown.status_code == 404
    assert {**foreign.json(), "instance": ""} == {**unknown.json(), "instance": ""}


def test_a_role_of_another_kind_is_403(engine: Engine, client: httpx2.Client) -> None:
    token = key(engine, ("ST-1", "auditor"))
    assert client.get("/studies/ST-1/cohorts", headers=bearer(token)).status_code == 403


def test_roles_do_not_leak_from_study_to_study(engine: Engine, client: httpx2.Client) -> None:
    token = key(engine, ("ST-1", "auditor"), ("ST-2", "committee_member"))
    assert client.get("/studies/ST-1/cohorts", headers=bearer(token)).status_code == 403
    assert client.get("/studies/ST-2/cohorts", headers=bearer(token)).status_code == 200
    assert client.get("/studies", headers=bearer(token)).json() == ["ST-1", "ST-2"]


def test_a_key_without_the_role_anywhere_is_403_where_no_study_is_named(
    engine: Engine, client: httpx2.Client
) -> None:
    auditor = key(engine, ("ST-1", "auditor"))
    assert client.post("/events", headers=bearer(auditor)).status_code == 403
    elsewhere = key(engine, ("ST-2", "edc_source"))
    assert client.post("/events", headers=bearer(elsewhere)).status_code == 404
    pinned = key(engine, ("ST-1", "edc_source"), source="urn:edc:acme")
    assert client.post("/events", headers=bearer(pinned)).json() == {"source": "urn:edc:acme"}


def test_a_revoked_key_ends_when_the_cache_forgets_it(
    engine: Engine, client: httpx2.Client, ticks: Ticks
) -> None:
    token = key(engine, ("ST-1", "committee_member"))
    assert client.get("/studies/ST-1/cohorts", headers=bearer(token)).status_code == 200
    with engine.begin() as conn:
        assert revoke_key(conn, token.split("_")[1])
        assert not revoke_key(conn, token.split("_")[1])
    ticks.now += 5
    assert client.get("/studies/ST-1/cohorts", headers=bearer(token)).status_code == 401


def test_a_key_expires_at_its_instant(
    engine: Engine, authenticator: Authenticator, manual_clock: ManualClock, ticks: Ticks
) -> None:
    expires_at = manual_clock.now() + timedelta(days=1)
    with engine.begin() as conn:
        token = create_key(conn, "short", [("ST-1", "auditor")], expires_at=expires_at)
    manual_clock.set(expires_at - timedelta(seconds=1))
    assert authenticator.authenticate(f"Bearer {token}").name == "short"
    manual_clock.set(expires_at)
    ticks.now += 5
    with pytest.raises(Problem) as refused:
        authenticator.authenticate(f"Bearer {token}")
    assert refused.value.status_code == 401


def test_the_list_shows_use_but_no_secret(engine: Engine, authenticator: Authenticator) -> None:
    token = key(engine, ("ST-1", "auditor"), ("ST-1", "study_admin"))
    authenticator.authenticate(f"Bearer {token}")
    with engine.connect() as conn:
        [info] = list_keys(conn)
        stored = conn.execute(sa.text("SELECT k::text FROM access.api_key k")).scalar_one()
    assert [grant.role for grant in info.grants] == ["auditor", "study_admin"]
    assert info.last_used_at is not None
    secret = token.split("_", 2)[2]
    assert secret not in repr(info)
    assert secret not in stored


@pytest.mark.parametrize("grants", [[], [("ST-1", "superuser")], [("", "auditor")]])
def test_a_key_needs_a_known_role_in_a_study(engine: Engine, grants: list[tuple[str, str]]) -> None:
    with engine.begin() as conn, pytest.raises(ValueError):
        create_key(conn, "x", grants)


def test_an_unguarded_route_is_found() -> None:
    router = api_router("/api")
    router.add_api_route("/open", lambda: None)
    router.add_api_route("/shut", lambda: None, dependencies=[require("auditor", study=None)])

    def nested(_: Principal = require("auditor", study=None)) -> None:
        return None

    router.add_api_route("/nested", lambda: None, dependencies=[Depends(nested)])
    app = create_app("Open", Settings(), routers=[router])
    assert unguarded(app) == ["GET /api/open"]
