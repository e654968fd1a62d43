"""Records that say two things at once, or of a subject what cannot be: none ends as "fine" in
silence."""

from __future__ import annotations

import pytest

from tests.clinical.safe_side_support import CLEAN, Step, misses, one, record, said


def platelets(result: str, when: str = "2026-03-11T08:00", **data: str) -> Step:
    """A platelet count of day 10, with its range."""
    body = {"LBTESTCD": "PLAT", "LBORRES": result, "LBORRESU": "10^9/L", "LBDTC": when}
    return record("lab", "day 11", **body, LBORNRLO="125", LBORNRHI="350", **data)


def stroke(grade: str, **data: str) -> Step:
    """A related event, reported on day 12."""
    body = {"AETERM": "Stroke", "AEDECOD": "Stroke", "AESER": "N", "AEREL": "RELATED"}
    return record("adverse_event", "day 12", **body, AETOXGR=grade, **data)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"LBSTRESN": "20", "LBSTRESU": "10^9/L"}, "open"),
        ({"LBSTRESN": "100", "LBSTRESU": "10^9/L"}, "open"),
        ({"LBSTRESN": "400", "LBSTRESU": "10^9/L"}, "open"),
        ({"LBSTRESN": "101", "LBSTRESU": "10^9/L"}, "completed"),
        ({"LBSTRESN": "399", "LBSTRESU": "10^9/L"}, "completed"),
        ({"LBSTRESN": "200000", "LBSTRESU": "/uL"}, "completed"),
        ({"LBSTRESN": "20", "LBSTRESU": "bags"}, "completed"),
        ({"LBSTRESN": "0", "LBSTRESU": "10^9/L"}, "completed"),
        ({"LBNRIND": "LOW"}, "open"),
        ({"LBNRIND": "HIGH"}, "open"),
        ({"LBNRIND": "NORMAL"}, "completed"),
        ({"LBNRIND": "ABNORMAL"}, "completed"),
    ],
)
def test_a_value_its_own_record_contradicts_completes_nothing(
    data: dict[str, str], status: str
) -> None:
    action = "escalate" if status == "completed" else "wait"
    assert one(status, platelets("200", **data), action=action) == []


@pytest.mark.parametrize(
    ("result", "indicator", "status"),
    [
        ("125", "LOW", "completed"),
        ("126", "LOW", "open"),
        ("350", "HIGH", "completed"),
        ("349", "HIGH", "open"),
        ("<300", "LOW", "open"),
    ],
)
def test_an_indicator_goes_with_the_limit_itself(result: str, indicator: str, status: str) -> None:
    """A bound is a range of grades whatever its indicator."""
    action = "escalate" if status == "completed" else "wait"
    assert one(status, platelets(result, LBNRIND=indicator), action=action) == []


@pytest.mark.parametrize(
    ("dated", "status"),
    [
        ("2026-02-10", "dlt_candidate"),
        ("2025-03-10", "dlt_candidate"),
        ("2026-03-01", "dlt_candidate"),
    ],
)
def test_nobody_died_before_being_treated(dated: str, status: str) -> None:
    death = record("disposition", "day 12", DSDECOD="DEATH", DSSTDTC=dated)
    assert one(status, death, action="hold", asked=["DEATH is dated before the first dose"]) == []


@pytest.mark.parametrize(
    ("said_of", "asked"),
    [("WITHDRAWAL BY SUBJECT", True), ("INFORMED CONSENT OBTAINED", False), ("COMPLETED", False)],
)
def test_nobody_left_before_being_treated(said_of: str, asked: bool) -> None:
    left = record("disposition", "day 12", DSDECOD=said_of, DSSTDTC="2026-02-10")
    text = [f"{said_of} is dated before the first dose"] if asked else []
    assert one("completed", left, action="escalate", asked=text) == []
    if not asked:
        assert one("completed", left, action="escalate", asked=["before the first dose"]) != []


@pytest.mark.parametrize(
    ("dates", "grade", "status"),
    [
        (("2025-03-10", "2025-03-12"), "4", "open"),
        (("2025-03-10", "2025-03-12"), "2", "completed"),
        (("2025-03-02", "2025-03-03"), "4", "open"),
        (("2025-02-10", "2025-03-01"), "4", "completed"),
        (("2025-03-14", "2025-03-15"), "4", "completed"),
        (("2026-02-10", "2026-02-12"), "4", "completed"),
    ],
)
def test_an_event_dated_a_year_early_may_be_one_on_treatment(
    dates: tuple[str, str], grade: str, status: str
) -> None:
    event = stroke(grade, AESTDTC=dates[0], AEENDTC=dates[1])
    action = "escalate" if status == "completed" else "wait"
    asked = ["a year before it may have happened"] if status == "open" else []
    assert one(status, event, action=action, asked=asked) == []


@pytest.mark.parametrize(
    ("grade", "severity", "status", "asked"),
    [
        ("1", "SEVERE", "open", True),
        ("2", "SEVERE", "open", True),
        ("3", "SEVERE", "dlt_candidate", False),
        ("1", "MODERATE", "completed", True),
        ("2", "MILD", "completed", False),
    ],
)
def test_a_severity_above_the_grade_is_not_dropped(
    grade: str, severity: str, status: str, asked: bool
) -> None:
    event = stroke(grade, AESTDTC="2026-03-10", AESEV=severity)
    text = f"an event of grade {grade} is called {severity.lower()}"
    action = "escalate" if status == "completed" else "wait"
    assert (one(status, event, action=action, asked=[text]) == []) is asked
    assert one(status, event, action=action) == []


@pytest.mark.parametrize(("before", "asked"), [("20", True), ("40", False), ("200", False)])
def test_a_severe_grade_before_treatment_that_excuses_one_is_asked_about(
    before: str, asked: bool
) -> None:
    steps = [platelets(before, "2026-03-01T08:00"), platelets("20")]
    text = ["Platelet count decreased of grade 4 before treatment excuses grade 4 on it"]
    if asked:
        assert one("completed", *steps, action="escalate", asked=text) == []
    else:
        assert one("dlt_candidate", *steps) == []


def test_records_of_nobody_are_asked_about() -> None:
    stray = {"record": {**platelets("20")["record"], "subject": "1-O3"}}
    nobody = ["who NCT05301764-1-O3 is: neither subject nor assignment is on record"]
    assert misses([*CLEAN, stray], action="escalate", asked=nobody) == []
    assert (
        misses([*CLEAN, said("lab", test="PLAT", result="200", taken="day 10")], asked=nobody) != []
    )
