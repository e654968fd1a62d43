"""Denied by default: a role for each kind, one study at a time, acts under one's own name."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from services.ingest.app import create_app
from services.ingest.intake.permission import ROLE_OF_KIND
from shared.contracts.facts import KINDS
from shared.runtime.auth import create_key, unguarded
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.services.ingest.support import NewSender, Sender, event, published

DIGEST = "sha256:" + "0" * 64
REVIEW: dict[str, Any] = {
    "STUDYID": "S1",
    "USUBJID": "S1-001-003",
    "decision": "DLT",
    "decided_dtc": "2026-03-13",
    "criterion_id": "platelets-g4",
    "assessment_digest": DIGEST,
}
DECISION: dict[str, Any] = {
    "STUDYID": "S1",
    "action": "escalate",
    "decided_dtc": "2026-03-25",
    "dose_level": 3,
    "assessment_digest": DIGEST,
}


def review(id: str = "1", **changed: Any) -> dict[str, Any]:
    return {**event(id, type="vigil.dlt_review.v1"), "data": REVIEW, **changed}


def decision(id: str = "1", **changed: Any) -> dict[str, Any]:
    return {**event(id, type="vigil.decision.v1", subject="S1"), "data": DECISION, **changed}


def test_every_route_asks_for_a_key_or_is_public(app: FastAPI) -> None:
    assert unguarded(app) == []


def test_every_kind_has_a_role() -> None:
    assert set(ROLE_OF_KIND) == set(KINDS)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("edc_source", {"lab"}),
        ("medical_monitor", {"review"}),
        ("committee_member", {"decision"}),
        ("study_admin", set()),
    ],
)
def test_each_role_states_its_own_kinds(sender: NewSender, role: str, may: set[str]) -> None:
    documents = {"lab": event(), "review": review("2"), "decision": decision("3")}
    somebody = sender(role)
    for kind, result in zip(documents, somebody.results(*documents.values()), strict=True):
        assert result["status"] == (202 if kind in may else 403)


def test_an_auditor_sends_nothing(sender: NewSender) -> None:
    assert sender("auditor").one(event()).status_code == 403


def test_no_key_is_401(client: httpx2.Client) -> None:
    for method, path in (("POST", "/events"), ("GET", "/receipts/r"), ("GET", "/studies/S1/keys")):
        assert client.request(method, f"/ingest/v1{path}").status_code == 401


def test_a_foreign_study_looks_like_none(edc: Sender, sender: NewSender) -> None:
    sender(("S2", "edc_source"))
    foreign = edc.one(event("1", studyid="S2", STUDYID="S2"))
    unknown = edc.one(event("1", studyid="NEVER", STUDYID="NEVER"))
    broken = edc.one(event("1", studyid="NEVER", STUDYID="NEVER", revision=-1))
    same = {"receipt": ""}
    assert foreign.status_code == 404
    assert {**foreign.json(), **same} == {**unknown.json(), **same} == {**broken.json(), **same}


def test_roles_of_one_study_do_not_reach_into_another(sender: NewSender) -> None:
    both = sender(("S1", "edc_source"), ("S2", "auditor"))
    results = both.results(event("1"), event("1", studyid="S2", STUDYID="S2"))
    assert [result["status"] for result in results] == [202, 403]


def test_a_key_bound_to_a_source_sends_as_nobody_else(sender: NewSender) -> None:
    bound = sender("edc_source", source="urn:edc:rave:acme")
    assert bound.one(event("1")).status_code == 202
    other = bound.one(event("2", source="urn:edc:rave:other", recordid="x"))
    assert other.status_code == 403
    assert other.json()["errors"][0]["pointer"] == "/source"


def test_a_persons_act_carries_the_keys_name(sender: NewSender, engine: Engine) -> None:
    monitor = sender("medical_monitor", name="Dr. Ada Monitor")
    assert monitor.one(review("1")).status_code == 202
    assert monitor.one(review("2", actor="Dr. Ada Monitor", revision=3)).status_code == 202
    refused = monitor.one(review("3", actor="Dr. Somebody Else", revision=4))
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["pointer"] == "/actor"
    assert {fact.actor for fact in published(engine)} == {"Dr. Ada Monitor"}


def test_an_edc_says_itself_who_entered_a_record(edc: Sender, engine: Engine) -> None:
    edc.one(event(actor="site nurse"))
    assert [fact.actor for fact in published(engine)] == ["site nurse"]


def test_live_events_do_not_say_when_they_were_known(edc: Sender) -> None:
    answer = edc.one(event(knowntime="2020-01-01T00:00:00Z"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/knowntime"


@pytest.fixture
def replaying(
    settings: Settings,
    engine: Engine,
    bus: PostgresBus,
    manual_clock: ManualClock,
    live_server: Callable[[FastAPI], str],
) -> Iterator[Sender]:
    app = create_app(settings, engine, bus, manual_clock)
    with httpx2.Client(base_url=live_server(app), timeout=30) as client, engine.begin() as conn:
        key = create_key(conn, "EDC", [("S1", "edc_source")])
        conn.commit()
        yield Sender(client, key)


def test_a_simulated_clock_says_when_unless_the_event_does(
    replaying: Sender, engine: Engine, manual_clock: ManualClock
) -> None:
    replaying.one(event("1"))
    manual_clock.advance(timedelta(days=1))
    replaying.one(event("2", revision=3, knowntime="2026-01-10T09:00:00+01:00"))
    first, second = published(engine)
    assert first.known_at == manual_clock.now() - timedelta(days=1)
    assert second.known_at.isoformat() == "2026-01-10T08:00:00+00:00"
