"""Keys are given and ended by a study's administrators, within their own study only."""

from typing import Any

import httpx2
import pytest

from tests.services.ingest.support import NewSender, Sender, event

URL = "/ingest/v1/studies/S1/keys"


@pytest.fixture
def admin(sender: NewSender) -> Sender:
    return sender("study_admin", name="Admin")


def make(admin: Sender, body: str) -> httpx2.Response:
    return admin.request("POST", URL, "application/json", body.encode())


def listed(admin: Sender) -> dict[str, dict[str, Any]]:
    return {key["name"]: key for key in admin.get(URL).json()["keys"]}


def test_a_made_key_works_in_its_study(admin: Sender, client: httpx2.Client) -> None:
    answer = make(admin, '{"name":"EDC","roles":["edc_source"],"source":"urn:edc:rave:acme"}')
    assert answer.status_code == 201
    made = Sender(client, answer.json()["key"])
    assert made.one(event()).status_code == 202
    assert made.one(event("2", source="urn:other")).status_code == 403
    assert made.one(event("2", studyid="S2", STUDYID="S2")).status_code == 404
    key = listed(admin)["EDC"]
    assert (key["id"], key["roles"]) == (answer.json()["id"], ["edc_source"])
    assert answer.json()["key"] not in admin.get(URL).text


def test_an_ended_key_is_listed_as_such(admin: Sender) -> None:
    made = make(admin, '{"name":"EDC","roles":["edc_source"]}').json()["id"]
    assert admin.request("DELETE", f"{URL}/{made}").status_code == 204
    assert listed(admin)["EDC"]["revoked_at"] is not None


INCOMPLETE = [
    "{}",
    '{"name":"x","roles":[]}',
    '{"name":"x","roles":["operator"]}',
    '{"name":"x","roles":["auditor"],"study":"S2"}',
    '{"name":"x\\u0000","roles":["auditor"]}',
    '{"name":"","roles":["auditor"]}',
    '{"name":"x","roles":["auditor"],"expires_at":"2026-01-01T00:00:00"}',
    '{"name":"x","name":"y","roles":["auditor"]}',
]


def test_a_key_is_asked_for_completely(admin: Sender) -> None:
    assert [make(admin, body).status_code for body in INCOMPLETE] == [422] * len(INCOMPLETE)


def test_only_administrators_see_keys(sender: NewSender) -> None:
    for role in ("edc_source", "medical_monitor", "committee_member", "auditor"):
        assert sender(role).get(URL).status_code == 403
    assert sender(("S2", "study_admin")).get(URL).status_code == 404


def test_a_key_of_several_studies_shows_and_loses_only_what_is_ones_own(
    sender: NewSender, admin: Sender
) -> None:
    sender(("S1", "auditor"), ("S2", "medical_monitor"), name="Both")
    sender(("S2", "auditor"), name="Foreign")
    keys = listed(admin)
    assert set(keys) == {"Admin", "Both"}
    assert keys["Both"]["roles"] == ["auditor"]
    place = f"{URL}/{keys['Both']['id']}"
    assert admin.request("DELETE", place).status_code == 409
    of_both = sender(("S1", "study_admin"), ("S2", "study_admin"), name="Admin of both")
    assert of_both.request("DELETE", place).status_code == 204
    assert admin.request("DELETE", f"{URL}/unknown").status_code == 404
