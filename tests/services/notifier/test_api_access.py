"""Who may do what: every address, every role, and a key of another study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from shared.contracts.topics import SIGNALS
from shared.runtime.auth import ROLES, unguarded
from shared.runtime.bus import Message
from tests.services.notifier.support import (
    OTHER,
    ROUTING,
    STUDY,
    V1,
    Raising,
    only_alert,
    set_routing,
    signal,
)

READ = {"medical_monitor", "committee_member", "study_admin", "auditor"}
SEND = {"medical_monitor", "study_admin"}
ACT = {"medical_monitor", "committee_member"}
ADMIN = {"study_admin"}
WHO_MAY: list[tuple[str, str, set[str], Any]] = [
    ("GET", "/alerts?study={study}", READ, None),
    ("GET", "/alerts/brief?study={study}", READ, None),
    ("GET", "/alerts/chosen?study={study}&id={alert}", READ, None),
    ("GET", "/alerts/{alert}", READ, None),
    ("POST", "/alerts/{alert}/acknowledge", ACT, {"version": 1}),
    ("POST", "/alerts/{alert}/close", ACT, {"version": 1, "reason": "judged unrelated"}),
    ("POST", "/alerts/{alert}/seen", READ, None),
    ("POST", "/alerts/{alert}/notes", ACT, {"text": "called the site"}),
    ("POST", "/alerts/{alert}/hand-over", ACT, {"to": "safety-desk"}),
    ("GET", "/deliveries?alert={alert}", READ, None),
    ("GET", "/deliveries/given-up?study={study}", READ, None),
    ("POST", "/deliveries/{delivery}/resend", SEND, None),
    ("POST", "/studies/{study}/test-fire", SEND, None),
    ("GET", "/studies/{study}/routing", READ, None),
    ("GET", "/studies/{study}/routing/versions", READ, None),
    ("PUT", "/studies/{study}/routing", ADMIN, ROUTING),
    ("POST", "/studies/{study}/routing/test", READ, {"type": "sae", "severity": "info"}),
    ("GET", "/studies/{study}/rosters", READ, None),
    ("GET", "/studies/{study}/subscriptions", READ, None),
    ("GET", "/studies/{study}/parked", {"study_admin", "auditor"}, None),
    ("POST", "/studies/{study}/parked/{parked}/replay", ADMIN, None),
    ("POST", "/studies/{study}/webhooks/safety-desk/secret", ADMIN, {}),
]


@dataclass
class Call:
    """A request of the matrix, filled in."""

    method: str
    path: str
    body: Any

    def __call__(self, client: TestClient, headers: dict[str, str]) -> httpx2.Response:
        kind = "content" if isinstance(self.body, str) else "json"
        body = {} if self.body is None else {kind: self.body}
        response: Any = client.request(self.method, V1 + self.path, headers=headers, **body)
        return response  # type: ignore[no-any-return]


@pytest.fixture
def call(
    idle: TestClient, engine: Engine, raising: Raising, key: Callable[..., dict[str, str]]
) -> Callable[[str, str, Any], Call]:
    """Fills a path of the matrix with ids that exist."""
    set_routing(engine)
    raising(signal())
    raising.publish(Message(SIGNALS.name, STUDY, "broken", b"{}"))
    reader = key("auditor")
    (parked,) = idle.get(f"{V1}/studies/{STUDY}/parked", headers=reader).json()["parked"]
    alert = only_alert(idle, reader)["id"]
    rows = idle.get(f"{V1}/deliveries?alert={alert}", headers=reader).json()["deliveries"]
    (delivery,) = [row["id"] for row in rows if row["channel"] == "email"]
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE notifier.delivery SET state = 'sent'"))

    def fill(method: str, path: str, body: Any) -> Call:
        names = {"study": STUDY, "alert": alert, "delivery": delivery, "parked": parked["id"]}
        return Call(method, path.format(**names), body)

    return fill


@pytest.mark.parametrize(("method", "path", "allowed", "body"), WHO_MAY)
def test_who_may(
    idle: TestClient,
    call: Callable[[str, str, Any], Call],
    key: Callable[..., dict[str, str]],
    method: str,
    path: str,
    allowed: set[str],
    body: Any,
) -> None:
    request = call(method, path, body)
    no_key = request(idle, {})
    assert no_key.status_code == 401
    assert no_key.headers["www-authenticate"].startswith("Bearer")
    assert request(idle, key(*ROLES, study=OTHER)).status_code == 404
    for role in ROLES:
        status = request(idle, key(role)).status_code
        if role in allowed:
            assert status in (200, 202, 409), (role, status)
        else:
            assert status == 403, (role, status)


def test_the_matrix_is_complete_and_nothing_is_open(app: FastAPI) -> None:
    assert unguarded(app) == []
    listed = {(method, path.split("?")[0]) for method, path, _, _ in WHO_MAY}
    ours = {
        (method.upper(), path.removeprefix(V1))
        for path, methods in app.openapi()["paths"].items()
        if path.startswith(V1)
        for method in methods
    }
    named = {"{alert}": "{id}", "{delivery}": "{id}", "safety-desk": "{subscriber}"}
    named |= {"{parked}": "{number}"}
    for old, new in named.items():
        listed = {(method, path.replace(old, new)) for method, path in listed}
    assert ours - listed == {("GET", "/alerts/stream")}
    assert listed <= ours


def test_what_does_not_exist_and_what_is_anothers_look_the_same(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    raising(signal(study=OTHER))
    mine, theirs = key("medical_monitor"), key("medical_monitor", study=OTHER)
    foreign = only_alert(idle, theirs)["id"]
    answers = [idle.get(f"{V1}/alerts/{name}", headers=mine) for name in (foreign, "0" * 32)]
    assert [a.status_code for a in answers] == [404, 404]
    bodies = [{k: v for k, v in a.json().items() if k != "instance"} for a in answers]
    assert bodies[0] == bodies[1]
    assert idle.get(f"{V1}/alerts", headers=mine).json()["alerts"] == []
    assert idle.get(f"{V1}/alerts?study={OTHER}", headers=mine).status_code == 404
