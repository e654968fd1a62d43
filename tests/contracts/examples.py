"""Synthetic events: one of each record kind, as the event contract documents them."""

from __future__ import annotations

from typing import Any

DIGEST = "sha256:" + "0123456789abcdef" * 4

DATA: dict[str, dict[str, Any]] = {
    "subject": {"SUBJID": "003", "RFICDTC": "2026-02-27", "SEX": "F", "AGE": 61},
    "cohort_assignment": {
        "cohort_id": "DL2",
        "assigned_dtc": "2026-03-01",
        "planned_dose": "40",
        "dose_unit": "mg",
        "slot": 3,
    },
    "dose": {
        "ECTRT": "ABC-101",
        "ECOCCUR": "N",
        "ECSTDTC": "2026-03-08",
        "ECREASOC": "ADVERSE EVENT",
        "cycle": 1,
        "cycle_day": 8,
    },
    "lab": {
        "SITEID": "001",
        "LBTESTCD": "NEUT",
        "LBSPEC": "BLOOD",
        "LBORRES": "0.42",
        "LBORRESU": "10^9/L",
        "LBORNRLO": "1.8",
        "LBORNRHI": "7.5",
        "LBDTC": "2026-03-09T08:15",
        "VISIT": "C1D8",
        "VISITNUM": 2.1,
    },
    "vital": {
        "VSTESTCD": "SYSBP",
        "VSORRES": "182",
        "VSORRESU": "mmHg",
        "VSDTC": "2026-03-08T09:00",
    },
    "ecg": {
        "EGTESTCD": "QTCF",
        "EGORRES": "503",
        "EGORRESU": "msec",
        "EGDTC": "2026-03-08T09:10",
        "EGREPNUM": 1,
    },
    "adverse_event": {
        "AETERM": "Febrile neutropenia",
        "AEDECOD": "Febrile neutropenia",
        "AETOXGR": "3",
        "AESER": "Y",
        "AESHOSP": "Y",
        "AEREL": "RELATED",
        "AEACN": "DRUG INTERRUPTED",
        "AEOUT": "RECOVERING/RESOLVING",
        "AESTDTC": "2026-03",
        "AEENRTPT": "ONGOING",
        "grade_changes": [{"dtc": "2026-03-12", "grade": "4"}],
    },
    "tumour_response": {
        "RSTESTCD": "OVRLRESP",
        "RSCAT": "RECIST 1.1",
        "RSORRES": "SD",
        "RSDTC": "2026-04-20",
    },
    "disposition": {
        "DSDECOD": "ADVERSE EVENT",
        "DSSCAT": "STUDY TREATMENT",
        "DSSTDTC": "2026-03-12",
    },
    "concomitant": {"CMTRT": "PLATELETS", "category": "transfusion", "CMSTDTC": "2026-03-16"},
    "review_complete": {"domain": "ALL", "complete_through": "2026-03-21"},
    "dlt_review": {
        "decision": "DLT",
        "decided_dtc": "2026-03-13",
        "criterion_id": "febrile-neutropenia",
        "assessment_digest": DIGEST,
        "evaluable": True,
        "linked_recordids": ["003/AE/AE/1/IG.AE[2]"],
    },
    "decision": {
        "action": "escalate",
        "decided_dtc": "2026-03-25",
        "dose_level": 3,
        "assessment_digest": DIGEST,
        "rationale": "0/3 at 2 mg/kg",
    },
    "protocol": {"version": "1", "document": "study: S1\n"},
}


def event(kind: str = "lab", *, without: str | None = None, **changes: Any) -> dict[str, Any]:
    """A complete event; ``changes`` replace envelope attributes, ``data`` is merged into the data,
    ``without`` leaves one data field out."""
    about_study = kind in ("decision", "protocol")
    subject = "S1" if about_study else "S1-001-003"
    data = {"STUDYID": "S1", **DATA[kind], **changes.pop("data", {})}
    if not about_study:
        data = {"USUBJID": subject, **data}
    if without is not None:
        del data[without]
    envelope = {
        "specversion": "1.0",
        "id": f"a1-{kind}",
        "source": "urn:edc:rave:acme",
        "type": f"vigil.{kind}.v1",
        "time": "2026-03-09T10:02:11+01:00",
        "subject": subject,
        "studyid": "S1",
        "recordid": "003/C1D8/LAB/1/IG.LB[4]",
        "revision": 2,
        "reason": "Transcription error",
    }
    return {**envelope, **changes, "data": data}


def deletion(kind: str = "lab", **changes: Any) -> dict[str, Any]:
    """The deletion of a record: whose it was, and nothing clinical."""
    whole = event(kind, op="delete", reason="Wrong subject", revision=3)
    kept = {key: whole["data"][key] for key in ("STUDYID", "USUBJID") if key in whole["data"]}
    return {**whole, "data": kept, **changes}
