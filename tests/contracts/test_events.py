"""The envelope: required attributes, identity checks, versions, deletions, hashes, facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.envelope import (
    MAX_REVISION,
    Fact,
    body_hash,
    content_hash,
    fact_from,
    read_event,
    read_fact,
)
from shared.contracts.facts import KINDS
from shared.contracts.reader import Refused
from tests.contracts.examples import deletion, event

KNOWN = datetime(2026, 3, 9, 9, 5, tzinfo=UTC)


def refused(document: Any) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        read_event(document)
    return {problem.pointer: problem.code for problem in caught.value.problems}


def fact(document: dict[str, Any], known_at: datetime = KNOWN) -> Fact:
    return fact_from(read_event(document)[0], known_at)


@pytest.mark.parametrize(
    "name",
    ["specversion", "id", "source", "type", "time", "subject", "studyid", "recordid", "data"],
)
def test_required_attribute(name: str) -> None:
    document = event()
    del document[name]
    assert refused(document) == {f"/{name}": "missing"}


@pytest.mark.parametrize("document", [None, 3, "x", [], [event()]])
def test_not_an_event(document: Any) -> None:
    assert list(refused(document)) == [""]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("id", ""),
        ("id", "x" * 257),
        ("id", 7),
        ("studyid", "S1/../S2"),
        ("studyid", "S1\n"),
        ("studyid", "x" * 65),
        ("type", "vigil.lab.v2"),
        ("type", "lab"),
        ("revision", 0),
        ("revision", "2"),
        ("revision", 2.0),
        ("revision", True),
        ("revision", MAX_REVISION + 1),
        ("op", "insert"),
        ("datacontenttype", "text/xml"),
        ("unheard_of", "x"),
    ],
)
def test_refused_attribute(name: str, value: Any) -> None:
    assert list(refused(event(**{name: value}))) == [f"/{name}"]


def test_data_is_an_object() -> None:
    assert refused({**event(), "data": []}) == {"/data": "dict-type"}


def test_unknown_type() -> None:
    assert refused(event(type="vigil.labs.v1")) == {"/type": "unknown-type"}


def test_a_version_is_needed() -> None:
    document = event()
    del document["revision"]
    assert refused(document) == {"/revision": "version-missing"}
    read_event({**document, "sourcetime": "2026-03-09T08:00:00Z"})


@pytest.mark.parametrize("kind", KINDS)
def test_the_study_of_envelope_and_data_must_agree(kind: str) -> None:
    assert refused(event(kind, studyid="S2")) == {"/data/STUDYID": "differs"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_subject_of_envelope_and_data_must_agree(kind: str) -> None:
    assert refused(event(kind, subject="S1-001-004")) == {"/subject": "differs"}
    assert refused(deletion(kind, subject="S1-001-004")) == {"/subject": "differs"}


@pytest.mark.parametrize("kind", KINDS)
def test_deletion(kind: str) -> None:
    read, record = read_event(deletion(kind))
    assert read.op == "delete"
    assert record is None


def test_a_deletion_carries_no_clinical_field_and_says_why() -> None:
    assert refused(event(op="delete"))["/data/LBORRES"] == "extra-forbidden"
    assert refused(deletion(reason=None)) == {"/reason": "reason-missing"}
    assert refused(deletion(reason="  ")) == {"/reason": "reason-missing"}


def test_a_deletion_names_its_subject() -> None:
    nameless = deletion()
    del nameless["data"]["USUBJID"]
    assert refused(nameless) == {"/subject": "differs"}


def test_a_retry_is_the_same_body_whenever_it_is_sent() -> None:
    first, again = event(), event(time="2026-03-09T11:00:00Z", traceparent="00-ab")
    assert body_hash(first) == body_hash(again)
    assert body_hash(first) != body_hash(event(data={"LBORRES": "0.43"}))
    assert body_hash(first) != body_hash(event(id="other"))


def test_key_order_is_not_content() -> None:
    document = event()
    turned = {**document, "data": dict(reversed(list(document["data"].items())))}
    assert body_hash(document) == body_hash(dict(reversed(list(turned.items()))))
    assert fact(document).fact_id == fact(turned).fact_id


def test_a_fact_is_its_version_however_it_was_delivered() -> None:
    first = fact(event())
    again = fact(
        event(id="a2-1", time="2026-04-01T00:00:00Z", reason="resent"),
        datetime(2026, 4, 1, tzinfo=UTC),
    )
    assert again.fact_id == first.fact_id
    assert first.record == ("urn:edc:rave:acme", "S1", "lab", "003/C1D8/LAB/1/IG.LB[4]")


@pytest.mark.parametrize(
    "changed",
    [
        {"revision": 3},
        {"source": "urn:lab:x"},
        {"recordid": "other"},
        {"data": {"LBORRES": "0.43"}},
        {"data": {"LBXTRA": "x"}},
    ],
)
def test_another_version_is_another_fact(changed: dict[str, Any]) -> None:
    assert fact(event(**changed)).fact_id != fact(event()).fact_id


def test_deleting_is_another_content() -> None:
    kept, _ = read_event(deletion())
    gone = kept.model_copy(update={"op": "upsert"})
    assert content_hash(kept) != content_hash(gone)


def test_source_times_order_versions_without_a_number_in_any_zone() -> None:
    unnumbered: dict[str, Any] = {"revision": None}
    early = fact(event(**unnumbered, sourcetime="2026-03-09T10:00:00+02:00"))
    late = fact(event(**unnumbered, sourcetime="2026-03-09T09:00:00Z"))
    same = fact(event(**unnumbered, sourcetime="2026-03-09T08:00:00Z"))
    assert early.version < late.version
    assert early.fact_id == same.fact_id
    assert fact(event(revision=9)).version < fact(event(revision=10)).version


def test_a_fact_reads_back() -> None:
    stated = fact(event())
    assert read_fact(stated.model_dump_json()) == stated
    assert read_fact(stated.model_dump_json().encode()) == stated
    with pytest.raises(ValidationError):
        read_fact('{"contract": "vigil.fact.v2"}')
