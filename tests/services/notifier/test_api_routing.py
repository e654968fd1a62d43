"""Routing over HTTP: setting it, asking who would be told, secrets."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from services.notifier.inforce import NO_ROUTING
from shared.runtime.clock import ManualClock
from tests.services.notifier.ladder_support import CLIMB, LADDERED
from tests.services.notifier.support import (
    ROUTING,
    STUDY,
    V1,
    set_routing,
    slug,
)


def test_a_routing_is_versioned_and_its_secrets_are_shown_once(
    idle: TestClient, key: Callable[..., dict[str, str]]
) -> None:
    admin, path = key("study_admin", name="admin-a"), f"{V1}/studies/{STUDY}/routing"
    none = idle.get(path, headers=admin)
    assert (none.status_code, slug(none)) == (404, "no-routing")
    first = idle.put(path, headers=admin, content=ROUTING).json()
    assert (first["version"], first["set_by"]) == (1, "admin-a")
    assert "no ladder: an alert that nobody acknowledges is not chased" in first["warnings"]
    assert list(first["new_secrets"]) == ["safety-desk"]
    same = idle.put(path, headers=admin, content=ROUTING).json()
    assert (same["version"], same["new_secrets"]) == (1, {})
    changed = ROUTING.replace("[urgent, critical]", "[critical]")
    second = idle.put(path, headers=admin, content=changed).json()
    assert (second["version"], second["new_secrets"]) == (2, {})
    read = idle.get(path, headers=admin).json()
    assert (read["document"], read["version"], read["new_secrets"]) == (changed, 2, {})


def test_every_version_can_be_read_with_who_set_it_and_when(
    idle: TestClient, key: Callable[..., dict[str, str]], manual_clock: ManualClock
) -> None:
    path, reader = f"{V1}/studies/{STUDY}/routing", key("auditor")
    assert idle.get(f"{path}/versions", headers=reader).json() == {"versions": []}
    began = manual_clock.now()
    for name, text in (("admin-a", ROUTING), ("admin-b", ROUTING + "# another\n")):
        idle.put(path, headers=key("study_admin", name=name), content=text)
        manual_clock.advance(timedelta(hours=1))
    found = idle.get(f"{path}/versions", headers=reader).json()["versions"]
    assert [(one["version"], one["set_by"]) for one in found] == [(2, "admin-b"), (1, "admin-a")]
    assert [datetime.fromisoformat(one["set_at"]) - began for one in found] == [
        timedelta(hours=1),
        timedelta(0),
    ]
    first = idle.get(path, headers=reader, params={"version": 1}).json()
    assert (first["document"], first["warnings"]) == (ROUTING, ["not in force: version 2 is"])
    assert idle.get(path, headers=reader, params={"version": 2}).json()["version"] == 2
    for version, status in ((3, 404), (0, 422), (2**31, 422)):
        assert idle.get(path, headers=reader, params={"version": version}).status_code == status


def test_setting_a_routing_at_the_same_time_loses_none(
    idle: TestClient, engine: Engine, key: Callable[..., dict[str, str]]
) -> None:
    admin, path = key("study_admin"), f"{V1}/studies/{STUDY}/routing"
    texts = [ROUTING + f"# {n}\n" for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = pool.map(lambda text: idle.put(path, headers=admin, content=text).json(), texts)
        assert sorted(answer["version"] for answer in done) == [1, 2, 3, 4, 5, 6]


def test_a_bad_routing_is_refused_with_its_lines(
    idle: TestClient, key: Callable[..., dict[str, str]]
) -> None:
    admin, path = key("study_admin"), f"{V1}/studies/{STUDY}/routing"
    bad = ROUTING.replace("severities:", "severity:").replace("channel: email", "channel: fax")
    answer = idle.put(path, headers=admin, content=bad)
    assert (answer.status_code, slug(answer)) == (422, "routing-refused")
    assert [(e["line"], e["path"]) for e in answer.json()["errors"]] == [
        ("4", "recipients.0.channel"),
        ("13", "rules.1.severity"),
    ]
    assert all(e["remedy"] for e in answer.json()["errors"])
    http = ROUTING.replace("https://", "http://")
    refused = idle.put(path, headers=admin, content=http).json()
    assert refused["errors"] == [
        {"path": "safety-desk", "detail": "plain http is only for hosts the operator trusts"}
    ]
    for host in ("10.1.2.3", "[fd00::1]", "169.254.169.254", "localhost", "2130706433"):
        inside = ROUTING.replace("desk.example.org", host)
        refused = idle.put(path, headers=admin, content=inside).json()
        assert "private address" in refused["errors"][0]["detail"], host
    for body in (b"\xff", b"study: a\x00"):
        assert idle.put(path, headers=admin, content=body).status_code == 400
    assert idle.get(path, headers=admin).status_code == 404


def test_who_would_be_told(
    idle: TestClient, engine: Engine, key: Callable[..., dict[str, str]]
) -> None:
    reader, path = key("medical_monitor"), f"{V1}/studies/{STUDY}/routing/test"
    question = {"type": "dose.exceeded", "severity": "critical", "dose_level": 3}
    nobody = idle.post(path, headers=reader, json=question).json()
    assert (nobody["told"], nobody["warnings"]) == ([], [NO_ROUTING])
    set_routing(engine)
    answer = idle.post(path, headers=reader, json=question).json()
    assert (answer["ladder"], len(answer["tellings"])) == (None, 1)
    assert [(t["subscriber"], t["channel"], t["why"]) for t in answer["told"]] == [
        ("medical-monitor", "email", "rule everything-to-the-monitor"),
        ("safety-desk", "webhook", "rule urgent-to-the-desk"),
    ]
    assert answer["details"] == {"email": [], "webhook": []}
    set_routing(engine, ROUTING + "details: {email: [subject, chart]}\n", version=2)
    answer = idle.post(path, headers=reader, json=question).json()
    assert answer["details"] == {"email": ["subject", "chart"], "webhook": []}
    unknown = idle.post(path, headers=reader, json={**question, "type": "weather"})
    assert unknown.status_code == 422
    assert "weather" not in unknown.text


def test_how_and_when_would_be_told(
    idle: TestClient, engine: Engine, key: Callable[..., dict[str, str]]
) -> None:
    set_routing(engine, LADDERED)
    reader, path = key("medical_monitor"), f"{V1}/studies/{STUDY}/routing/test"
    question = {"type": "death", "severity": "critical", "at": "2026-12-25T03:00:00+01:00"}
    answer = idle.post(path, headers=reader, json=question).json()
    assert [
        (t["after"] / 60, {w["subscriber"] for w in t["told"]}) for t in answer["tellings"]
    ] == (CLIMB[:6])
    assert answer["tellings"][1]["at"] == "2026-12-25T02:15:00Z"
    assert answer["again_every"] == 4 * 3600
    assert idle.post(path, headers=reader, json={**question, "at": "25.12."}).status_code == 422


def test_rosters_say_who_is_on_duty_and_when_nobody_is(
    idle: TestClient, engine: Engine, key: Callable[..., dict[str, str]]
) -> None:
    reader, path = key("auditor"), f"{V1}/studies/{STUDY}/rosters"
    assert idle.get(path, headers=reader).status_code == 404
    away = "absences: [{name: dr-a, first: 2026-01-16, last: 2026-01-18},"
    away += " {name: dr-b, first: 2026-01-17, last: 2026-01-17}]\n"
    set_routing(engine, LADDERED + away)
    now = idle.get(path, headers=reader).json()["rosters"]
    assert [(r["name"], r["on_duty"]) for r in now] == [("monitors", ["dr-a"])]
    assert now[0]["unmanned"] == {
        "first": "2026-01-16T23:00:00Z",
        "until": "2026-01-17T23:00:00Z",
    }
    then = {"at": "2026-01-16T12:00:00+01:00"}
    (roster,) = idle.get(path, headers=reader, params=then).json()["rosters"]
    assert roster["on_duty"] == ["dr-b"]


def test_subscriptions_say_who_is_told_by_which_rules(
    idle: TestClient, key: Callable[..., dict[str, str]]
) -> None:
    admin = key("study_admin")
    assert idle.get(f"{V1}/studies/{STUDY}/subscriptions", headers=admin).status_code == 404
    idle.put(f"{V1}/studies/{STUDY}/routing", headers=admin, content=ROUTING)
    answer = idle.get(f"{V1}/studies/{STUDY}/subscriptions", headers=admin).json()
    assert [(s["subscriber"], s["rules"]) for s in answer["subscriptions"]] == [
        ("medical-monitor", ["everything-to-the-monitor"]),
        ("safety-desk", ["urgent-to-the-desk"]),
    ]
    assert [s["secret_set_at"] is None for s in answer["subscriptions"]] == [True, False]


def test_a_secret_can_be_given_or_made_anew(
    idle: TestClient, key: Callable[..., dict[str, str]]
) -> None:
    admin = key("study_admin")
    idle.put(f"{V1}/studies/{STUDY}/routing", headers=admin, content=ROUTING)
    path = f"{V1}/studies/{STUDY}/webhooks/safety-desk/secret"
    given = "whsec_" + "QUJD" * 10
    assert idle.post(path, headers=admin, json={"secret": given}).json()["secret"] == given
    made = idle.post(path, headers=admin, json={}).json()["secret"]
    assert made.startswith("whsec_")
    assert made != given
    weak = idle.post(path, headers=admin, json={"secret": "whsec_QUJD"})
    assert weak.status_code == 422
    assert "QUJD" not in weak.text
    other = path.replace("safety-desk", "medical-monitor")
    assert idle.post(other, headers=admin, json={}).status_code == 404
