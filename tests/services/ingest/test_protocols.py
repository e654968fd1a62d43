"""Protocol documents: checked at the door with line numbers, versioned, published as facts."""

import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine

from shared.clinical import load_protocol
from tests.services.ingest.support import NewSender, Sender, event, published

URL = "/ingest/v1/studies/S1/protocol"
EXAMPLE = Path(__file__).parents[3] / "studies" / "NCT05301764" / "protocol.yaml"


def document(version: str = "1", study: str = "S1") -> str:
    text = EXAMPLE.read_text().replace("study: NCT05301764", f"study: {study}")
    return text.replace('version: "1"', f'version: "{version}"')


def put(somebody: Sender, text: str, media_type: str = "application/yaml") -> httpx2.Response:
    return somebody.request("PUT", URL, media_type, text.encode())


@pytest.fixture
def admin(sender: NewSender) -> Sender:
    return sender("study_admin", name="Dr. Admin")


def test_the_example_is_what_it_says() -> None:
    assert (load_protocol(document("7")).study, load_protocol(document("7")).version) == ("S1", "7")


def test_a_document_becomes_a_fact(admin: Sender, engine: Engine) -> None:
    answer = put(admin, document())
    assert answer.status_code == 202
    assert answer.json()["revision"] == 1
    [fact] = published(engine)
    assert (fact.kind, fact.subject, fact.source, fact.recordid, fact.actor) == (
        "protocol",
        "S1",
        "urn:vigil:protocol",
        "protocol",
        "Dr. Admin",
    )
    assert fact.data == {"STUDYID": "S1", "version": "1", "document": document()}
    assert admin.get(answer.headers["location"]).json()["type"] == "vigil.protocol.v1"


def test_the_same_text_again_changes_nothing(admin: Sender, engine: Engine) -> None:
    first, again = put(admin, document()), put(admin, document())
    assert (again.status_code, again.json()["result"]) == (200, "duplicate")
    assert again.json()["receipt"] == first.json()["receipt"]
    assert len(published(engine)) == 1


def test_another_text_needs_another_version(admin: Sender, engine: Engine) -> None:
    put(admin, document())
    answer = put(admin, document() + "\n# amended\n")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "version-unchanged"
    assert len(published(engine)) == 1


def test_another_text_is_the_next_revision_also_if_it_goes_back(
    admin: Sender, engine: Engine
) -> None:
    texts = [document("1"), document("2"), document("1")]
    assert [put(admin, text).json()["revision"] for text in texts] == [1, 2, 3]
    assert [fact.data["version"] for fact in published(engine)] == ["1", "2", "1"]
    latest = admin.get(URL)
    assert latest.text == document("1")
    assert latest.headers["content-type"].startswith("application/yaml")
    assert latest.headers["vigil-protocol-revision"] == "3"


def test_documents_put_at_once_never_conflict(admin: Sender, engine: Engine) -> None:
    texts = [document(str(number)) for number in range(6)]
    threads = [threading.Thread(target=put, args=(admin, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [fact.revision for fact in published(engine)] == [1, 2, 3, 4, 5, 6]


def test_a_faulty_document_is_refused_with_its_lines(admin: Sender, engine: Engine) -> None:
    text = document().replace("last_day: 21", "last_day: twenty-one")
    line = next(n for n, t in enumerate(text.splitlines(), 1) if "twenty-one" in t)
    answer = put(admin, text)
    assert answer.status_code == 422
    assert f"line {line}:" in answer.json()["errors"][0]["detail"]
    assert published(engine) == []


def test_what_is_no_protocol_of_the_study_is_refused(admin: Sender, engine: Engine) -> None:
    other_study = document(study="S2")
    for text in ("", "words", "a: [1", other_study, "a: \x00", "- &a [*a]", "\ufeff"):
        answer = put(admin, text)
        assert answer.status_code == 422
        assert answer.json()["errors"]
    assert published(engine) == []


def test_a_document_is_utf8_yaml(admin: Sender) -> None:
    assert admin.request("PUT", URL, "application/yaml", b"\xff\xfe").status_code == 422
    assert put(admin, document(), "application/json").status_code == 415


def test_only_an_administrator_puts_and_the_study_reads(sender: NewSender, admin: Sender) -> None:
    for role in ("edc_source", "medical_monitor", "committee_member", "auditor"):
        assert put(sender(role), document()).status_code == 403
    assert admin.get(URL).status_code == 404
    put(admin, document())
    assert sender("committee_member").get(URL).text == document()
    assert sender(("S2", "study_admin")).get(URL).status_code == 404


def as_event(text: str, **changed: Any) -> dict[str, Any]:
    data = {"STUDYID": "S1", "version": "1", "document": text}
    return {**event(type="vigil.protocol.v1", subject="S1", **changed), "data": data}


def test_a_protocol_sent_as_an_event_is_checked_as_well(admin: Sender, engine: Engine) -> None:
    bad = admin.one(as_event("nothing"))
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["pointer"] == "/data/document"
    other_study = admin.one(as_event(document(study="S2")))
    assert other_study.json()["errors"][0]["code"] == "other-study"
    assert admin.one(as_event(document("2"))).json()["errors"][0]["pointer"] == "/data/version"
    assert published(engine) == []
    assert admin.one(as_event(document())).status_code == 202


def test_every_revision_can_be_read_again(admin: Sender, sender: NewSender) -> None:
    put(admin, document("1"))
    put(admin, document("2"))
    listed = sender("auditor").get(f"{URL}/revisions").json()["revisions"]
    assert [(one["revision"], one["version"], one["put_by"]) for one in listed] == [
        (2, "2", "Dr. Admin"),
        (1, "1", "Dr. Admin"),
    ]
    assert admin.get(f"{URL}?revision=1").text == document("1")
    assert admin.get(URL).text == document("2")
    assert admin.get(f"{URL}?revision=3").status_code == 404
    assert sender("edc_source").get(f"{URL}/revisions").status_code == 403
