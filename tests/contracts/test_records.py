"""Each record kind: what it accepts, what it keeps, what it refuses and where it points."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.envelope import read_event
from shared.contracts.facts import KINDS, PERSONS_ACTS, STUDY_KINDS
from shared.contracts.reader import Refused
from tests.contracts.examples import DATA, event

REQUIRED = {
    "subject": ["SUBJID", "RFICDTC"],
    "cohort_assignment": ["cohort_id", "assigned_dtc"],
    "dose": ["ECTRT", "ECOCCUR", "ECSTDTC"],
    "lab": ["LBTESTCD", "LBDTC"],
    "vital": ["VSTESTCD", "VSDTC", "VSORRES"],
    "ecg": ["EGTESTCD", "EGDTC", "EGORRES"],
    "adverse_event": ["AETERM", "AESTDTC", "AESER"],
    "tumour_response": ["RSTESTCD", "RSDTC", "RSORRES"],
    "disposition": ["DSDECOD", "DSSTDTC"],
    "concomitant": ["CMTRT", "CMSTDTC"],
    "review_complete": ["domain", "complete_through"],
    "dlt_review": ["decision", "decided_dtc", "criterion_id", "assessment_digest"],
    "decision": ["action", "decided_dtc", "dose_level", "assessment_digest"],
    "protocol": ["version", "document"],
}
KIND_AND_FIELD = [(kind, field) for kind, fields in REQUIRED.items() for field in fields]


def refused(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        read_event(document)
    return {problem.pointer: problem.code for problem in caught.value.problems}


def test_the_kinds_are_the_contracts() -> None:
    assert set(KINDS) == set(REQUIRED) == set(DATA)
    assert {"dlt_review", "decision", "protocol"} == PERSONS_ACTS
    assert {"decision", "protocol"} == STUDY_KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_example_reads_back(kind: str) -> None:
    document = event(kind)
    read, record = read_event(document)
    assert read.kind == kind
    assert type(record) is KINDS[kind]
    assert record.model_dump(mode="json", exclude_unset=True) == document["data"]


@pytest.mark.parametrize(("kind", "field"), KIND_AND_FIELD)
def test_required_field(kind: str, field: str) -> None:
    assert refused(event(kind, without=field)) == {f"/data/{field}": "missing"}


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_upper_case_is_kept_and_lower_case_refused(kind: str) -> None:
    _, record = read_event(event(kind, data={"XXTEST1": {"any": ["thing"]}, "XX_2": None}))
    assert record is not None
    assert record.supp == {"XXTEST1": {"any": ["thing"]}, "XX_2": None}
    for key in ("cohort_ld", "Xxtest", "XX-1", "1XX", "", "xx/y~"):
        pointer = "/data/" + key.replace("~", "~0").replace("/", "~1")
        assert refused(event(kind, data={key: "x"})) == {pointer: "unknown-field"}


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("lab", "LBORRES", 0.42),
        ("lab", "LBORNRLO", 1.8),
        ("lab", "LBDTC", "09/03/2026"),
        ("lab", "LBFAST", "yes"),
        ("lab", "LBSTAT", "DONE"),
        ("lab", "LBTESTCD", ""),
        ("lab", "LBORRES", "x" * 4001),
        ("lab", "USUBJID", None),
        ("subject", "AGE", "61"),
        ("subject", "AGE", -1),
        ("subject", "AGE", True),
        ("subject", "RFICDTC", "2026-02-30"),
        ("cohort_assignment", "dose_level", 0),
        ("cohort_assignment", "planned_dose", "40 mg"),
        ("cohort_assignment", "planned_dose", "-40"),
        ("cohort_assignment", "planned_dose", "٤٠"),
        ("cohort_assignment", "part", "phase 2"),
        ("dose", "ECOCCUR", "U"),
        ("dose", "cycle", "1"),
        ("dose", "ECDOSE", 40),
        ("adverse_event", "AETOXGR", "6"),
        ("adverse_event", "AETOXGR", "3\n"),
        ("adverse_event", "AETOXGR", 3),
        ("adverse_event", "AESEV", "mild"),
        ("adverse_event", "AESER", "U"),
        ("adverse_event", "AESHOSP", "maybe"),
        ("concomitant", "category", "surgery"),
        ("review_complete", "domain", "VS"),
        ("dlt_review", "decision", "MAYBE"),
        ("dlt_review", "assessment_digest", "sha256:123"),
        ("dlt_review", "assessment_digest", "sha256:" + "A" * 64),
        ("dlt_review", "evaluable", "Y"),
        ("decision", "action", "wait"),
        ("decision", "dose_level", 1.0),
        ("decision", "lifts_hold", 1),
        ("protocol", "document", ""),
    ],
)
def test_refused_value(kind: str, field: str, value: Any) -> None:
    assert list(refused(event(kind, data={field: value}))) == [f"/data/{field}"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"LBORRES": None}, "/data/LBORRES"),
        ({"LBORRES": "  "}, "/data/LBORRES"),
        ({"LBSTAT": "NOT DONE", "LBREASND": "hemolysed"}, "/data/LBORRES"),
        ({"LBORRES": None, "LBSTAT": "NOT DONE"}, "/data/LBREASND"),
    ],
)
def test_a_lab_has_a_result_or_a_reason(changes: dict[str, Any], pointer: str) -> None:
    assert refused(event("lab", data=changes)) == {pointer: "result-or-reason"}


def test_a_lab_not_done_is_a_record() -> None:
    _, record = read_event(
        event("lab", data={"LBORRES": None, "LBSTAT": "NOT DONE", "LBREASND": "hemolysed"})
    )
    assert record is not None


def test_an_adverse_event_has_a_grade_or_a_severity() -> None:
    assert refused(event("adverse_event", without="AETOXGR")) == {
        "/data/AETOXGR": "grade-or-severity"
    }
    _, record = read_event(event("adverse_event", without="AETOXGR", data={"AESEV": "SEVERE"}))
    assert record is not None


def test_every_problem_is_named_at_once() -> None:
    broken = event("dose", data={"ECOCCUR": "?", "ECSTDTC": "soon", "cycle": 0})
    assert set(refused(broken)) == {"/data/ECOCCUR", "/data/ECSTDTC", "/data/cycle"}


SECRET = "Jane Doe"


@pytest.mark.parametrize("kind", KINDS)
def test_no_problem_repeats_a_value(kind: str) -> None:
    """Health data must not reach an error body: every field wrong at once, none of it echoed."""
    wrong = {field: [SECRET] for field in DATA[kind]} | {"USUBJID": SECRET, "cohort_ld": SECRET}
    with pytest.raises(Refused) as caught:
        read_event(event(kind, data=wrong))
    assert len(caught.value.problems) >= len(REQUIRED[kind])
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.problems)


@pytest.mark.parametrize("kind", KINDS)
def test_no_problem_repeats_a_text(kind: str) -> None:
    texts = {field: SECRET for field, value in DATA[kind].items() if isinstance(value, str)}
    try:
        read_event(event(kind, data=texts))
    except Refused as problems:
        said = str(problems) + repr(problems.problems)
    else:
        said = ""
    assert SECRET not in said
