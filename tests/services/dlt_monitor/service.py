"""The monitor over real HTTP, with worker and ticker running behind it."""

from __future__ import annotations

from typing import Any

import httpx2
from sqlalchemy import Engine

from services.dlt_monitor.monitor import GROUP
from shared.contracts.envelope import Fact
from shared.runtime import outbox
from shared.runtime.auth import create_key
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from tests.services.dlt_monitor.station import wait_for
from tests.services.dlt_monitor.trial import STUDY, publish


class Service:
    """The running service, and people with keys who ask it."""

    def __init__(self, engine: Engine, clock: ManualClock, bus: PostgresBus, base: str) -> None:
        self.engine = engine
        self.clock = clock
        self.bus = bus
        self.client = httpx2.Client(base_url=base + "/monitor/v1", timeout=60)
        self._keys: dict[tuple[str, str], str] = {}

    def ask(
        self,
        path: str,
        role: str = "committee_member",
        study: str = STUDY,
        method: str = "GET",
        json: Any = None,
        **params: Any,
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self._key(role, study)}"}
        return self.client.request(method, path, params=params or None, headers=headers, json=json)

    def about(self, path: str, **params: Any) -> Any:
        """The answer about the study, which must be given."""
        response = self.ask(f"/studies/{STUDY}/{path}", **params)
        assert response.status_code == 200, response.text
        return response.json()

    def feed(self, *facts: Fact | Message) -> None:
        """Publish, and wait until all of it is applied."""
        publish(self.engine, self.bus, facts)
        wait_for(lambda: self._applied() and bool(self.find_line()))

    def line(self) -> dict[str, Any]:
        found = self.find_line()
        assert found is not None
        return found

    def find_line(self) -> dict[str, Any] | None:
        (line,) = self.ask("/studies").json()["studies"]
        return None if line["stale"] else line

    def _applied(self) -> bool:
        with self.engine.connect() as conn:
            held = outbox.load_position(conn, GROUP, "vigil.facts.v1", -1)
            last = conn.exec_driver_sql(
                "SELECT max(id) FROM bus.outbox WHERE topic = 'vigil.facts.v1'"
            ).scalar_one()
        return held.minor == int(last)

    def _key(self, role: str, study: str) -> str:
        if (role, study) not in self._keys:
            with self.engine.begin() as conn:
                self._keys[role, study] = create_key(conn, "a person", [(study, role)])
        return self._keys[role, study]
