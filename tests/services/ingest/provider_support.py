"""An ingest service with a provider for signing in, and people who sign in there."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import Engine

from services.ingest.app import create_app
from shared.runtime.auth import Authenticator
from shared.runtime.clock import SystemClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.sessions import Sessions
from shared.runtime.settings import OidcSettings, Settings
from tests.oidc_provider import CHEAP, CLIENT, SECRET, OidcProvider, sign_in_at
from tests.services.ingest.support import Sender

AT = "/ingest/v1/provider"
NOW = time.time
Answer = dict[str, str]


def app_with(
    provider: OidcProvider, settings: Settings, engine: Engine, bus: PostgresBus
) -> FastAPI:
    oidc = OidcSettings(provider.issuer, CLIENT, "http://127.0.0.1:9", SECRET)
    return create_app(
        replace(settings, oidc=oidc),
        engine,
        bus,
        SystemClock(),
        authenticator=Authenticator(engine, cache_seconds=0),
        sessions=Sessions(engine, passwords=CHEAP),
    )


def asked(client: httpx2.Client) -> dict[str, str]:
    answer = client.post(f"{AT}/sign-ins")
    assert answer.status_code == 201
    found: dict[str, str] = answer.json()
    return found


def begun(client: httpx2.Client, answer: Answer) -> httpx2.Response:
    wanted = {name: answer[name] for name in ("state", "code", "iss") if name in answer}
    return client.post(f"{AT}/sessions", json=wanted)


def signed_in(client: httpx2.Client, who: str) -> Sender:
    answer = begun(client, sign_in_at(asked(client)["url"], who))
    assert answer.status_code == 201, answer.text
    return Sender(client, answer.json()["token"])


def saying(**changed: Any) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        for name, value in changed.items():
            if value is None:
                del claims[name]
            else:
                claims[name] = value(claims) if callable(value) else value

    return change
