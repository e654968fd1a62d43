"""The identity rules of the contract, row by row, and that arrival order leaves no trace."""

import itertools
import random
import threading
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine

from tests.services.ingest.support import (
    NewSender,
    Sender,
    count,
    deletion,
    event,
    ndjson,
    published,
)


def outcome(answer: httpx2.Response) -> tuple[int, str]:
    """Status and result; of a problem, the last word of its type."""
    body = answer.json()
    return answer.status_code, body.get("result") or body["type"].rpartition(":")[2]


def test_a_new_record_is_accepted_and_published(edc: Sender, engine: Engine) -> None:
    answer = edc.one(event())
    assert outcome(answer) == (202, "accepted")
    [fact] = published(engine)
    assert (fact.study, fact.kind, fact.revision) == ("S1", "lab", 2)
    receipt = edc.get(answer.headers["location"]).json()
    assert (receipt["result"], receipt["type"], receipt["known_at"]) == (
        "accepted",
        "vigil.lab.v1",
        fact.known_at.isoformat().replace("+00:00", "Z"),
    )


def test_the_same_delivery_again_gets_the_first_receipt(edc: Sender, engine: Engine) -> None:
    first = edc.one(event()).json()
    again = edc.one(event(time="2026-03-09T11:00:00+01:00"))
    assert outcome(again) == (200, "duplicate")
    assert again.json()["receipt"] == first["receipt"]
    assert len(published(engine)) == count(engine, "ingest.delivery") == 1


def test_an_id_with_another_body_is_refused(edc: Sender, engine: Engine) -> None:
    edc.one(event())
    assert outcome(edc.one(event(LBORRES="9.9", revision=3))) == (409, "id-reused")
    assert len(published(engine)) == 1


def test_a_higher_revision_becomes_current(edc: Sender, engine: Engine) -> None:
    edc.one(event("1"))
    assert outcome(edc.one(event("2", revision=3, LBORRES="0.6"))) == (202, "accepted")
    assert [fact.revision for fact in published(engine)] == [2, 3]


def test_the_same_version_by_another_delivery_is_a_duplicate(edc: Sender, engine: Engine) -> None:
    edc.one(event("1"))
    assert outcome(edc.one(event("2"))) == (200, "duplicate")
    assert len(published(engine)) == 1
    assert outcome(edc.one(event("2", revision=4))) == (409, "id-reused")


def test_a_revision_with_other_content_is_kept_and_refused(edc: Sender, engine: Engine) -> None:
    edc.one(event("1"))
    conflict = edc.one(event("2", LBORRES="4.2"))
    assert outcome(conflict) == (409, "revision-conflict")
    assert [e["pointer"] for e in conflict.json()["errors"]] == ["/revision"]
    assert [fact.data["LBORRES"] for fact in published(engine)] == ["0.42", "4.2"]
    assert edc.get(conflict.headers["location"]).json()["result"] == "revision-conflict"


def test_a_repeated_conflict_is_still_a_conflict(edc: Sender, engine: Engine) -> None:
    edc.one(event("1"))
    first = edc.one(event("2", LBORRES="4.2")).json()
    again = edc.one(event("2", LBORRES="4.2"))
    assert outcome(again) == (409, "revision-conflict")
    assert again.json()["receipt"] == first["receipt"]
    assert len(published(engine)) == 2


def test_a_lower_revision_is_history(edc: Sender, engine: Engine) -> None:
    edc.one(event("1", revision=5))
    assert outcome(edc.one(event("2", revision=4, LBORRES="1"))) == (202, "superseded")
    assert outcome(edc.one(event("3", revision=4, LBORRES="2"))) == (409, "revision-conflict")
    assert len(published(engine)) == 3


def test_a_tombstone_keeps_late_revisions_dead(edc: Sender, engine: Engine) -> None:
    assert outcome(edc.one(deletion("1", revision=3))) == (202, "tombstone")
    assert outcome(edc.one(event("2", revision=2))) == (202, "superseded")
    assert outcome(edc.one(event("3", revision=4))) == (202, "restored")
    assert outcome(edc.one(deletion("4", revision=5))) == (202, "accepted")


