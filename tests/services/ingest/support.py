"""Made-up events, somebody to send them, and what is on the log afterwards."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import sqlalchemy as sa
from sqlalchemy import Engine

from shared.contracts.envelope import Fact, read_fact

STUDY = "S1"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a1-77",
    "source": "urn:edc:rave:acme",
    "type": "vigil.lab.v1",
    "time": "2026-03-09T10:02:11+01:00",
    "subject": "S1-001-003",
    "studyid": STUDY,
    "recordid": "003/C1D8/LAB/1/IG.LB[4]",
    "revision": 2,
    "data": {
        "STUDYID": STUDY,
        "USUBJID": "S1-001-003",
        "LBTESTCD": "NEUT",
        "LBORRES": "0.42",
        "LBORRESU": "10^9/L",
        "LBDTC": "2026-03-09T08:15",
    },
}
DELETION: dict[str, Any] = {
    **EVENT,
    "op": "delete",
    "reason": "Wrong subject",
    "data": {"STUDYID": STUDY, "USUBJID": "S1-001-003"},
}


def event(id: str = "a1-77", **changed: Any) -> dict[str, Any]:
    """A lab event; `LBORRES=...` and other upper-case names change its data."""
    data = {**EVENT["data"], **{k: v for k, v in changed.items() if k.isupper()}}
    rest = {k: v for k, v in changed.items() if not k.isupper()}
    return {**EVENT, "id": id, "data": data, **rest}


def deletion(id: str, **changed: Any) -> dict[str, Any]:
    """A deletion of the same record."""
    return {**DELETION, "id": id, **changed}


def ndjson(events: Sequence[dict[str, Any] | bytes]) -> bytes:
    """Lines; bytes are taken as they are."""
    return b"\n".join(e if isinstance(e, bytes) else json.dumps(e).encode() for e in events)


def slug(answer: httpx2.Response) -> str:
    """The stable name of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    kind: str = answer.json()["type"]
    return kind.removeprefix("urn:vigil:problem:")


def published(engine: Engine) -> list[Fact]:
    """The facts on the log, in their order."""
    with engine.connect() as conn:
        rows = conn.execute(
            sa.text("SELECT value FROM bus.outbox WHERE topic = 'vigil.facts.v1' ORDER BY xid, id")
        )
        return [read_fact(bytes(value)) for (value,) in rows]


def count(engine: Engine, table: str) -> int:
    with engine.connect() as conn:
        number: int = conn.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
        return number


@dataclass(frozen=True)
class Sender:
    """Somebody with a key."""

    client: httpx2.Client
    key: str

    def request(
        self,
        method: str,
        path: str,
        media_type: str = "",
        content: bytes | None = None,
        **more: str,
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}", **more}
        if media_type:
            headers["Content-Type"] = media_type
        return self.client.request(method, path, content=content, headers=headers)

    def get(self, path: str) -> httpx2.Response:
        return self.request("GET", path)

    def one(self, document: dict[str, Any], **headers: str) -> httpx2.Response:
        body = json.dumps(document).encode()
        return self.request(
            "POST", "/ingest/v1/events", "application/cloudevents+json", body, **headers
        )

    def batch(self, documents: list[Any], **headers: str) -> httpx2.Response:
        body = json.dumps(documents).encode()
        return self.request(
            "POST", "/ingest/v1/events", "application/cloudevents-batch+json", body, **headers
        )

    def lines(self, body: bytes, **headers: str) -> httpx2.Response:
        return self.request("POST", "/ingest/v1/events", "application/x-ndjson", body, **headers)

    def results(self, *events: dict[str, Any] | bytes) -> list[dict[str, Any]]:
        """The results of the events sent as NDJSON."""
        answer = self.lines(ndjson(events))
        assert answer.status_code == 200
        return [json.loads(line) for line in answer.text.splitlines()]


NewSender = Callable[..., Sender]
"""`sender("auditor")`, `sender(("S2", "edc_source"), source="urn:x")`"""
