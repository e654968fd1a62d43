"""Signing in with an account, against the real intake: what a browser gets, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import httpx2
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine

from services.console import accounts
from services.console.accounts import NotConfirmed, SamePerson, SecondPerson
from services.console.app import create_app
from services.console.sessions import Session, Sessions
from services.console.upstream import Forbidden, TooManyTries, Upstream
from services.ingest.app import create_app as create_ingest
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import create_account
from shared.runtime.auth import Authenticator, create_key
from shared.runtime.clock import SystemClock
from shared.runtime.passwords import Passwords
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.sessions import Sessions as AccountSessions
from shared.runtime.settings import Settings
from tests.services.console.neighbours import pointed_at
from tests.services.ingest.support import published
from tests.services.ingest.test_permission import decision

Outcome = TypeVar("Outcome")

SECRET = "correct horse battery staple"
OTHER = "another battery of horses"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def ingest(
    settings: Settings, engine: Engine, live_server: Callable[[FastAPI], str]
) -> Iterator[str]:
    with PostgresBus(engine) as bus:
        yield live_server(
            create_ingest(
                settings,
                engine,
                bus,
                SystemClock(),
                authenticator=Authenticator(engine, cache_seconds=0),
                sessions=AccountSessions(engine, passwords=CHEAP),
            )
        )


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(idle=7200, longest=43200)


@pytest.fixture
def visitor(
    settings: Settings,
    ingest: str,
    sessions: Sessions,
    live_server: Callable[[FastAPI], str],
) -> Iterator[httpx2.Client]:
    console = live_server(create_app(settings, pointed_at(ingest), sessions=sessions))
    with httpx2.Client(base_url=console, trust_env=False, timeout=60) as client:
        client.headers["Accept"] = "text/html"
        client.headers["Origin"] = console
        yield client


@pytest.fixture
def make(engine: Engine) -> Callable[..., str]:
    def made(login: str, role: str = "committee_member", password: str | None = SECRET) -> str:
        with engine.begin() as conn:
            return create_account(
                conn,
                CHEAP,
                login,
                f"Dr. {login.title()}",
                [("S1", role)],
                by=OPERATOR,
                now=SystemClock().now(),
                password=password,
            )[1]

    return made


def sign_in(visitor: httpx2.Client, login: str, password: str) -> httpx2.Response:
    return visitor.post("/login", data={"login": login, "password": password})


def csrf_of(page: httpx2.Response) -> str:
    return page.text.split('name="csrf" value="')[1].split('"')[0]


def test_an_account_gets_in_and_sees_who_it_is(
    visitor: httpx2.Client, make: Callable[..., str]
) -> None:
    make("ada")
    assert sign_in(visitor, "Ada", SECRET).headers["location"] == "/"
    page = visitor.get("/account").text
    assert "Dr. Ada" in page
    assert "Committee member" in page
    assert "Signed in until" in page
    assert SECRET not in page


@pytest.mark.parametrize(("login", "password"), [("ada", "wrong"), ("eve", SECRET), ("", "")])
def test_every_wrong_way_in_says_the_same(
    visitor: httpx2.Client, make: Callable[..., str], login: str, password: str
) -> None:
    make("ada")
    answer = sign_in(visitor, login, password)
    assert answer.status_code == 401
    assert "The login or the password is not right, or the account is shut." in answer.text
    assert "set-cookie" not in answer.headers


def test_too_many_tries_say_so(visitor: httpx2.Client) -> None:
    statuses = [sign_in(visitor, "eve", "wrong").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_a_session_given_before_signing_in_is_not_the_one_after(
    visitor: httpx2.Client, make: Callable[..., str], sessions: Sessions
) -> None:
    """Whoever planted a session's name in a browser does not share what is opened next."""
    make("ada")
    planted = sessions.begin("vigil_session_planted", "eve", "Eve")
    visitor.cookies["vigil_session"] = planted.token
    answer = sign_in(visitor, "ada", SECRET)
    assert planted.token not in answer.headers["set-cookie"]
    assert not sessions.holds(planted)


def test_a_given_password_leads_to_choosing_another(
    visitor: httpx2.Client, make: Callable[..., str]
) -> None:
    given = make("ada", password=None)
    assert sign_in(visitor, "ada", given).headers["location"] == "/account"
    assert visitor.get("/").headers["location"] == "/account"
    page = visitor.get("/account")
    fields = {"csrf": csrf_of(page), "old": given, "new": OTHER, "again": "not the same"}

    def changing(**changed: str) -> str:
        answer = visitor.post("/account/password", data={**fields, **changed})
        return answer.headers["location"].removeprefix("/account?changed=")

    assert changing() == "differ"
    assert changing(new="short", again="short") == "unfit"
    assert changing(old="wrong", again=OTHER) == "wrong"
    assert changing(again=OTHER) == "changed"
    assert visitor.post("/account/password", data={**fields, "csrf": ""}).status_code == 403
    assert "was given to you" not in visitor.get("/account").text
    assert visitor.post("/logout", data={"csrf": csrf_of(page)}).status_code == 303
    assert sign_in(visitor, "ada", OTHER).status_code == 303


