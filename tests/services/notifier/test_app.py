"""The assembled service says what is not running and what was given up."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.services.notifier.support import (
    Raising,
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