def test_without_revision_the_source_time_orders_then_the_content(edc: Sender) -> None:
    def at(id: str, moment: str, value: str) -> dict[str, Any]:
        changed = event(id, sourcetime=moment, LBORRES=value)
        return {key: value for key, value in changed.items() if key != "revision"}

    noon, one = "2026-03-09T12:00:00Z", "2026-03-09T13:00:00Z"
    assert outcome(edc.one(at("1", one, "1"))) == (202, "accepted")
    assert outcome(edc.one(at("2", noon, "2"))) == (202, "superseded")
    assert outcome(edc.one(at("3", "2026-03-09T14:00:00+01:00", "1"))) == (200, "duplicate")
    results = {edc.one(at(f"v{n}", one, f"2.{n}")).json()["result"] for n in range(8)}
    assert results <= {"accepted", "superseded"}
    assert outcome(edc.one(event("9"))) == (202, "accepted"), "a revision stands above source times"


def test_a_moved_subject_carries_its_correlation(edc: Sender, engine: Engine) -> None:
    moved = {"correlationid": "move-1"}
    edc.one(event("1"))
    edc.one(deletion("2", revision=3, **moved))
    there = event("3", recordid="other", subject="S1-002-001", USUBJID="S1-002-001", **moved)
    assert outcome(edc.one(there)) == (202, "accepted")
    assert [fact.correlationid for fact in published(engine)] == [None, "move-1", "move-1"]


def test_records_of_other_sources_kinds_and_studies_are_others(
    sender: NewSender, engine: Engine
) -> None:
    both = sender(("S1", "edc_source"), ("S2", "edc_source"))
    vital = {"STUDYID": "S1", "USUBJID": "S1-001-003", "VSTESTCD": "SYSBP"}
    vital |= {"VSORRES": "182", "VSDTC": "2026-03-08"}
    results = both.results(
        event("1"),
        event("1", source="urn:lab:other"),
        event("1", studyid="S2", STUDYID="S2"),
        event("2", type="vigil.vital.v1") | {"data": vital},
    )
    assert [line["result"] for line in results] == ["accepted"] * 4
    assert len({fact.fact_id for fact in published(engine)}) == 4


HISTORY = [
    event("1", revision=1, LBORRES="1"),
    event("2", revision=2, LBORRES="2"),
    event("3", revision=2, LBORRES="2.5"),
    deletion("4", revision=3),
    event("5", revision=4, LBORRES="4"),
    event("1", revision=1, LBORRES="1"),
]


def in_study(study: str, event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "studyid": study, "data": {**event["data"], "STUDYID": study}}


def test_the_facts_do_not_depend_on_order_repetition_or_chunks(
    sender: NewSender, engine: Engine
) -> None:
    orders = random.Random(1).sample(list(itertools.permutations(HISTORY)), 12)
    for number, order in enumerate(orders):
        study = f"ORDER-{number}"
        mine = sender((study, "edc_source"))
        for chunk in (order[:2], order[2:3], order[1:]):
            mine.results(*(in_study(study, event) for event in chunk))
    by_study: dict[str, set[tuple[Any, ...]]] = {}
    for fact in published(engine):
        version = (fact.revision, fact.op, fact.data.get("LBORRES"))
        known = by_study.setdefault(fact.study, set())
        assert version not in known
        known.add(version)
    assert len(by_study) == len(orders)
    assert all(versions == by_study["ORDER-0"] for versions in by_study.values())
    assert len(by_study["ORDER-0"]) == 5


@pytest.mark.parametrize("media", ["one", "lines", "batch"])
def test_identical_posts_at_once_count_once(edc: Sender, engine: Engine, media: str) -> None:
    start = threading.Barrier(8)
    answers: list[httpx2.Response] = []

    def post() -> None:
        start.wait()
        for number in range(5):
            document = event(f"e{number}", recordid=f"r{number}")
            if media == "one":
                answers.append(edc.one(document))
            elif media == "batch":
                answers.append(edc.batch([document]))
            else:
                answers.append(edc.lines(ndjson([document])))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 40
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len(published(engine)) == 5
    assert count(engine, "ingest.delivery") == count(engine, "ingest.version") == 5
