"""What the envelope refuses, and that a refusal points at a place of the document."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.envelope import fact_from, read_event
from shared.contracts.reader import Refused

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a1-77",
    "source": "urn:edc:rave:acme",
    "type": "vigil.lab.v1",
    "time": "2026-03-09T10:02:11+01:00",
    "subject": "S1-001-003",
    "studyid": "S1",
    "recordid": "003/C1D8/LAB/1/IG.LB[4]",
    "revision": 2,
    "data": {
        "STUDYID": "S1",
        "USUBJID": "S1-001-003",
        "LBTESTCD": "NEUT",
        "LBORRES": "0.42",
        "LBDTC": "2026-03-09T08:15",
    },
}


def problems(changed: dict[str, Any]) -> dict[str, str]:
    """Pointer to code for everything wrong with the changed event."""
    with pytest.raises(Refused) as refused:
        read_event({**EVENT, **changed})
    return {problem.pointer: problem.code for problem in refused.value.problems}


@pytest.mark.parametrize("name", ["time", "sourcetime", "knowntime"])
@pytest.mark.parametrize("value", [1234, 1.5, "1234", True, "2026-03-09", "2026-03-09T10:02:11"])
def test_an_instant_is_written_out_with_its_offset(name: str, value: Any) -> None:
    assert list(problems({name: value})) == [f"/{name}"]


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_outside_the_calendar_is_refused(value: str) -> None:
    assert problems({"sourcetime": value}) == {"/sourcetime": "out-of-range"}


def test_the_calendars_edges_are_instants() -> None:
    for value in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        event, _ = read_event({**EVENT, "sourcetime": value})
        assert fact_from(event, datetime.now(UTC)).sourcetime == event.sourcetime


def test_a_pointer_names_a_place_of_the_document_not_an_alternative_of_the_schema() -> None:
    data = {**EVENT["data"], "VISITNUM": "2"}
    assert list(problems({"data": data})) == ["/data/VISITNUM"]


def test_a_missing_field_is_pointed_at_where_it_belongs() -> None:
    data = {key: value for key, value in EVENT["data"].items() if key != "LBTESTCD"}
    assert problems({"data": data}) == {"/data/LBTESTCD": "missing"}


def test_a_fault_inside_a_list_is_pointed_at_by_its_index() -> None:
    data = {
        "STUDYID": "S1",
        "USUBJID": "S1-001-003",
        "AETERM": "Nausea",
        "AESTDTC": "2026-03-09",
        "AESER": "N",
        "AETOXGR": "2",
        "grade_changes": [{"dtc": "2026-03-09", "grade": "2"}, {"dtc": "2026-03-10", "grade": "9"}],
    }
    changed = {"type": "vigil.adverse_event.v1", "data": data}
    assert list(problems(changed)) == ["/data/grade_changes/1/grade"]
