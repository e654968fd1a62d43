"""Signing in anew at a provider confirms one body, in one session, by the person who was asked."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from shared.runtime.accounts import AccountInfo
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.oidc_provider import OidcProvider, sign_in_at
from tests.services.ingest.provider_support import (
    AT,
    NOW,
    Answer,
    app_with,
    asked,
    begun,
    saying,
    signed_in,
)
from tests.services.ingest.support import Sender, published, slug
from tests.services.ingest.test_permission import decision


@pytest.fixture
def app(settings: Settings, engine: Engine, bus: PostgresBus, provider: OidcProvider) -> FastAPI:
    return app_with(provider, settings, engine, bus)


def confirming(who: Sender, document: dict[str, Any], **more: str) -> dict[str, str]:
    digest = hashlib.sha256(json.dumps(document).encode()).hexdigest()
    wanted = json.dumps({"body_sha256": digest, **more}).encode()
    answer = who.request("POST", f"{AT}/confirmation-requests", "application/json", wanted)
    assert answer.status_code == 201
    found: dict[str, str] = answer.json()
    return found


def confirmed(who: Sender, answer: Answer) -> httpx2.Response:
    body = json.dumps({name: answer[name] for name in ("state", "code", "iss")}).encode()
    return who.request("POST", f"{AT}/confirmations", "application/json", body)


def post(who: Sender, document: dict[str, Any], *tokens: str) -> httpx2.Response:
    return who.one(document, **{"Vigil-Confirmation": ", ".join(tokens)})


def test_an_act_is_confirmed_by_signing_in_anew_for_exactly_this_body(
    client: httpx2.Client,
    account: Callable[..., AccountInfo],
    provider: OidcProvider,
    engine: Engine,
) -> None:
    account("ada", subject="sub-ada")
    ada, document = signed_in(client, "ada"), decision()
    back = sign_in_at(confirming(ada, document)["url"], "ada")
    sent = provider.asked[-1]
    assert (sent["prompt"], sent["max_age"]) == ("login", "0")
    token = confirmed(ada, back).json()["token"]
    assert slug(post(ada, decision("2", revision=3), token)) == "confirmation-required"
    assert post(ada, document, token).status_code == 202
    assert slug(post(ada, document, token)) == "confirmation-required"
    assert [fact.actor for fact in published(engine)] == ["Dr. Ada"]
    assert slug(confirmed(ada, back)) == "not-asked"


def test_a_sign_in_confirms_nothing_and_a_confirmation_signs_nobody_in(
    client: httpx2.Client, account: Callable[..., AccountInfo]
) -> None:
    account("ada", subject="sub-ada")
    ada, other = signed_in(client, "ada"), signed_in(client, "ada")
    assert confirmed(ada, sign_in_at(asked(client)["url"], "ada")).status_code == 409
    asked_for = sign_in_at(confirming(ada, decision())["url"], "ada")
    assert begun(client, asked_for).status_code == 409
    assert confirmed(other, asked_for).status_code == 409, "nor in another session"
    assert confirmed(ada, asked_for).status_code == 201


def test_somebody_else_or_an_old_sign_in_confirms_nothing(
    client: httpx2.Client, account: Callable[..., AccountInfo], provider: OidcProvider
) -> None:
    account("ada", subject="sub-ada")
    account("bob", subject="sub-bob")
    ada = signed_in(client, "ada")
    for who in ("bob", "eve"):
        back = sign_in_at(confirming(ada, decision())["url"], who)
        assert slug(confirmed(ada, back)) == "not-confirmed"
    for wrong in (lambda _: NOW() - 70, lambda _: NOW() + 70, None):
        change = saying(auth_time=wrong)
        provider.bad = change
        back = sign_in_at(confirming(ada, decision())["url"], "ada")
        assert slug(confirmed(ada, back)) == "not-confirmed"


def test_an_override_has_its_second_person_at_the_provider_too(
    client: httpx2.Client, account: Callable[..., AccountInfo], engine: Engine
) -> None:
    account("ada", subject="sub-ada")
    account("bob", subject="sub-bob")
    ada, document = signed_in(client, "ada"), decision()
    document = {**document, "data": {**document["data"], "override_reason": "new evidence"}}
    own = confirmed(ada, sign_in_at(confirming(ada, document)["url"], "ada")).json()["token"]
    asked_bob = confirming(ada, document, login="Bob")["url"]
    second = confirmed(ada, sign_in_at(asked_bob, "bob")).json()["token"]
    assert post(ada, document, own, second).status_code == 202
    assert [fact.data["countersigned_by"] for fact in published(engine)] == ["Dr. Bob"]
