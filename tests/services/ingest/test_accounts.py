"""Accounts over HTTP: roles in one study, acts that need the password again, one 401 for all."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine

from services.ingest.app import create_app
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import create_account
from shared.runtime.auth import Authenticator
from shared.runtime.clock import SystemClock
from shared.runtime.passwords import Passwords
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.sessions import Sessions
from shared.runtime.settings import Settings
from tests.services.ingest.support import NewSender, Sender, event, published, slug
from tests.services.ingest.test_permission import decision, review

SECRET = "correct horse battery staple"
ACCOUNTS = "/ingest/v1/studies/S1/accounts"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def app(settings: Settings, engine: Engine, bus: PostgresBus) -> FastAPI:
    return create_app(
        settings,
        engine,
        bus,
        SystemClock(),
        authenticator=Authenticator(engine, cache_seconds=0),
        sessions=Sessions(engine, passwords=CHEAP),
    )


@pytest.fixture
def person(engine: Engine, client: httpx2.Client) -> Callable[..., Sender]:
    """Makes somebody with an account, signed in: `person("ada", "committee_member")`."""

    def make(login: str, *roles: str | tuple[str, str]) -> Sender:
        grants = [role if isinstance(role, tuple) else ("S1", role) for role in roles]
        with engine.begin() as conn:
            create_account(
                conn,
                CHEAP,
                login,
                login.title(),
                grants,
                by=OPERATOR,
                now=SystemClock().now(),
                password=SECRET,
            )
        return sign_in(client, login, SECRET)

    return make


@pytest.fixture
def admin(person: Callable[..., Sender]) -> Sender:
    return person("admin", "study_admin")


def sign_in(client: httpx2.Client, login: str, password: str) -> Sender:
    answer = client.post("/ingest/v1/sessions", json={"login": login, "password": password})
    assert answer.status_code == 201
    return Sender(client, answer.json()["token"])


def send(who: Sender, method: str, path: str, **body: Any) -> httpx2.Response:
    return who.request(method, path, "application/json", json.dumps(body).encode())


def confirm(who: Sender, body: bytes, password: str = SECRET, **more: str) -> httpx2.Response:
    digest = hashlib.sha256(body).hexdigest()
    path = "/ingest/v1/confirmations"
    return send(who, "POST", path, password=password, body_sha256=digest, **more)


def post(who: Sender, document: dict[str, Any], *tokens: str) -> httpx2.Response:
    headers = {"Vigil-Confirmation": ", ".join(tokens)} if tokens else {}
    return who.one(document, **headers)


def confirmed(who: Sender, document: dict[str, Any], **more: str) -> str:
    token: str = confirm(who, json.dumps(document).encode(), **more).json()["token"]
    return token


def test_who_am_i(person: Callable[..., Sender], sender: NewSender, client: httpx2.Client) -> None:
    ada = person("ada", "auditor", ("S2", "medical_monitor"))
    me = ada.get("/ingest/v1/sessions/current").json()
    assert (me["login"], me["name"]) == ("ada", "Ada")
    assert me["roles"] == {"S1": ["auditor"], "S2": ["medical_monitor"]}
    assert me["started_at"] < me["idle_at"] < me["ends_at"]
    key = sender("auditor", name="A key").get("/ingest/v1/sessions/current").json()
    assert (key["login"], key["name"], key["ends_at"]) == (None, "A key", None)
    assert ada.request("DELETE", "/ingest/v1/sessions/current").status_code == 204
    assert ada.get("/ingest/v1/sessions/current").status_code == 401
    assert client.get("/ingest/v1/sessions/current").status_code == 401


def test_one_answer_for_every_wrong_way_in(
    person: Callable[..., Sender], client: httpx2.Client
) -> None:
    person("ada", "auditor")
    for login, password in (("ada", "wrong"), ("nobody", SECRET)):
        answer = client.post("/ingest/v1/sessions", json={"login": login, "password": password})
        assert (answer.status_code, slug(answer)) == (401, "sign-in-refused")
        assert password not in answer.text


def test_an_act_needs_the_password_for_exactly_this_body(
    person: Callable[..., Sender], engine: Engine
) -> None:
    ada = person("ada", "committee_member")
    document, other = decision("1"), decision("2", revision=3)
    assert slug(post(ada, document)) == "confirmation-required"
    assert slug(confirm(ada, b"x", "wrong")) == "not-confirmed"
    token = confirmed(ada, document)
    assert slug(post(ada, other, token)) == "confirmation-required"
    assert post(ada, document, token).status_code == 202
    assert slug(post(ada, document, token)) == "confirmation-required"
    assert [fact.actor for fact in published(engine)] == ["Ada"]


def test_an_act_in_another_persons_name_is_refused(person: Callable[..., Sender]) -> None:
    ada = person("ada", "medical_monitor")
    document = review(actor="Somebody Else")
    answer = post(ada, document, confirmed(ada, document))
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["pointer"] == "/actor"


def test_a_confirmation_does_not_serve_another_session(
    person: Callable[..., Sender], client: httpx2.Client
) -> None:
    ada, document = person("ada", "committee_member"), decision()
    elsewhere = sign_in(client, "ada", SECRET)
    assert slug(post(elsewhere, document, confirmed(ada, document))) == "confirmation-required"


def test_lines_with_an_act_need_a_confirmation_and_records_do_not(
    person: Callable[..., Sender],
) -> None:
    both = person("ada", "committee_member", "edc_source")
    assert both.one(event("1")).status_code == 202
    body = b"\n".join(json.dumps(one).encode() for one in (event("2", revision=3), decision("3")))
    assert slug(both.lines(body)) == "confirmation-required"
    token = confirm(both, body).json()["token"]
    answer = both.lines(body, **{"Vigil-Confirmation": token})
    assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [202, 202]


def test_an_override_needs_a_second_committee_member(
    person: Callable[..., Sender], engine: Engine
) -> None:
    ada = person("ada", "committee_member")
    person("bob", "committee_member")
    person("eve", "medical_monitor", ("S2", "committee_member"))
    document = decision()
    document = {**document, "data": {**document["data"], "override_reason": "new evidence"}}
    alone = confirmed(ada, document)
    assert slug(post(ada, document, alone)) == "second-person-required"
    for login, status in (("eve", 403), ("bob", 202)):
        own, second = confirmed(ada, document), confirmed(ada, document, login=login)
        assert post(ada, document, own, second).status_code == status
    assert [fact.data["countersigned_by"] for fact in published(engine)] == ["Bob"]
    assert slug(confirm(ada, b"x", login="ada")) == "same-person"


def test_nobody_is_named_as_second_person_who_did_not_confirm(
    person: Callable[..., Sender],
) -> None:
    ada = person("ada", "committee_member")
    person("bob", "committee_member")
    for named, status in (("eve", 403), ("bob", 202)):
        document = decision()
        document = {**document, "data": {**document["data"], "countersigned_by": named}}
        own, second = confirmed(ada, document), confirmed(ada, document, login="bob")
        assert slug(post(ada, document, confirmed(ada, document))) == "second-person-required"
        assert post(ada, document, own, second).status_code == status


def test_keys_act_without_a_password_and_confirm_nothing(sender: NewSender) -> None:
    key = sender("committee_member")
    assert key.one(decision()).status_code == 202
    assert slug(confirm(key, b"x")) == "session-required"
    assert key.request("DELETE", "/ingest/v1/sessions/current").status_code == 403


def test_a_protocol_needs_a_confirmation(admin: Sender) -> None:
    path = "/ingest/v1/studies/S1/protocol"
    answer = admin.request("PUT", path, "application/yaml", b"study: S1")
    assert slug(answer) == "confirmation-required"
    token = confirm(admin, b"study: S1").json()["token"]
    more = {"Vigil-Confirmation": token}
    answer = admin.request("PUT", path, "application/yaml", b"study: S1", **more)
    assert slug(answer) == "protocol-refused"


@pytest.fixture
def eve(admin: Sender) -> dict[str, Any]:
    answer = send(admin, "POST", ACCOUNTS, login="eve", name="Eve", roles=["auditor"])
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


def listed(admin: Sender) -> dict[str, dict[str, Any]]:
    return {one["login"]: one for one in admin.get(ACCOUNTS).json()["accounts"]}


def test_a_made_account_sets_its_password_and_works_in_its_study(
    admin: Sender, eve: dict[str, Any], client: httpx2.Client
) -> None:
    session = sign_in(client, "eve", eve["password"])
    log = "/ingest/v1/studies/S1/access-log"
    assert session.get(log).status_code == 404
    change = "/ingest/v1/sessions/current/password"
    answer = send(session, "PUT", change, old=eve["password"], new="too short")
    assert slug(answer) == "password-refused"
    assert send(session, "PUT", change, old="wrong", new=SECRET).status_code == 403
    assert send(session, "PUT", change, old=eve["password"], new=SECRET).status_code == 204
    assert session.get(log).status_code == 200
    assert session.get("/ingest/v1/studies/S2/access-log").status_code == 404
    assert session.get(ACCOUNTS).status_code == 403
    assert listed(admin)["eve"]["must_change"] is False
    assert SECRET not in admin.get(ACCOUNTS).text


def test_roles_are_given_and_taken(
    admin: Sender, eve: dict[str, Any], person: Callable[..., Sender]
) -> None:
    path = f"{ACCOUNTS}/{eve['id']}/roles"
    roles = ["committee_member", "medical_monitor"]
    assert send(admin, "PUT", path, roles=roles).status_code == 204
    assert listed(admin)["eve"]["roles"] == roles
    assert send(admin, "PUT", path, roles=["operator"]).status_code == 422
    assert send(admin, "PUT", path, roles=[]).status_code == 204
    assert "eve" not in listed(admin)
    assert send(admin, "PUT", path, roles=["auditor"]).status_code == 404
    assert send(person("bob", "auditor"), "PUT", path, roles=[]).status_code == 403


def test_a_shut_account_is_out_and_can_be_opened_again(
    admin: Sender, person: Callable[..., Sender], client: httpx2.Client
) -> None:
    bob = person("bob", "auditor")
    path = f"{ACCOUNTS}/{listed(admin)['bob']['id']}"
    assert admin.request("POST", f"{path}/disable").status_code == 204
    assert bob.get("/ingest/v1/sessions/current").status_code == 401
    credentials = {"login": "bob", "password": SECRET}
    assert client.post("/ingest/v1/sessions", json=credentials).status_code == 401
    assert listed(admin)["bob"]["disabled_at"] is not None
    assert admin.request("POST", f"{path}/enable").status_code == 204
    assert client.post("/ingest/v1/sessions", json=credentials).status_code == 201
    assert admin.request("POST", f"{path}/delete").status_code == 422


def test_a_reset_password_replaces_the_old_one(
    admin: Sender, person: Callable[..., Sender], client: httpx2.Client
) -> None:
    bob = person("bob", "auditor")
    made = admin.request("PUT", f"{ACCOUNTS}/{listed(admin)['bob']['id']}/password").json()
    assert bob.get("/ingest/v1/sessions/current").status_code == 401
    credentials = {"login": "bob", "password": SECRET}
    assert client.post("/ingest/v1/sessions", json=credentials).status_code == 401
    sign_in(client, "bob", made["password"])


def test_accounts_of_other_studies_are_not_ones_own(
    admin: Sender, person: Callable[..., Sender]
) -> None:
    person("both", "auditor", ("S2", "study_admin"))
    person("foreign", ("S2", "auditor"))
    assert set(listed(admin)) == {"admin", "both"}
    assert listed(admin)["both"]["roles"] == ["auditor"]
    path = f"{ACCOUNTS}/{listed(admin)['both']['id']}"
    for method, action in (("POST", "disable"), ("PUT", "password")):
        assert slug(admin.request(method, f"{path}/{action}")) == "account-of-other-studies"
    taken = send(admin, "POST", ACCOUNTS, login="foreign", name="Other", roles=["auditor"])
    assert slug(taken) == "account-taken"
    assert admin.get("/ingest/v1/studies/S2/accounts").status_code == 404


def test_the_access_log_is_the_studys_own_newest_first_and_paged(
    admin: Sender, eve: dict[str, Any], person: Callable[..., Sender]
) -> None:
    person("foreign", ("S2", "auditor"))
    send(admin, "POST", "/ingest/v1/studies/S1/keys", name="EDC", roles=["edc_source"])
    document = decision()
    ada = person("ada", "committee_member")
    post(ada, document, confirmed(ada, document))
    path = "/ingest/v1/studies/S1/access-log"
    entries = admin.get(path).json()["entries"]
    told = [(one["kind"], one["by"], one["about"]) for one in entries]
    assert told[:3] == [
        ("act_confirmed", "Ada", "decision"),
        ("confirmed", "Ada", "Ada"),
        ("signed_in", "Ada", "Ada"),
    ]
    assert ("key_created", "Admin", "EDC: edc_source") in told
    assert ("account_created", "Admin", "Eve") in told
    assert "foreign" not in str(told).lower()
    first = admin.get(f"{path}?limit=2").json()
    rest = admin.get(f"{path}?before={first['next']}").json()
    assert first["entries"] + rest["entries"] == entries
    assert rest["next"] is None
