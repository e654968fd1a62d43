"""Deliveries over HTTP, and the whole way from a signal to mail and webhook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine
from standardwebhooks import Webhook

from bench.sink import HttpSink
from shared.runtime.bus import Message
from tests.services.notifier.support import (
    ROUTING,
    STUDY,
    SUBJECT,
    V1,
    MailSink,
    Raising,
    as_message,
    only_alert,
    set_routing,
    signal,
    slug,
    wait_for,
)


def test_the_whole_way_from_signal_to_mail_and_webhook(
    running: TestClient,
    raising: Raising,
    mailbox: MailSink,
    receiver: HttpSink,
    key: Callable[..., dict[str, str]],
) -> None:
    admin = key("study_admin")
    document = ROUTING.replace("https://desk.example.org/hook", receiver.url)
    put = running.put(f"{V1}/studies/{STUDY}/routing", headers=admin, content=document).json()
    with raising.engine.begin() as conn:
        raising.bus.publish(conn, [_message()])
    wait_for(lambda: receiver.requests and mailbox.received)
    ((headers, body),) = receiver.requests
    event = Webhook(put["new_secrets"]["safety-desk"]).verify(body, headers)
    assert event["data"]["study"] == STUDY
    for raw in (body, mailbox.received[0]):
        assert SUBJECT.encode() not in raw
        assert b"platelets" not in raw
    alert = only_alert(running, admin)
    assert event["data"]["link"] == f"https://vigil.example.org/alerts/{alert['id']}"

    def settled() -> Any:
        rows = running.get(f"{V1}/deliveries?alert={alert['id']}", headers=admin).json()
        return {row["channel"]: row for row in rows["deliveries"] if row["state"] == "sent"}

    rows = wait_for(lambda: len(settled()) == 3 and settled())
    assert [entry["answer"] for entry in rows["email"]["log"]] == [None, "250 queued as 42"]
    assert [entry["answer"] for entry in rows["webhook"]["log"]] == [None, "200 OK ok"]
    assert rows["webhook"]["id"] == headers["webhook-id"]
    wait_for(lambda: running.get("/readyz").status_code == 200)


def _message() -> Message:
    return as_message(signal())


def test_a_resend_goes_out_again_under_the_same_id(
    running: TestClient,
    engine: Engine,
    mailbox: MailSink,
    key: Callable[..., dict[str, str]],
) -> None:
    set_routing(engine, ROUTING.replace("[urgent, critical]", "[info]"))
    with engine.begin() as conn:
        running.app.state.notifier.bus.publish(conn, [_message()])  # type: ignore[attr-defined]
    monitor = key("medical_monitor")
    wait_for(lambda: mailbox.received)
    wait_for(lambda: only_alert(running, monitor)["deliveries"]["sent"] == 2)
    alert = only_alert(running, monitor)
    rows = running.get(f"{V1}/deliveries?alert={alert['id']}", headers=monitor).json()["deliveries"]
    by_channel = {row["channel"]: row["id"] for row in rows}
    again = running.post(f"{V1}/deliveries/{by_channel['email']}/resend", headers=monitor)
    assert again.status_code == 202
    wait_for(lambda: len(mailbox.received) == 2)
    ids = {raw.split(b"Message-ID: ")[1].split(b"\r\n")[0] for raw in mailbox.received}
    assert ids == {f"<{by_channel['email']}@example.org>".encode()}
    inbox = running.post(f"{V1}/deliveries/{by_channel['inbox']}/resend", headers=monitor)
    assert (inbox.status_code, slug(inbox)) == (409, "not-settled")


def test_a_test_fire_is_labelled_and_logged(
    running: TestClient, mailbox: MailSink, engine: Engine, key: Callable[..., dict[str, str]]
) -> None:
    admin = key("study_admin")
    refused = running.post(f"{V1}/studies/{STUDY}/test-fire", headers=admin)
    assert (refused.status_code, slug(refused)) == (409, "no-routing")
    set_routing(engine, ROUTING.replace("study: TRIAL-1", "study: TRIAL-1\nsynthetic: true"))
    fired = running.post(f"{V1}/studies/{STUDY}/test-fire", headers=admin).json()
    assert {d["channel"] for d in fired["deliveries"]} == {"email", "webhook"}
    wait_for(lambda: mailbox.received)
    assert b"Subject: [SYNTHETIC] Vigil: TEST of the alert channel" in mailbox.received[0]
    assert running.get(f"{V1}/alerts", headers=admin).json()["alerts"] == []
    path = f"{V1}/alerts/{fired['alert']}"
    assert running.get(path, headers=admin).json()["kind"] == "test"
    monitor = key("medical_monitor")
    acknowledged = running.post(f"{path}/acknowledge", headers=monitor, json={"version": 1})
    assert acknowledged.status_code == 404


def test_a_test_may_go_to_one_channel_or_one_name(
    idle: TestClient, engine: Engine, key: Callable[..., dict[str, str]]
) -> None:
    set_routing(engine)
    path, sender = f"{V1}/studies/{STUDY}/test-fire", key("medical_monitor")

    def told(**body: str) -> list[str]:
        answer = idle.post(path, headers=sender, json=body).json()
        return [row["subscriber"] for row in answer["deliveries"]]

    assert told() == ["medical-monitor", "safety-desk"]
    assert told(channel="webhook") == ["safety-desk"]
    assert told(subscriber="medical-monitor") == ["medical-monitor"]
    assert told(subscriber="medical-monitor", channel="webhook") == []
    assert idle.post(path, headers=sender, json={"channel": "pigeon"}).status_code == 422


def test_dead_letters_are_listed_in_pages_until_they_are_sent_again(
    idle: TestClient, engine: Engine, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    set_routing(engine)
    raising(*[signal(severity="notice") for _ in range(5)])
    with engine.begin() as conn:
        conn.exec_driver_sql(
            "UPDATE notifier.delivery SET state = 'given_up' WHERE channel = 'email'"
        )
    reader, path = key("medical_monitor"), f"{V1}/deliveries/given-up"
    first = idle.get(f"{path}?limit=3", headers=reader).json()
    second = idle.get(f"{path}?limit=3&after={first['next']}", headers=reader).json()
    assert (len(first["deliveries"]), first["more"]) == (3, True)
    assert (len(second["deliveries"]), second["more"]) == (2, False)
    ids = [row["id"] for row in first["deliveries"] + second["deliveries"]]
    assert len(set(ids)) == 5
    assert idle.post(f"{V1}/deliveries/{ids[0]}/resend", headers=reader).status_code == 202
    left = idle.get(path, headers=reader).json()["deliveries"]
    assert [row["id"] for row in left] == ids[1:]
    other = key("auditor", study="TRIAL-2")
    assert idle.get(path, headers=other).json()["deliveries"] == []
    assert idle.get(f"{path}?study={STUDY}", headers=other).status_code == 404
