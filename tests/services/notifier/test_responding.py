"""What people do about an alert ends in one stated outcome, whoever else acts at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.services.notifier.ladder_support import LADDERED, told
from tests.services.notifier.support import (
    V1,
    Raising,
    only_alert,
    receipts,
    set_routing,
    signal,
    slug,
)

Keys = Callable[..., dict[str, str]]


def _post(
    client: TestClient, alert: dict[str, Any], what: str, key: dict[str, str], **body: object
) -> httpx2.Response:
    response: Any = client.post(f"{V1}/alerts/{alert['id']}/{what}", headers=key, json=body)
    return response  # type: ignore[no-any-return]


def test_closing_needs_a_reason_and_keeps_it(idle: TestClient, raising: Raising, key: Keys) -> None:
    raising(signal())
    monitor = key("medical_monitor", name="dr-a")
    alert = only_alert(idle, monitor)
    assert _post(idle, alert, "close", monitor, version=1).status_code == 422
    assert _post(idle, alert, "close", monitor, version=1, reason="  ").status_code == 422
    closed = _post(idle, alert, "close", monitor, version=1, reason="laboratory error").json()
    assert closed["state"] == "closed"
    assert [(n["kind"], n["name"], n["text"]) for n in closed["notes"]] == [
        ("closed", "dr-a", "laboratory error")
    ]
    assert [a["name"] for a in closed["acknowledgements"]] == ["dr-a"]
    member = key("committee_member", name="dr-b")
    again = _post(idle, alert, "close", member, version=1, reason="another").json()
    assert [n["text"] for n in again["notes"]] == ["laboratory error"], "the first one counts"
    late = _post(idle, alert, "acknowledge", member, version=1).json()
    assert (late["state"], len(late["acknowledgements"])) == ("closed", 2)


def test_what_follows_a_closed_alert_opens_the_matter_again(
    idle: TestClient, raising: Raising, key: Keys
) -> None:
    first = signal()
    raising(first)
    monitor = key("medical_monitor")
    alert = only_alert(idle, monitor)
    _post(idle, alert, "close", monitor, version=1, reason="judged unrelated")
    raising(signal(supersedes=first.id, severity="critical"))
    page = idle.get(f"{V1}/alerts", headers=monitor).json()["alerts"]
    assert [(a["state"], a["asks"]) for a in page] == [("superseded", True), ("open", True)]
    refused = _post(idle, alert, "close", monitor, version=2, reason="x")
    assert (refused.status_code, slug(refused)) == (409, "alert-closed")


def test_a_correction_asks_again_whatever_its_own_severity(
    idle: TestClient, raising: Raising, key: Keys
) -> None:
    raised = signal(severity="urgent"), signal(severity="info")
    raising(*raised)
    raising(
        signal(severity="info", supersedes=raised[0].id),
        signal(severity="info", supersedes=raised[1].id, ends=True),
    )
    page = idle.get(f"{V1}/alerts", headers=key("auditor")).json()["alerts"]
    assert [a["asks"] for a in page] == [True, False, True, False]
    waiting = idle.get(f"{V1}/alerts?awaiting=true", headers=key("auditor")).json()["alerts"]
    assert [a["id"] for a in waiting] == [page[2]["id"]]


def test_notes_are_kept_in_order_and_as_written(
    idle: TestClient, raising: Raising, key: Keys
) -> None:
    raising(signal())
    monitor, member = key("medical_monitor", name="dr-a"), key("committee_member", name="dr-b")
    alert = only_alert(idle, monitor)
    _post(idle, alert, "notes", monitor, text="called the site")
    found = _post(idle, alert, "notes", member, text="  repeat <b>ordered</b>\n").json()
    assert [(n["name"], n["text"]) for n in found["notes"]] == [
        ("dr-a", "called the site"),
        ("dr-b", "repeat <b>ordered</b>"),
    ]
    assert found["state"] == "open", "a note is no acknowledgement"
    for text in ("", "x" * 4001, "nul \x00"):
        assert _post(idle, alert, "notes", monitor, text=text).status_code == 422


def test_a_hand_over_tells_the_other_and_says_who_it_came_from(
    idle: TestClient, engine: Engine, raising: Raising, key: Keys
) -> None:
    set_routing(engine, LADDERED)
    raising(signal())
    monitor = key("medical_monitor", name="dr-a")
    alert = only_alert(idle, monitor)
    unknown = _post(idle, alert, "hand-over", monitor, to="nobody")
    assert (unknown.status_code, slug(unknown)) == (422, "unknown-recipient")
    found = _post(idle, alert, "hand-over", monitor, to="dr-b", text="end of shift").json()
    assert (found["assigned_to"], found["state"], found["rounds"]) == ("dr-b", "open", 1)
    assert found["notes"][0]["text"] == "to dr-b: end of shift"
    assert told(engine, 1) == {"dr-b"}
    path = f"{V1}/deliveries?alert={alert['id']}"
    rows = idle.get(path, headers=monitor).json()["deliveries"]
    assert [row["why"] for row in rows if row["step"] == 1] == ["handed over by dr-a"]


def test_seeing_is_proved_once_for_each_person_and_no_get_does_it(
    idle: TestClient, engine: Engine, raising: Raising, key: Keys
) -> None:
    raising(signal())
    monitor, auditor = key("medical_monitor", name="dr-a"), key("auditor", name="qa")
    alert = only_alert(idle, monitor)
    idle.get(f"{V1}/alerts/{alert['id']}", headers=monitor)
    assert [r.state for r in receipts(engine)] == ["pending", "sent"]
    for person in (monitor, monitor, auditor):
        assert _post(idle, alert, "seen", person).status_code == 200
    seen = [r.answer for r in receipts(engine) if r.state == "seen"]
    assert seen == ["by dr-a (medical_monitor)", "by qa (auditor)"]


@pytest.mark.parametrize("attempt", range(4))
def test_acknowledging_against_a_withdrawal_ends_in_one_outcome(
    idle: TestClient, raising: Raising, key: Keys, attempt: int
) -> None:
    """Either the acknowledgement came first and stays on the withdrawn alert, or it is refused."""
    first = signal()
    raising(first)
    people = [key("medical_monitor", name=f"dr-{n}") for n in range(3)]
    alert = only_alert(idle, people[0])
    with ThreadPoolExecutor(4) as pool:
        withdrawal = pool.submit(raising, signal(supersedes=first.id, ends=True))
        answers = list(
            pool.map(lambda who: _post(idle, alert, "acknowledge", who, version=1), people)
        )
        withdrawal.result()
    after = idle.get(f"{V1}/alerts/{alert['id']}", headers=people[0]).json()
    assert after["state"] == "withdrawn"
    accepted = sorted(f"dr-{n}" for n, answer in enumerate(answers) if answer.status_code == 200)
    assert sorted(a["name"] for a in after["acknowledgements"]) == accepted
    assert {slug(a) for a in answers if a.status_code != 200} <= {"alert-closed"}
