"""Receipts are for the study's own people; refusals stay visible and say where, not what."""

import hashlib
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tests.services.ingest.support import NewSender, Sender, event

REFUSALS = "/ingest/v1/studies/S1/refusals"


def refusals(somebody: Sender, query: str = "") -> list[dict[str, Any]]:
    answer = somebody.get(REFUSALS + query)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["refusals"]
    return found


def test_a_receipt_is_shown_to_keys_of_its_study_only(edc: Sender, sender: NewSender) -> None:
    place = edc.one(event()).headers["location"]
    assert sender("auditor").get(place).json()["result"] == "accepted"
    assert sender(("S2", "study_admin")).get(place).status_code == 404


def test_an_unknown_receipt_is_not_found(edc: Sender) -> None:
    for number in ("r" + "0" * 44, "nothing", "%FF"):
        assert edc.get(f"/ingest/v1/receipts/{number}").status_code == 404
    assert edc.get("/ingest/v1/receipts/r%00").status_code == 400


def test_a_refusal_is_listed_with_its_places(edc: Sender, sender: NewSender) -> None:
    answer = edc.one(event(LBDTC="yesterday evening"))
    [refusal] = refusals(sender("study_admin"))
    assert refusal["receipt"] == answer.json()["receipt"]
    assert refusal["key"] == edc.key.split("_")[1]
    assert (refusal["status"], refusal["type"]) == (422, "vigil.lab.v1")
    assert [problem["pointer"] for problem in refusal["problems"]] == ["/data/LBDTC"]
    assert "yesterday" not in str(refusal) + answer.text
    receipt = edc.get(answer.headers["location"]).json()
    assert (receipt["result"], receipt["study"]) == ("refused", "S1")


def test_refusals_are_for_administrators_and_auditors(edc: Sender, sender: NewSender) -> None:
    assert refusals(sender("auditor")) == []
    for role in ("edc_source", "medical_monitor", "committee_member"):
        assert sender(role).get(REFUSALS).status_code == 403
    assert sender(("S2", "study_admin")).get(REFUSALS).status_code == 404


def test_what_cannot_be_read_is_shown_to_the_only_study_of_the_key(
    edc: Sender, sender: NewSender
) -> None:
    edc.lines(b"{broken")
    sender(("S1", "edc_source"), ("S2", "edc_source")).lines(b"{nobody can say whose")
    found = refusals(sender("auditor"))
    assert [refusal["status"] for refusal in found] == [400]
    assert found[0]["body_hash"] == hashlib.sha256(b"{broken").hexdigest()


def test_a_refusal_of_no_known_study_is_shown_to_its_sender(sender: NewSender) -> None:
    both = sender(("S1", "edc_source"), ("S2", "edc_source"))
    place = both.request("POST", "/ingest/v1/events", "application/json", b"{").headers["location"]
    assert both.get(place).json()["study"] == ""
    assert sender(("S1", "study_admin"), ("S2", "study_admin")).get(place).status_code == 404


def test_a_reused_id_is_listed(edc: Sender, sender: NewSender) -> None:
    edc.one(event())
    edc.one(event(LBORRES="7"))
    [refusal] = refusals(sender("auditor"))
    assert (refusal["status"], refusal["result"]) == (409, "id-reused")


def test_refusals_come_in_pages_newest_first(edc: Sender, sender: NewSender) -> None:
    for number in range(5):
        edc.one(event(str(number), revision=-1))
    auditor = sender("auditor")
    listed = [refusal["receipt"] for refusal in refusals(auditor)]
    assert listed == sorted(listed, reverse=True)
    first = auditor.get(f"{REFUSALS}?limit=3").json()
    second = auditor.get(f"{REFUSALS}?limit=3&before={first['next']}").json()
    assert [r["receipt"] for r in first["refusals"] + second["refusals"]] == listed
    assert second["next"] is None
    assert auditor.get(f"{REFUSALS}?before=x").status_code == 422


def test_what_was_sent_is_kept_in_the_database_alone(edc: Sender, engine: Engine) -> None:
    edc.lines(b'{"id": "AETERM=secret"}\n' + b"x" * 300_000)
    with engine.connect() as conn:
        bodies = conn.execute(sa.text("SELECT body FROM ingest.refusal ORDER BY receipt")).scalars()
        assert {bytes(body) if body else None for body in bodies} == {
            b'{"id": "AETERM=secret"}',
            None,
        }


def test_what_was_taken_is_never_edited(engine: Engine) -> None:
    for table in ("delivery", "version", "refusal"):
        for command in ("DELETE FROM {}", "UPDATE {} SET study = 'X'", "TRUNCATE {}"):
            with pytest.raises(DBAPIError, match="never edited"), engine.begin() as conn:
                conn.execute(sa.text(command.format(f"ingest.{table}")))


def test_operators_see_results_counted_without_names(edc: Sender, client: httpx2.Client) -> None:
    edc.results(event("1"), event("1"), event("2", revision=-1))
    text = client.get("/metrics").text
    assert 'vigil_ingest_events_total{result="accepted"} 1.0' in text
    assert 'vigil_ingest_events_total{result="duplicate"} 1.0' in text
    assert 'vigil_ingest_events_total{result="refused"} 1.0' in text
    assert "S1-001" not in text
    assert client.get("/readyz").status_code == 200


def test_each_source_is_listed_with_its_last_contact(edc: Sender, sender: NewSender) -> None:
    edc.results(event("1"), event("2", revision=3), event("3", source="urn:lab", recordid="x"))
    edc.one(event("4", revision=-1, source="urn:refused"))
    auditor = sender("auditor")
    found = auditor.get("/ingest/v1/studies/S1/sources").json()["sources"]
    assert [(one["source"], one["deliveries"]) for one in found] == [
        ("urn:edc:rave:acme", 2),
        ("urn:lab", 1),
    ]
    assert edc.get("/ingest/v1/studies/S1/sources").status_code == 403
    assert auditor.get("/ingest/v1/studies/S2/sources").status_code == 404
