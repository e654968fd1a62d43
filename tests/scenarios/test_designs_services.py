"""Studies under other designs, told to the running services over HTTP as they happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.demo import STUDY
from services.demo.story import post_events
from shared.clinical.protocol import day_ends
from shared.clinical.rehearsal import Expectation, Stage, read_case, unmet
from shared.clinical.rehearsal.case import moment
from shared.contracts.envelope import Fact
from shared.runtime.auth import create_key
from tests.clinical.stories import PROTOCOL
from tests.scenarios.installation import Installation, installation

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "designs"
TOLD = ("bf_boin", "tite_crm", "two_stage", "stopping_expansion")
_ROLES = {"dlt_review": "medical_monitor", "decision": "committee_member"}


@pytest.mark.parametrize("name", TOLD)
def test_a_study_live(name: str, new_database: Callable[[], str]) -> None:
    case = read_case((FOLDER / f"{name}.yaml").read_text("utf-8"))
    stage = Stage(PROTOCOL.read_text("utf-8"), case.protocol)
    stage.tell(case.given)
    with installation(new_database()) as vigil:
        assert not list(_misses(vigil, stage, case.then))


def _misses(vigil: Installation, stage: Stage, then: list[Expectation]) -> Iterator[str]:
    """Post what became known, moment by moment; what is expected in between and is not so."""
    first, *facts = sorted(stage.facts, key=lambda fact: fact.known_at)
    keys = _keys(vigil)
    vigil.clock.set(first.known_at)
    _put(vigil, keys["study_admin"], first)
    told = 1
    for at, expected in _in_time(stage, then):
        due = [fact for fact in facts[told - 1 :] if fact.known_at <= at]
        for now, group in groupby(due, key=lambda fact: fact.known_at):
            vigil.clock.set(now)
            told += _post(vigil, keys, list(group))
            vigil.wait_for_facts(told)
        vigil.clock.set(at)
        yield from unmet(vigil.assessment(), expected)
        raised = {one.type.value for one in vigil.signals()}
        yield from (f"{at}: no {one} was raised" for one in set(expected.raised) - raised)


def _in_time(stage: Stage, then: list[Expectation]) -> list[tuple[datetime, Expectation]]:
    zone = stage.protocol.zone()
    dated = [
        (day_ends(stage.last, zone) if one.at == "end" else moment(one.at, zone), one)
        for one in then
    ]
    return sorted(dated, key=lambda pair: pair[0])


def _keys(vigil: Installation) -> dict[str, str]:
    roles = ("edc_source", "study_admin", *_ROLES.values())
    with vigil.engine.begin() as conn:
        return {role: create_key(conn, f"a {role}", [(STUDY, role)]) for role in roles}


def _put(vigil: Installation, key: str, fact: Fact) -> None:
    assert fact.data is not None
    answer = httpx2.put(
        f"{vigil.url}/ingest/v1/studies/{STUDY}/protocol",
        content=fact.data["document"],
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/yaml"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    vigil.wait_for_facts(1)


def _post(vigil: Installation, keys: dict[str, str], facts: list[Fact]) -> int:
    with httpx2.Client(base_url=vigil.url, timeout=60) as client:
        for fact in facts:
            key = keys[_ROLES.get(fact.kind, "edc_source")]
            post_events(client, key, [_event_of(fact)])
    return len(facts)


def _event_of(fact: Fact) -> dict[str, Any]:
    """The event as its source would have sent it: whose act it is, says the key."""
    own = ("source", "subject", "recordid", "revision", "op", "data")
    return {
        "specversion": "1.0",
        "id": fact.fact_id,
        "type": f"vigil.{fact.kind}.v1",
        "time": fact.known_at.isoformat(),
        "studyid": fact.study,
        **({"reason": fact.reason} if fact.reason else {}),
        **{name: getattr(fact, name) for name in own},
    }
