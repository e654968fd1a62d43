"""Signing in at a provider: what is believed, what is not, and whom it lets in."""

from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy import Engine

from services.ingest.app import create_app
from shared.runtime import accounts, links, throttle
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import AccountInfo, Linked, Taken
from shared.runtime.clock import SystemClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import OidcSettings, Settings
from tests.oidc_provider import CHEAP, CLIENT, PASSWORD, OidcProvider, sign_in_at
from tests.services.ingest.provider_support import (
    AT,
    NOW,
    app_with,
    asked,
    begun,
    saying,
    signed_in,
)
from tests.services.ingest.support import NewSender, slug


@pytest.fixture
def app(settings: Settings, engine: Engine, bus: PostgresBus, provider: OidcProvider) -> FastAPI:
    return app_with(provider, settings, engine, bus)


def kinds(engine: Engine) -> list[str]:
    with engine.connect() as conn:
        rows = conn.execute(sa.text("SELECT kind FROM access.record ORDER BY number"))
        return list(rows.scalars())


def test_a_linked_person_gets_in_with_the_roles_given_here(
    client: httpx2.Client, account: Callable[..., AccountInfo], provider: OidcProvider
) -> None:
    account("ada", subject="sub-ada")
    assert client.get(AT).json() == {"name": "your organisation"}
    me = signed_in(client, "ada").get("/ingest/v1/sessions/current").json()
    assert (me["login"], me["roles"], me["must_change"]) == (
        "ada",
        {"S1": ["committee_member"]},
        False,
    )
    [sent] = provider.asked
    assert sent["code_challenge_method"] == "S256"
    assert "prompt" not in sent


def test_no_account_is_made_and_no_role_comes_from_a_claim(
    client: httpx2.Client, engine: Engine, provider: OidcProvider
) -> None:
    provider.bad = lambda claims: claims.update(roles=["study_admin"], groups=["S1"])
    answer = begun(client, sign_in_at(asked(client)["url"], "eve"))
    assert (answer.status_code, answer.json()["subject"]) == (200, "sub-eve")
    assert answer.json()["token"] is None
    with engine.connect() as conn:
        assert accounts.list_accounts(conn, SystemClock().now()) == []
    assert kinds(engine) == ["sign_in_failed"]


def test_an_address_named_by_the_operator_links_once_and_only_when_verified(
    client: httpx2.Client, account: Callable[..., AccountInfo], provider: OidcProvider
) -> None:
    account("ada", email="ADA@example.org")
    provider.people["ada"].verified = False
    assert begun(client, sign_in_at(asked(client)["url"], "ada")).json()["token"] is None
    provider.people["ada"].verified = True
    signed_in(client, "ada")
    provider.people["ada"].email = "married@example.org"
    provider.people["eve"].email = "ada@example.org"
    signed_in(client, "ada")
    assert begun(client, sign_in_at(asked(client)["url"], "eve")).json()["subject"] == "sub-eve"


WRONG = [
    ("another nonce", saying(nonce="other")),
    ("no nonce", saying(nonce=None)),
    ("another audience", saying(aud="other")),
    ("an audience of two without azp", saying(aud=[CLIENT, "other"])),
    ("another authorised party", saying(azp="other")),
    ("another issuer", saying(iss="https://other.example.org")),
    ("expired", saying(exp=lambda _: NOW() - 61)),
    ("no expiry", saying(exp=None)),
    ("an expiry that is none", saying(exp="tomorrow")),
    ("issued in the future", saying(iat=lambda _: NOW() + 90)),
    ("not valid yet", saying(nbf=lambda _: NOW() + 90)),
    ("issued long ago", saying(iat=lambda _: NOW() - 700)),
    ("no subject", saying(sub="")),
    ("a subject that is a number", saying(sub=7)),
]


def test_a_token_that_says_something_else_is_not_believed(
    client: httpx2.Client,
    account: Callable[..., AccountInfo],
    provider: OidcProvider,
    engine: Engine,
) -> None:
    account("ada", subject="sub-ada")
    for why, change in WRONG:
        provider.bad = change
        answer = begun(client, sign_in_at(asked(client)["url"], "ada"))
        assert (answer.status_code, slug(answer)) == (401, "sign-in-refused"), why
    assert kinds(engine)[-len(WRONG) :] == ["sign_in_failed"] * len(WRONG)


def test_clocks_may_differ_by_a_minute_and_audiences_be_several(
    client: httpx2.Client, account: Callable[..., AccountInfo], provider: OidcProvider
) -> None:
    account("ada", subject="sub-ada")
    for change in (
        saying(exp=lambda _: NOW() - 50),
        saying(iat=lambda _: NOW() + 50),
        saying(aud=[CLIENT, "other"], azp=CLIENT),
        saying(aud=[CLIENT]),
    ):
        provider.bad = change
        signed_in(client, "ada")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_anybody_could_have_written_is_not_believed(
    client: httpx2.Client,
    account: Callable[..., AccountInfo],
    provider: OidcProvider,
    algorithm: str,
) -> None:
    """Without a signature, and with the public key taken for a secret."""
    account("ada", subject="sub-ada")
    provider.signing = algorithm
    assert begun(client, sign_in_at(asked(client)["url"], "ada")).status_code == 401


