"""The assembled service says what is not running and what was given up."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from shared.contracts.topics import SIGNALS
from shared.runtime.bus import Message
from tests.services.notifier.support import (
    OTHER,
    STUDY,
    V1,
    Raising,
    alert_of,
    as_message,
    set_routing,
    signal,
    wait_for,
)


def test_readiness_tells_what_is_not_running(
    idle: TestClient, running: TestClient, raising: Raising
) -> None:
    assert wait_for(lambda: running.get("/readyz").status_code == 200)
    running.app.state.notifier_service.stop()  # type: ignore[attr-defined]
    parts = {error["part"] for error in running.get("/readyz").json()["errors"]}
    assert parts == {"signals", "outreach", "ladders", "feed"}


def test_given_up_deliveries_are_measured(
    idle: TestClient, engine: Engine, raising: Raising
) -> None:
    set_routing(engine)
    raising(signal(severity="critical"))
    assert "vigil_deliveries_given_up{" not in idle.get("/metrics").text
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE notifier.delivery SET state = 'given_up'"))
    assert 'vigil_deliveries_given_up{severity="critical"} 3.0' in idle.get("/metrics").text


def test_a_signal_that_could_not_be_read_is_an_alert_once_it_can(
    idle: TestClient, engine: Engine, raising: Raising, key: Callable[..., dict[str, str]]
) -> None:
    late = signal()
    raising.publish(Message(SIGNALS.name, STUDY, late.id, b"of a later contract"))
    (parked,) = idle.get(f"{V1}/studies/{STUDY}/parked", headers=key("auditor")).json()["parked"]
    replay, admin = f"{V1}/studies/{STUDY}/parked/{parked['id']}/replay", key("study_admin")
    still = idle.post(replay, headers=admin)
    assert (still.status_code, still.json()["detail"]) == (409, parked["reason"])
    with engine.begin() as conn:  # as a notifier reads it that knows the contract
        readable = sa.text("UPDATE bus.parked SET value = :value")
        conn.execute(readable, {"value": as_message(late).value})
    foreign = replay.replace(STUDY, OTHER)
    assert idle.post(foreign, headers=key("study_admin", study=OTHER)).status_code == 404
    assert idle.post(replay, headers=admin).json() == {"replayed": parked["id"]}
    assert alert_of(engine, late).state == "open"
    assert idle.post(replay, headers=admin).status_code == 404
