"""What a report of an adverse event may say about the clocks of a serious one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.assessment import Assessment, ClockView, SafetyFinding, digest_of
from shared.contracts.facts import AdverseEvent
from tests.contracts.test_golden import golden

EVENT = {"STUDYID": "S1", "USUBJID": "S1-1", "AETERM": "Rash", "AESTDTC": "2026-03-09"}
EVENT |= {"AESER": "Y", "AETOXGR": "3"}


def test_the_course_of_a_report() -> None:
    sent = {"region": "EU", "dtc": "2026-03-12", "report": "follow_up"}
    more = {"aware_dtc": "2026-03-09T08:00+01:00", "submissions": [sent]}
    record = AdverseEvent.model_validate(EVENT | more)
    assert record.submissions[0].report == "follow_up"
    assert AdverseEvent.model_validate(EVENT).submissions == ()


@pytest.mark.parametrize(
    "more",
    [
        {"expected": "Y"},
        {"expected": "U", "rsi_version": "4"},
        {"aware_dtc": "9 March"},
        {"submissions": [{"region": "EU"}]},
        {"submissions": [{"region": "EU", "dtc": "2026-03-12", "report": "second"}]},
    ],
    ids=["expected by nothing", "no decision", "no date", "no day sent", "no such report"],
)
def test_what_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AdverseEvent.model_validate(EVENT | more)


def test_an_assessment_without_findings_is_written_as_before() -> None:
    written = json.loads(
        Assessment.model_validate_json(golden("vigil.assessment.v1")).model_dump_json()
    )
    assert all("safety" not in subject for subject in written["subjects"])


def test_a_clock_is_part_of_what_the_digest_proves() -> None:
    assessment = Assessment.model_validate_json(golden("vigil.assessment.v1"))
    told = [digest_of(_with(assessment, status)) for status in ("running", "overdue")]
    assert len({digest_of(assessment), *told}) == 3


def _with(assessment: Assessment, status: Any) -> Assessment:
    moment = datetime(2026, 3, 10, 8, tzinfo=UTC)
    clock = ClockView(
        id="site", text="report by the site", basis="the site's awareness", region=None,
        day_0=None, last_day=None, started=moment, due=moment, status=status, since=moment,
    )  # fmt: skip
    finding = SafetyFinding(
        kind="sae", id="sae/1", rule="serious", trigger="", urgent=True, onset=date(2026, 3, 9),
        text="Rash", known_at=moment, evidence=(), clocks=(clock,),
    )  # fmt: skip
    subject = assessment.subjects[0].model_copy(update={"safety": (finding,)})
    return assessment.model_copy(update={"subjects": (subject, *assessment.subjects[1:])})
