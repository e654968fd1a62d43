"""Histories that would end as "fine" if anything in doubt were read the hopeful way.

Each case tells three subjects at the first dose; two complete it, and what is said of the third
decides whether the next dose opens.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinical.safe_side_support import (
    CLEAN,
    COHORT,
    NO_DIGEST,
    Step,
    misses,
    one,
    record,
    said,
)


def test_the_cohort_escalates_where_nothing_is_said_of_the_third() -> None:
    assert one("completed", action="escalate") == []


# -- a change that names neither a reason nor a person --------------------------------------------

NOT_GIVEN: Step = record(
    "dose", "day 22", ECTRT="LVGN6051", ECOCCUR="N", ECSTDTC="2026-03-23", planned_dose="100",
    cycle=2, ECREASOC="ADVERSE EVENT",
) | {"as": "late"}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "status", "action"), [(None, "dlt_candidate", "wait"), ("typo", "completed", None)]
)
def test_another_reason_for_a_late_dose_needs_one_itself(
    reason: str | None, status: str, action: str | None
) -> None:
    steps: list[Step] = [
        NOT_GIVEN,
        said("dose", day=1, treatment="ANLOTINIB"),
        record("review_complete", "day 40", domain="ALL", complete_through="2026-04-09"),
        {"revise": {"record": "late", "known": "day 41", "ECREASOC": "HOLIDAY", "reason": reason}},
    ]
    expected = action or "escalate"
    assert one(status, *steps, cohort=COHORT, action=expected) == []


@pytest.mark.parametrize("given", ["10", "100"])
def test_a_dose_does_not_become_enough_without_a_reason(given: str) -> None:
    dose = {"ECTRT": "ANLOTINIB", "ECOCCUR": "Y", "ECSTDTC": "2026-03-03", "planned_dose": "100"}
    steps = [
        record("dose", "day 2", **dose, ECDOSE=given, recordid="d", cycle=1),
        record("dose", "day 3", **dose, ECDOSE="100", recordid="d", cycle=1, revision=2),
    ]
    if given == "100":
        assert one("completed", *steps, action="escalate") == []
    else:
        assert one("not_evaluable", *steps, asked=["without reason or person"]) == []


def test_what_was_missing_of_a_dose_may_be_added() -> None:
    dose = {"ECTRT": "ANLOTINIB", "ECOCCUR": "Y", "ECSTDTC": "2026-03-03", "cycle": 1}
    steps = [
        record("dose", "day 2", **dose, recordid="d"),
        record("dose", "day 3", **dose, recordid="d", revision=2, ECDOSE="9", planned_dose="9"),
    ]
    assert one("completed", *steps, action="escalate") == []


@pytest.mark.parametrize("evaluable", [True, None])
def test_who_is_not_evaluable_stays_so_until_somebody_says_why(evaluable: bool | None) -> None:
    through = {"domain": "ALL", "complete_through": "2026-03-22", "recordid": "form"}
    steps = [
        record("review_complete", "day 22", **through, evaluable=False),
        record("review_complete", "day 23", **through, evaluable=evaluable, revision=2),
    ]
    assert one("not_evaluable", *steps, asked=["without reason or person"]) == []
    steps[-1]["record"]["reason"] = "wrong box ticked"
    assert one("completed", *steps, action="escalate") == []


# -- what a report says of an event beside its grade ----------------------------------------------


@pytest.mark.parametrize(
    ("grade", "threatened", "status"),
    [
        (2, "N", "completed"),
        (2, "U", "completed"),
        (2, "Y", "open"),
        (3, "N", "dlt_candidate"),
        (3, "Y", "dlt_candidate"),
    ],
)
def test_what_threatened_life_is_not_taken_for_less(
    grade: int, threatened: str, status: str
) -> None:
    event = said("event", term="Stroke", grade=grade, onset=10, AESLIFE=threatened, AESER="Y")
    asked = ["called life-threatening"] if threatened == "Y" else []
    action = "escalate" if status == "completed" else "wait"
    assert one(status, event, action=action, asked=asked) == []


def test_that_an_event_threatened_life_is_not_taken_back_silently() -> None:
    event = said("event", term="Stroke", grade=2, onset=10, AESLIFE="Y", AESER="Y") | {"as": "ae"}
    again = {"revise": {"record": "ae", "known": "day 22", "AESLIFE": "N"}}
    assert one("open", event, again) == []
    again["revise"]["reason"] = "misread"
    assert one("completed", event, again, action="escalate") == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [(-5, "dlt_candidate"), (9, "dlt_candidate"), (10, "dlt_candidate"), (22, "completed")],
)
def test_no_event_has_a_grade_before_it_begins(changed: int, status: str) -> None:
    event = said("event", term="Stroke", grade=2, onset=10, grade_from_day={changed: 4})
    if changed > 10:
        event["event"]["grade_from_day"] = {10: 2, changed: 4}
    asked = ["changes its grade before it begins"] if changed < 10 else []
    action = "escalate" if status == "completed" else "wait"
    assert one(status, event, action=action, asked=asked) == []


# -- a hold, and the meeting that lifts it --------------------------------------------------------


@pytest.mark.parametrize(("met", "action"), [(10, "hold"), (12, "wait")])
def test_a_meeting_lifts_no_hold_for_a_death_it_did_not_know(met: int, action: str) -> None:
    steps: list[Step] = [
        *({"enrol": {"subject": name}} for name in ("1-01", "1-02", "1-03")),
        said("event", term="Stroke", grade=5, onset=10, known="day 11"),
        {
            "decide": {
                "action": "stay", "level": 1, "known": "day 13", "lifts_hold": True,
                "decided_dtc": f"2026-03-{met + 1:02}",
            }
        },
    ]  # fmt: skip
    assert misses(steps, subjects={"1-03": "dlt_candidate"}, action=action) == []


# -- where treatment began, and in which cohort ---------------------------------------------------

LOW: Step = said("lab", test="PLAT", result="20", taken="day 10")
BEFORE: Step = record(
    "dose", "day 14", ECTRT="LVGN6051", ECOCCUR="Y", ECSTDTC="2026-01-02", ECDOSE="100",
    planned_dose="100", cycle=1,
)  # fmt: skip


@pytest.mark.parametrize("judged", [True, False])
def test_a_dose_entered_late_moves_no_toxicity_out_of_the_window(judged: bool) -> None:
    confirmed = [{"review": {"subject": "1-03", "decision": "DLT", "known": "day 12"}}]
    steps = [LOW, *(confirmed if judged else ()), BEFORE]
    status, action = ("dlt", "expand") if judged else ("dlt_candidate", "wait")
    assert one(status, *steps, action=action, asked=["which day treatment began"]) == []


def test_a_dose_entered_late_with_a_reason_says_when_treatment_began() -> None:
    earlier = {"record": {**BEFORE["record"], "ECSTDTC": "2026-02-01", "reason": "ward's list"}}
    assert misses([*CLEAN, LOW, earlier], late={"1-03": ["platelets-g4"]}) == []


@pytest.mark.parametrize(
    ("assigned", "level", "part", "conflict"),
    [
        ("2026-03-01", 1, "expansion", True),
        ("2026-03-02", 1, "expansion", True),
        ("2026-03-01", 3, "escalation", True),
        ("2026-03-03", 1, "expansion", False),
    ],
)
def test_another_assignment_takes_no_candidate_out_of_its_cohort(
    assigned: str, level: int, part: str, conflict: bool
) -> None:
    other = record(
        "cohort_assignment", "day 12", cohort_id="X", assigned_dtc=assigned, dose_level=level,
        part=part,
    )  # fmt: skip
    asked = ["first assignments differ"] if conflict else []
    counts: Any = (0, 1, 1, 2, "open")
    assert one("dlt_candidate", LOW, other, doses={1: counts}, asked=asked) == []


# -- a subject without a first dose ---------------------------------------------------------------

ASSIGNED: Step = record(
    "cohort_assignment", "day 1", cohort_id="1", assigned_dtc="2026-03-02", dose_level=1
)
OTHERS: list[Step] = [{"clean": {"subjects": ["1-01", "1-02", "1-04"]}}, ASSIGNED]


@pytest.mark.parametrize(
    ("related", "action"),
    [("RELATED", "wait"), ("NOT RELATED", "escalate"), ("", "escalate")],
)
def test_what_treatment_did_says_that_there_was_one(related: str, action: str) -> None:
    event = record(
        "adverse_event", "day 10", AETERM="Stroke", AESTDTC="2026-03-10", AESER="Y",
        AETOXGR="4", AEREL=related,
    )  # fmt: skip
    found = misses([*OTHERS, event], action=action, subjects={"NCT05301764-1-03": "not_started"})
    assert found == []


@pytest.mark.parametrize(("given", "action"), [("Y", "wait"), ("N", "escalate")])
def test_another_dose_given_says_that_the_first_is_missing(given: str, action: str) -> None:
    other = record("dose", "day 2", ECTRT="ANLOTINIB", ECOCCUR=given, ECSTDTC="2026-03-03")
    assert misses([*OTHERS, other], action=action) == []


def test_a_confirmed_dlt_counts_without_the_record_of_a_dose() -> None:
    confirmed = {"review": {"subject": "1-03", "decision": "DLT", "known": "day 12"}}
    counts: Any = (1, 0, 0, 4, "open")
    asked = ["a DLT is on record"]
    assert misses([*OTHERS, confirmed], action="wait", doses={1: counts}, asked=asked) == []


# -- what people have judged ----------------------------------------------------------------------


def judged(decision: str, known: str, decided: str) -> Step:
    return record(
        "dlt_review", known, decision=decision, decided_dtc=decided, criterion_id="platelets-g4",
        assessment_digest=NO_DIGEST,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reviews", "status"),
    [
        ([judged("NOT_DLT", "day 12", "2026-03-13"), judged("DLT", "day 14", "2026-03")], "dlt"),
        (
            [
                judged("NOT_DLT", "day 12 10:00", "2027-03-13"),
                judged("DLT", "day 12 16:00", "2026-03-13"),
            ],
            "dlt",
        ),
        (
            [judged("DLT", "day 12", "2026-03-13"), judged("NOT_DLT", "day 14", "2026-03")],
            "dlt",
        ),
        (
            [judged("DLT", "day 12", "2026-03-13"), judged("NOT_DLT", "day 14", "2026-03-15")],
            "completed",
        ),
    ],
)
def test_of_two_judgements_without_a_day_the_confirmation_counts(
    reviews: list[Step], status: str
) -> None:
    action = "expand" if status == "dlt" else "escalate"
    assert one(status, LOW, *reviews, action=action) == []


@pytest.mark.parametrize(
    ("claim", "status"), [("Y", "open"), ("N", "completed"), ("U", "completed")]
)
def test_what_the_investigator_calls_a_dlt_is_for_a_person_to_judge(
    claim: str, status: str
) -> None:
    event = said("event", term="Stroke", grade=2, onset=10, AEDLT=claim) | {"as": "ae"}
    action = "wait" if status == "open" else "escalate"
    assert one(status, event, action=action) == []
    if claim == "Y":
        rejected = judged("NOT_DLT", "day 22", "2026-03-23")
        assert one("completed", event, rejected, action="escalate") == []
        before = judged("NOT_DLT", "day 9", "2026-03-10")
        assert one("open", event, before) == []
        silent = {"revise": {"record": "ae", "known": "day 22", "AEDLT": "N"}}
        assert one("open", event, silent) == []


# -- a record that stands for two subjects --------------------------------------------------------


@pytest.mark.parametrize("taken_back", [True, False])
def test_a_record_moved_to_another_subject_confirms_nothing_of_the_first(taken_back: bool) -> None:
    form = {"kind": "review_complete", "domain": "ALL", "complete_through": "2026-03-22"}
    steps: list[Step] = [
        {"dose": {"subject": "1-03", "day": 1, "treatment": "ANLOTINIB"}},
        {"dose": {"subject": "1-03", "day": 22, "cycle": 2}},
        {"record": {"subject": "1-03", "known": "day 22", "recordid": "form", **form}, "as": "was"},
        *([{"delete": {"record": "was", "known": "day 23"}}] if taken_back else ()),
        {
            "record": {
                "subject": "1-09", "known": "day 23", "recordid": "form", "revision": 3,
                "reason": "wrong subject", **form,
            }
        },
    ]  # fmt: skip
    asked = ["complete"] if taken_back else ["belongs to another subject"]
    assert one("open" if taken_back else "completed", *steps, cohort=COHORT, asked=asked) == []
