"""The digest of an assessment: RFC 8785, blind to when things became known, to nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.assessment import (
    Assessment,
    Query,
    SubjectAssessment,
    digest_of,
    document_of,
)
from tests.contracts.messages import assessment

LEFT_OUT = ("digest", "engine", "applied_through", "known_at")


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without(member) for key, member in value.items() if key not in LEFT_OUT}
    return [without(member) for member in value] if isinstance(value, list) else value


def reference_digest(found: Assessment) -> str:
    """By the independent implementation of RFC 8785."""
    canonical = rfc8785.dumps(without(json.loads(found.model_dump_json())))
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def test_digest_is_sha256_over_rfc_8785() -> None:
    assert digest_of(assessment()) == reference_digest(assessment())


@given(st.text(st.characters(codec="utf-8")), st.integers(-(2**53) + 1, 2**53 - 1))
def test_digest_is_rfc_8785_for_any_text_and_number(text: str, number: int) -> None:
    found = assessment().model_copy(update={"study": text, "rp2d": number})
    assert digest_of(found) == reference_digest(found)


def test_digest_is_blind_to_when_it_was_known_and_by_what_engine() -> None:
    found = assessment()
    later = json.loads(found.model_dump_json())

    def move(value: Any) -> None:
        members = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict) and value.get("known_at"):
            value["known_at"] = "2027-01-01T00:00:00Z"
        for member in members:
            if isinstance(member, dict | list):
                move(member)

    move(later)
    later |= {"engine": "9.9", "applied_through": None, "digest": "sha256:other"}
    moved = Assessment.model_validate_json(json.dumps(later))
    assert moved != found
    assert digest_of(moved) == found.digest


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in items:
        if key in LEFT_OUT:
            continue
        if isinstance(member, dict | list) and member:
            yield from places(member, (*path, key))
        else:
            yield (*path, key)


DUMP = json.loads(assessment().model_dump_json())


@pytest.mark.parametrize("path", list(places(DUMP)), ids=lambda path: "/".join(map(str, path)))
def test_digest_sees_everything_else(path: tuple[str | int, ...]) -> None:
    changed = json.loads(json.dumps(DUMP))
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = "altered"
    for name, part in (("queries", Query), ("subjects", SubjectAssessment)):
        changed[name] = [part.model_construct(**one) for one in changed[name]]
    found = Assessment.model_construct(**changed)
    with pytest.warns(UserWarning, match="serialized value may not be as expected"):
        assert digest_of(found) != DUMP["digest"]


@given(st.text(st.characters(codec="utf-8")), st.booleans())
def test_the_document_is_what_pydantic_writes(text: str, sparse: bool) -> None:
    found = assessment()
    (first, *others) = found.subjects
    changed = {"study": text, "subjects": (first.model_copy(update={"why": text}), *others)}
    left_out = {"queries": (), "stopping": (), "stale_since": None} if sparse else {}
    for one in (found, found.model_copy(update=changed | left_out)):
        assert document_of(one) == one.model_dump_json()


def test_a_part_is_never_taken_for_one_that_was_put_away() -> None:
    found = assessment()
    for time in range(3):
        asked = [found.queries[0].model_copy(update={"id": f"{time}/{n}"}) for n in range(2_000)]
        one = found.model_copy(update={"queries": tuple(asked)})
        assert document_of(one) == one.model_dump_json()


def test_an_instant_has_one_spelling() -> None:
    found = assessment()
    assert found.as_of == datetime(2026, 3, 10, tzinfo=UTC)
    assert json.loads(found.model_dump_json())["as_of"] == "2026-03-10T00:00:00Z"


def test_a_second_person_is_in_the_digest_and_nobody_is_not() -> None:
    found = assessment()
    alone = found.decisions[0]
    assert "countersigned_by" not in alone.model_dump()
    both = alone.model_copy(update={"countersigned_by": "Second member"})
    countersigned = found.model_copy(update={"decisions": (both, *found.decisions[1:])})
    assert digest_of(countersigned) == reference_digest(countersigned) != found.digest
