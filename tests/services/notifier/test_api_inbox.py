"""The inbox over HTTP: reading it, paging through it, acknowledging."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from services.notifier.inforce import NO_ROUTING
from shared.contracts.signals import SignalType
from tests.runtime.bus_contract import repair
from tests.services.notifier.support import (
    STUDY,
    SUBJECT,
    V1,
    Raising,
    only_alert,
    set_routing,
    signal,
    slug,
)


def test_the_inbox_shows_the_signal_and_whom_it_reached(
    idle: TestClient, engine: Engine, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    set_routing(engine)
    raised = signal()
    raising(raised)
    page = idle.get(f"{V1}/alerts?study={STUDY}", headers=key("medical_monitor")).json()
    (alert,) = page["alerts"]
    assert alert["signal"]["subject"] == SUBJECT
    assert alert["signal"]["id"] == raised.id
    assert (alert["state"], alert["version"], alert["acknowledgements"]) == ("open", 1, [])
    assert alert["deliveries"] == {
        "pending": 2,
        "failed": 0,
        "sent": 1,
        "given_up": 0,
        "cancelled": 0,
    }
    assert page["warnings"] == {}
    assert page["more"] is False


def test_the_alerts_in_brief_are_those_of_the_inbox(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    raising(signal(), signal(SignalType.DEATH))
    doctor = key("medical_monitor")
    wanted = {"study": STUDY}
    first = idle.get(f"{V1}/alerts", params=wanted, headers=doctor).json()["alerts"][0]
    idle.post(
        f"{V1}/alerts/{first['id']}/acknowledge", json={"version": 1}, headers=doctor
    ).raise_for_status()
    page = idle.get(f"{V1}/alerts", params=wanted, headers=doctor).json()
    brief = idle.get(f"{V1}/alerts/brief", params=wanted, headers=doctor).json()
    assert brief["warnings"] == page["warnings"] != {}
    names = ("id", "study", "version", "state", "asks", "warnings")
    assert [{name: one[name] for name in names} for one in brief["alerts"]] == [
        {name: one[name] for name in names} for one in page["alerts"]
    ]
    assert [one["signal"] for one in brief["alerts"]] == [
        {name: one["signal"][name] for name in ("id", "severity")} for one in page["alerts"]
    ]
    moments = [
        [datetime.fromisoformat(one["raised_at"]) for one in of["alerts"]] for of in (brief, page)
    ]
    assert moments[0] == moments[1]
    seen = [[ack["name"] for ack in one["acknowledgements"]] for one in brief["alerts"]]
    assert seen == [[ack["name"] for ack in one["acknowledgements"]] for one in page["alerts"]]
    assert list(map(len, seen)) == [1, 0]


def test_alerts_that_are_named_are_given_whole(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    raising(signal(), signal(SignalType.DEATH))
    doctor = key("medical_monitor")
    whole = idle.get(f"{V1}/alerts", params={"study": STUDY}, headers=doctor).json()["alerts"]
    for named in ([1], [1, 0]):
        wanted = {"study": STUDY, "id": [*(whole[n]["id"] for n in named), "nobody"]}
        chosen = idle.get(f"{V1}/alerts/chosen", params=wanted, headers=doctor).json()
        assert chosen == {"alerts": [whole[n] for n in sorted(named)]}
    elsewhere = {"study": "OTHER", "id": [whole[0]["id"]]}
    other = key("medical_monitor", study="OTHER")
    assert idle.get(f"{V1}/alerts/chosen", params=elsewhere, headers=other).json() == {"alerts": []}


def test_the_inbox_warns_of_a_study_without_routing(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    reader = key("medical_monitor")
    assert idle.get(f"{V1}/alerts", headers=reader).json()["warnings"] == {STUDY: [NO_ROUTING]}
    raising(signal())
    assert only_alert(idle, reader)["warnings"] == [NO_ROUTING]


def test_pages_follow_each_other_without_gap_or_repeat(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    raised = [signal() for _ in range(7)]
    raising(*raised[:5])
    raising(*raised[5:])
    reader, seen, after = key("auditor"), [], ""
    while True:
        page = idle.get(f"{V1}/alerts?limit=3{after}", headers=reader).json()
        seen += [alert["signal"]["id"] for alert in page["alerts"]]
        after = f"&after={page['next']}"
        if not page["more"]:
            break
    assert seen == [s.id for s in raised]
    assert idle.get(f"{V1}/alerts?{after}", headers=reader).json()["alerts"] == []
    late = signal()
    raising(late)
    (alert,) = idle.get(f"{V1}/alerts?{after}", headers=reader).json()["alerts"]
    assert alert["signal"]["id"] == late.id


def test_the_inbox_can_be_asked_for_one_state(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    first = signal()
    raising(first, signal(supersedes=first.id))
    reader = key("auditor")
    for state, count in {"open": 1, "superseded": 1, "acknowledged": 0, "withdrawn": 0}.items():
        page = idle.get(f"{V1}/alerts?state={state}", headers=reader).json()
        assert [alert["state"] for alert in page["alerts"]] == [state] * count


@pytest.mark.parametrize("query", ["after=1", "after=-1-1", "after=x", "state=lost", "limit=0"])
def test_bad_questions_are_refused(
    idle: TestClient, key: Callable[..., dict[str, str]], query: str
) -> None:
    answer = idle.get(f"{V1}/alerts?{query}", headers=key("auditor"))
    assert (answer.status_code, slug(answer)) == (422, "invalid-request")


def test_acknowledging_names_the_person_and_is_idempotent(
    idle: TestClient,
    engine: Engine,
    raising: Raising,
    key: Callable[..., dict[str, str]],
) -> None:
    raising(signal())
    monitor = key("medical_monitor", "auditor", name="dr-a")
    member = key("committee_member", name="dr-b")
    alert = only_alert(idle, monitor)
    path, body = f"{V1}/alerts/{alert['id']}/acknowledge", {"version": alert["version"]}
    first = idle.post(path, headers=monitor, json=body).json()
    assert first["state"] == "acknowledged"
    assert [(a["name"], a["role"], a["version"]) for a in first["acknowledgements"]] == [
        ("dr-a", "medical_monitor", 1)
    ]
    assert idle.post(path, headers=monitor, json=body).json() == first
    second = idle.post(path, headers=member, json=body).json()
    assert [a["name"] for a in second["acknowledgements"]] == ["dr-a", "dr-b"]
    with engine.connect() as conn:
        receipts = conn.execute(
            sa.text("SELECT count(*) FROM bus.outbox WHERE message_id LIKE '%acknowledged%'")
        ).scalar_one()
    assert receipts == 2


@pytest.mark.parametrize("body", [{}, {"version": "1"}, {"version": 0}, {"version": 1, "x": 1}])
def test_an_acknowledgement_names_the_version_seen(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]], body: dict[str, object]
) -> None:
    raising(signal())
    monitor = key("medical_monitor")
    path = f"{V1}/alerts/{only_alert(idle, monitor)['id']}/acknowledge"
    assert idle.post(path, headers=monitor, json=body).status_code == 422


def test_a_stale_version_is_refused(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    raising(signal())
    monitor = key("medical_monitor")
    path = f"{V1}/alerts/{only_alert(idle, monitor)['id']}/acknowledge"
    answer = idle.post(path, headers=monitor, json={"version": 2})
    assert (answer.status_code, slug(answer)) == (409, "stale-version")
    assert only_alert(idle, monitor)["acknowledgements"] == []


@pytest.mark.parametrize("version", [1, 2])
def test_a_withdrawn_alert_is_not_acknowledged_but_its_follow_up_is(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]], version: int
) -> None:
    first = signal()
    raising(first)
    early, late = key("medical_monitor", name="early"), key("medical_monitor", name="late")
    alert = only_alert(idle, early)
    path = f"{V1}/alerts/{alert['id']}/acknowledge"
    before = idle.post(path, headers=early, json={"version": 1}).json()
    raising(signal(SignalType.DLT_WITHDRAWN, supersedes=first.id, ends=True))
    answer = idle.post(path, headers=late, json={"version": version})
    assert (answer.status_code, slug(answer)) == (409, "alert-closed")
    withdrawn = idle.get(f"{V1}/alerts/{alert['id']}", headers=late).json()
    assert withdrawn["state"] == "withdrawn"
    assert withdrawn["followed_by"] in answer.json()["detail"]
    repeated = idle.post(path, headers=early, json={"version": 1})
    assert repeated.status_code == 200
    assert repeated.json()["acknowledgements"] == before["acknowledgements"]
    follow_up = f"{V1}/alerts/{withdrawn['followed_by']}/acknowledge"
    assert idle.post(follow_up, headers=late, json={"version": 1}).status_code == 200


def test_acknowledging_at_the_same_time_records_everybody_once(
    idle: TestClient, engine: Engine, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    raising(signal())
    people = [key("medical_monitor", name=f"dr-{n}") for n in range(4)]
    alert = only_alert(idle, people[0])
    path = f"{V1}/alerts/{alert['id']}/acknowledge"

    def acknowledge(person: dict[str, str]) -> int:
        return idle.post(path, headers=person, json={"version": 1}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(acknowledge, people * 4)) == {200}
    seen = only_alert(idle, people[0])["acknowledgements"]
    assert sorted(a["name"] for a in seen) == ["dr-0", "dr-1", "dr-2", "dr-3"]


def test_acknowledging_while_the_signal_is_withdrawn_ends_one_way_or_the_other(
    idle: TestClient, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    firsts = [signal() for _ in range(6)]
    raising(*firsts)
    monitor = key("medical_monitor")
    found = idle.get(f"{V1}/alerts", headers=monitor).json()["alerts"]

    def acknowledge(alert: dict[str, Any]) -> tuple[str, int]:
        path = f"{V1}/alerts/{alert['id']}/acknowledge"
        return alert["id"], idle.post(path, headers=monitor, json={"version": 1}).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(acknowledge, found)
        raising(*[signal(supersedes=s.id, ends=True) for s in firsts])
        statuses = dict(answers)
    for name, status in statuses.items():
        alert = idle.get(f"{V1}/alerts/{name}", headers=monitor).json()
        assert alert["state"] == "withdrawn"
        assert status == (200 if alert["acknowledgements"] else 409)


def test_reading_changes_nothing(
    idle: TestClient, engine: Engine, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    set_routing(engine)
    raising(signal())
    reader = key("medical_monitor")
    alert = only_alert(idle, reader)

    def state() -> list[object]:
        tables = ("alert", "acknowledgement", "delivery", "attempt", "change", "routing")
        with engine.connect() as conn:
            return [
                sorted(map(str, conn.execute(sa.text(f"SELECT * FROM notifier.{table}"))))
                for table in tables
            ]

    before = state()
    for path in (f"/alerts/{alert['id']}", f"/deliveries?alert={alert['id']}", "/alerts"):
        assert idle.get(V1 + path, headers=reader).status_code == 200
    assert idle.get(f"{V1}/alerts/{alert['id']}/acknowledge", headers=reader).status_code == 405
    assert state() == before


def test_an_inbox_restored_into_another_cluster_is_whole_after_the_repair(
    idle: TestClient, engine: Engine, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    raising(signal())
    raising(signal(SignalType.DEATH))
    only_added = "ALTER TABLE notifier.change {} TRIGGER only_added"
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE notifier.alert SET xid = '99999999999'"))
        conn.execute(sa.text(only_added.format("DISABLE")))
        conn.execute(sa.text("UPDATE notifier.change SET xid = '99999999999'"))
        conn.execute(sa.text(only_added.format("ENABLE")))
    wanted, doctor = f"{V1}/alerts?study={STUDY}", key("medical_monitor")
    assert idle.get(wanted, headers=doctor).json()["alerts"] == []
    with engine.begin() as conn:
        for statement in repair(2):
            conn.execute(sa.text(statement))
    page = idle.get(wanted, headers=doctor).json()["alerts"]
    assert [alert["signal"]["type"] for alert in page] == ["dlt.candidate", "death"]
    with pytest.raises(sa.exc.IntegrityError, match="only ever added"), engine.begin() as conn:
        conn.execute(sa.text("UPDATE notifier.change SET xid = '4'"))