def test_an_answer_is_used_once_and_only_for_what_was_asked(
    client: httpx2.Client, account: Callable[..., AccountInfo], provider: OidcProvider
) -> None:
    account("ada", subject="sub-ada")
    first = sign_in_at(asked(client)["url"], "ada")
    assert begun(client, {**first, "state": "made up"}).status_code == 409
    assert begun(client, first).status_code == 201
    assert slug(begun(client, first)) == "not-asked"
    replayed = {**first, "state": asked(client)["state"]}
    assert begun(client, replayed).status_code == 401, "a code works once"
    stolen = sign_in_at(asked(client)["url"], "ada")
    elsewhere = {**stolen, "state": asked(client)["state"]}
    assert begun(client, elsewhere).status_code == 401, "and only with its own verifier"


@pytest.mark.parametrize("issuer", ["https://other.example.org", None])
def test_an_answer_of_another_provider_is_not_redeemed_here(
    client: httpx2.Client,
    account: Callable[..., AccountInfo],
    provider: OidcProvider,
    issuer: str | None,
) -> None:
    account("ada", subject="sub-ada")
    answer = {**sign_in_at(asked(client)["url"], "ada"), "iss": issuer or ""}
    if issuer is None:
        del answer["iss"]
    assert begun(client, answer).status_code == 401
    assert answer["code"] in provider.codes, "it was not sent anywhere"


def test_a_provider_that_is_away_is_no_refusal(
    client: httpx2.Client, account: Callable[..., AccountInfo], provider: OidcProvider
) -> None:
    account("ada", subject="sub-ada")
    provider.away = True
    assert client.post(f"{AT}/sign-ins").status_code == 503
    provider.away = False
    answer = sign_in_at(asked(client)["url"], "ada")
    provider.away = True
    assert slug(begun(client, answer)) == "provider-away"
    provider.away = False
    signed_in(client, "ada")


def test_a_shut_account_stays_out_and_its_sessions_end(
    client: httpx2.Client, account: Callable[..., AccountInfo], engine: Engine
) -> None:
    ada = account("ada", subject="sub-ada")
    session = signed_in(client, "ada")
    with engine.begin() as conn:
        accounts.set_disabled(conn, ada, True, OPERATOR, SystemClock().now())
    assert session.get("/ingest/v1/sessions/current").status_code == 401
    assert slug(begun(client, sign_in_at(asked(client)["url"], "ada"))) == "account-shut"


def test_a_linked_account_has_no_password(
    client: httpx2.Client,
    account: Callable[..., AccountInfo],
    engine: Engine,
    sender: NewSender,
) -> None:
    ada, now = account("ada", subject="sub-ada"), SystemClock().now()
    wrong = {"login": "ada", "password": PASSWORD}
    assert client.post("/ingest/v1/sessions", json=wrong).status_code == 401
    password = f"/ingest/v1/studies/S1/accounts/{ada.account_id}/password"
    assert slug(sender("study_admin").request("PUT", password)) == "account-linked"
    with engine.begin() as conn:
        with pytest.raises(Linked):
            accounts.reset_password(conn, CHEAP, ada, OPERATOR, now)
        assert links.unlink(conn, ada, OPERATOR, now)
        assert not links.unlink(conn, ada, OPERATOR, now)
        accounts.reset_password(conn, CHEAP, ada, OPERATOR, now)
    assert begun(client, sign_in_at(asked(client)["url"], "ada")).json()["token"] is None


def test_a_person_has_one_account(
    account: Callable[..., AccountInfo], engine: Engine, provider: OidcProvider
) -> None:
    account("ada", subject="sub-ada")
    with pytest.raises(Taken):
        account("bob", subject="sub-ada")
    with pytest.raises(ValueError, match="a subject or an e-mail"):
        account("eve", subject="sub-eve", email="eve@example.org")


def test_a_public_client_goes_without_a_secret(
    settings: Settings,
    engine: Engine,
    bus: PostgresBus,
    provider: OidcProvider,
    account: Callable[..., AccountInfo],
    live_server: Callable[[FastAPI], str],
) -> None:
    provider.secret = None
    account("ada", subject="sub-ada")
    oidc = OidcSettings(provider.issuer, CLIENT, "http://127.0.0.1:9")
    app = create_app(replace(settings, oidc=oidc), engine, bus, SystemClock())
    with httpx2.Client(base_url=live_server(app), timeout=30) as client:
        signed_in(client, "ada")


def test_an_address_begins_only_so_many_sign_ins_that_nobody_ends(
    client: httpx2.Client,
    account: Callable[..., AccountInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Anybody may ask, and each time a row is written. An account's session gives one back."""
    monkeypatch.setattr(throttle, "ADDRESS_ALLOWANCE", 2.0)
    account("ada", subject="sub-ada")
    first, second = asked(client), asked(client)
    refused = client.post(f"{AT}/sign-ins")
    assert (refused.status_code, slug(refused)) == (429, "too-many-tries")
    elsewhere = client.post(f"{AT}/sign-ins", headers={"X-Forwarded-For": "192.0.2.1"})
    assert elsewhere.status_code == 201
    assert begun(client, sign_in_at(first["url"], "eve")).status_code == 200, "nobody's account"
    assert client.post(f"{AT}/sign-ins").status_code == 429
    assert begun(client, sign_in_at(second["url"], "ada")).status_code == 201
    assert client.post(f"{AT}/sign-ins").status_code == 201


def test_without_a_provider_there_is_none(
    settings: Settings, engine: Engine, bus: PostgresBus, live_server: Callable[[FastAPI], str]
) -> None:
    there = live_server(create_app(settings, engine, bus, SystemClock()))
    assert httpx2.get(f"{there}{AT}", timeout=60).status_code == 404
    assert httpx2.post(f"{there}{AT}/sign-ins", timeout=60).status_code == 404