def test_signing_out_ends_the_session_in_the_services_too(
    visitor: httpx2.Client, make: Callable[..., str], sessions: Sessions, ingest: str
) -> None:
    make("ada")
    sign_in(visitor, "ada", SECRET)
    session = sessions.find(visitor.cookies["vigil_session"])
    assert session is not None
    visitor.post("/logout", data={"csrf": session.csrf})
    asked = httpx2.get(
        f"{ingest}/ingest/v1/sessions/current",
        headers={"Authorization": f"Bearer {session.key}"},
        timeout=60,
    )
    assert asked.status_code == 401


def test_staying_uses_the_session_in_the_services_too(
    visitor: httpx2.Client, make: Callable[..., str], engine: Engine
) -> None:
    make("ada")
    assert visitor.get("/account/left").status_code == 401
    assert visitor.post("/account/stay").headers["location"] == "/login"
    sign_in(visitor, "ada", SECRET)
    csrf = csrf_of(visitor.get("/account"))
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE access.session SET used_at = used_at - interval '1 hour'"))
    assert visitor.get("/account/left").json()["left"] in (7198, 7199, 7200)
    assert visitor.post("/account/stay", data={"csrf": "guess"}).status_code == 403
    assert visitor.post("/account/stay", data={"csrf": csrf}).json()["left"] in (7199, 7200)
    with engine.connect() as conn:
        age = conn.execute(sa.text("SELECT now() - max(used_at) FROM access.session")).scalar_one()
    assert age < timedelta(minutes=1)


def test_a_disabled_account_is_signed_out_of_the_pages(
    visitor: httpx2.Client, make: Callable[..., str], engine: Engine, ingest: str
) -> None:
    make("ada")
    sign_in(visitor, "ada", SECRET)
    with engine.begin() as conn:
        admin = {"Authorization": f"Bearer {create_key(conn, 'A', [('S1', 'study_admin')])}"}
    there = f"{ingest}/ingest/v1/studies/S1/accounts"
    [account] = httpx2.get(there, headers=admin, timeout=60).json()["accounts"]
    shut = httpx2.post(f"{there}/{account['id']}/disable", headers=admin, timeout=60)
    assert shut.status_code == 204
    assert visitor.get("/account").headers["location"].startswith("/login")


def ask(ingest: str, question: Callable[[Upstream], Awaitable[Outcome]]) -> Outcome:
    """One question of the console's to the real intake."""

    async def asked() -> Outcome:
        upstream = Upstream(pointed_at(ingest))
        try:
            return await question(upstream)
        finally:
            await upstream.close()

    return asyncio.run(asked())


def opened(ingest: str, login: str) -> Session:
    found = ask(ingest, lambda upstream: accounts.sign_in(upstream, login, SECRET, "192.0.2.7"))
    return Session(found.token, login=found.login, name=found.name)


def send(
    ingest: str, who: Session, event: dict[str, object], second: SecondPerson | None
) -> accounts.Taken:
    return ask(ingest, lambda upstream: accounts.post_act(upstream, who, event, SECRET, second))


def test_an_act_is_confirmed_and_sent_as_one_step(
    ingest: str, make: Callable[..., str], engine: Engine
) -> None:
    make("ada")
    ada, event = opened(ingest, "ada"), decision()
    with pytest.raises(NotConfirmed):
        ask(ingest, lambda upstream: accounts.post_act(upstream, ada, event, "wrong"))
    with pytest.raises(NotConfirmed):
        ask(ingest, lambda upstream: accounts.post_act(upstream, ada, event, ""))
    taken = ask(ingest, lambda upstream: accounts.post_act(upstream, ada, event, SECRET))
    assert taken.result == "accepted"
    assert [fact.actor for fact in published(engine)] == ["Dr. Ada"]


def test_an_override_carries_the_second_persons_name(
    ingest: str, make: Callable[..., str], engine: Engine
) -> None:
    make("ada")
    make("bob")
    ada, event = opened(ingest, "ada"), decision()
    event["data"] = {**event["data"], "override_reason": "new evidence"}
    for second, refusal in (
        (None, Forbidden),
        (SecondPerson("ada", SECRET), SamePerson),
        (SecondPerson("bob", "wrong"), NotConfirmed),
        (SecondPerson("nobody", SECRET), NotConfirmed),
    ):
        with pytest.raises(refusal):
            send(ingest, ada, event, second)
    bob = SecondPerson("bob", SECRET)
    send(ingest, ada, event, bob)
    [fact] = published(engine)
    assert (fact.actor, fact.data["countersigned_by"]) == ("Dr. Ada", "Dr. Bob")


def test_a_key_sends_acts_without_a_password(ingest: str, engine: Engine) -> None:
    with engine.begin() as conn:
        key = Session(create_key(conn, "A key", [("S1", "committee_member")]))
    taken = ask(ingest, lambda upstream: accounts.post_act(upstream, key, decision(), ""))
    assert taken.result == "accepted"


def test_guessing_at_a_confirmation_is_slowed_down(ingest: str, make: Callable[..., str]) -> None:
    make("ada")
    ada = opened(ingest, "ada")
    for _ in range(5):
        with pytest.raises(NotConfirmed):
            ask(ingest, lambda upstream: accounts.confirm(upstream, ada, "wrong", b"x"))
    with pytest.raises(TooManyTries):
        ask(ingest, lambda upstream: accounts.confirm(upstream, ada, SECRET, b"x"))
