"""Doubtful records that would end as "fine" in silence: each is asked about, and none is the proof
that there was no toxicity.
"""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.safe_side_support import Step, one, record, said
from tests.clinical.stories import at

LOW: Step = said("lab", test="PLAT", result="20", taken="day 10") | {"as": "value"}


def revise(known: str, **data: str | None) -> Step:
    return {"revise": {"record": "value", "known": known, **data}}


# -- a correction that nobody explained -----------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "status"),
    [
        ({"LBFAST": "Y"}, "dlt_candidate"),
        ({"LBORNRLO": "130"}, "dlt_candidate"),
        ({"LBORRES": "210"}, "completed"),
        ({}, "completed"),
    ],
)
def test_only_who_speaks_of_the_doubtful_value_puts_the_doubt_to_rest(
    later: dict[str, str], status: str
) -> None:
    steps = [LOW, revise("day 11", LBORRES="200"), revise("day 12", reason="checked", **later)]
    action = "escalate" if status == "completed" else "wait"
    assert one(status, *steps, action=action) == []
    assert one("dlt_candidate", *steps[:2]) == []


@pytest.mark.parametrize(
    ("later", "status"),
    [({"AESEV": "MODERATE"}, "completed"), ({"AEOUT": "RECOVERED"}, "dlt_candidate")],
)
def test_a_lower_grade_needs_somebody_who_speaks_of_the_grade(
    later: dict[str, str], status: str
) -> None:
    event = said("event", term="Stroke", grade=3, onset=10) | {"as": "value"}
    steps = [event, revise("day 11", AETOXGR="2"), revise("day 12", reason="checked", **later)]
    action = "escalate" if status == "completed" else "wait"
    assert one(status, *steps, action=action) == []


# -- values that cannot be, and specimens the test is never taken from ----------------------------


@pytest.mark.parametrize(
    ("test", "result", "unit", "status"),
    [
        ("PLAT", "2200", "10^9/L", "completed"),
        ("PLAT", "2201", "10^9/L", "open"),
        ("PLAT", "20000", "10^9/L", "open"),
        ("PLAT", "200000", "/uL", "completed"),
        ("HGB", "120", "g/dL", "open"),
        ("HGB", "120", "g/L", "completed"),
        ("K", "4.5", "mmol/L", "completed"),
        ("K", "45", "mmol/L", "dlt_candidate"),
        ("CREAT", "0.9", "umol/L", "open"),
        ("CHOL", "5", "mg/dL", "open"),
    ],
)
def test_a_value_that_cannot_be_completes_nothing(
    test: str, result: str, unit: str, status: str
) -> None:
    value = said("lab", test=test, result=result, taken="day 10", LBORRESU=unit)
    action = "escalate" if status == "completed" else "wait"
    asked = [] if status == "completed" else ["is implausible"]
    assert one(status, value, action=action, asked=asked) == []


@pytest.mark.parametrize(("result", "upper"), [("39", "400"), ("390", "400"), ("39", "238")])
def test_an_upper_limit_that_no_laboratory_has_completes_nothing(result: str, upper: str) -> None:
    value = said("lab", test="ALT", result=result, taken="day 10", LBORNRHI=upper)
    asked = [f"upper limit of normal of {upper} U/L"]
    assert one("open", value, asked=asked) == []


def test_another_upper_limit_or_the_same_with_a_reason_ends_the_doubt() -> None:
    value = said("lab", test="ALT", result="39", taken="day 10", LBORNRHI="400") | {"as": "value"}
    for later in ({"LBORNRHI": "40"}, {"LBORNRHI": "237"}, {}):
        again = revise("day 12", reason="looked up", **later)
        assert one("completed", value, again, action="escalate", asked=[]) == []
    unexplained = revise("day 12", reason="looked up", LBFAST="Y")
    assert one("open", value, unexplained) == []


IMPLAUSIBLE = said("lab", test="PLAT", result="20000", taken="day 10") | {"as": "value"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"LBORRES": "200", "reason": "unit"}, "completed"),
        ({"LBORRES": "20", "reason": "unit"}, "dlt_candidate"),
        ({"reason": "seen and right"}, "completed"),
        ({}, "open"),
        ({"LBFAST": "Y", "reason": "fasting added"}, "open"),
        ({"LBORRES": "30000", "reason": "retyped"}, "open"),
    ],
)
def test_who_corrects_it_or_lets_it_stand_ends_the_doubt(
    change: dict[str, str], status: str
) -> None:
    action = "escalate" if status == "completed" else "wait"
    assert one(status, IMPLAUSIBLE, revise("day 12", **change), action=action) == []


@pytest.mark.parametrize(("between", "status"), [("3.0", "completed"), ("3000", "dlt_candidate")])
def test_a_value_that_cannot_be_is_no_recovery(between: str, status: str) -> None:
    values = [
        said("lab", test="NEUT", result=result, taken=f"day {day}")
        for day, result in ((5, "0.3"), (8, between), (10, "0.3"), (16, "4.0"))
    ]
    action = "escalate" if status == "completed" else "wait"
    assert one(status, *values, action=action) == []


@pytest.mark.parametrize(
    ("test", "result", "specimen", "status"),
    [
        ("PLAT", "20", "URINE", "dlt_candidate"),
        ("PLAT", "200", "URINE", "open"),
        ("PLAT", "20", "ASCITES", "dlt_candidate"),
        ("PLAT", "200", "WHOLE BLOOD", "completed"),
        ("CREAT", "9000", "URINE", "completed"),
        ("LDH", "1", "PLEURAL FLUID", "completed"),
    ],
)
def test_a_specimen_the_test_is_never_taken_from_hides_nothing(
    test: str, result: str, specimen: str, status: str
) -> None:
    value = said("lab", test=test, result=result, taken="day 10", LBSPEC=specimen)
    action = "escalate" if status == "completed" else "wait"
    asked = [] if status == "completed" else [f"{test} is not measured in {specimen.lower()}"]
    assert one(status, value, action=action, asked=asked) == []


# -- what else rests on a value -------------------------------------------------------------------


def blood(subject: Subject, test: str, value: str, number: int, low: str, high: str) -> None:
    """A value with its unit, and its range in the same unit."""
    result, unit = value.split()
    data = {"LBTESTCD": test, "LBORRES": result, "LBORRESU": unit, "LBDTC": f"{day(number)}T08:00"}
    subject.other("lab", max(number, 1), **data, LBORNRLO=low, LBORNRHI=high)


@pytest.mark.parametrize(
    ("value", "result"), [("9", "met"), ("200", "not_met"), ("2200", "not_met"), ("2201", "open")]
)
def test_a_limit_in_numbers_is_not_kept_by_a_value_that_cannot_be(value: str, result: str) -> None:
    subject = Subject("measurement: {testcd: PLAT, below: {10*9/L: 10}}")
    subject.value("PLAT", value, 5)
    assert subject.result(5) == result


@pytest.mark.parametrize(
    ("before", "result"), [("90", "met"), ("150", "not_met"), ("9000", "open")]
)
def test_a_baseline_that_cannot_be_excuses_no_rise(before: str, result: str) -> None:
    subject = Subject("measurement: {testcd: CREAT, above: {baseline: 2}}")
    blood(subject, "CREAT", f"{before} umol/L", -3, "60", "110")
    blood(subject, "CREAT", "200 umol/L", 5, "60", "110")
    assert subject.result(5) == result


@pytest.mark.parametrize(
    ("before", "result"),
    [("30", "met"), ("400", "not_met"), ("11000", "not_met"), ("11001", "open")],
)
def test_a_grade_over_a_baseline_that_cannot_be_is_open(before: str, result: str) -> None:
    subject = Subject("toxicity: {terms: [Alanine aminotransferase increased], grade: 3}")
    subject.before("ALT", before)
    subject.value("ALT", "300", 5)
    assert subject.result(5) == result


@pytest.mark.parametrize(
    ("before", "result"), [("40 g/L", "met"), ("12 g/L", "not_met"), ("0.5 g/dL", "met")]
)
def test_a_grade_before_treatment_that_cannot_be_excuses_none(before: str, result: str) -> None:
    subject = Subject("toxicity: {terms: [Hypoalbuminemia], grade: 3}")
    blood(subject, "ALB", before, -3, "35", "50")
    blood(subject, "ALB", "15 g/L", 5, "35", "50")
    assert subject.result(5) == result


@pytest.mark.parametrize(("albumin", "result"), [("40 g/L", "not_met"), ("7 g/dL", "open")])
def test_what_is_derived_from_a_value_that_cannot_be_is_open(albumin: str, result: str) -> None:
    subject = Subject("toxicity: {terms: [Hypercalcemia], grade: 3}")
    blood(subject, "ALB", albumin, 5, "35", "50")
    blood(subject, "CA", "2.3 mmol/L", 5, "2.1", "2.6")
    assert subject.result(5) == result


@pytest.mark.parametrize(("celsius", "asked"), [("37.0", False), ("3.7", True)])
def test_a_temperature_that_cannot_be_rules_out_no_fever(celsius: str, asked: bool) -> None:
    subject = Subject("toxicity: {terms: [Febrile neutropenia], grade: 3}")
    subject.value("NEUT", "0.4", 5)
    data = {"VSTESTCD": "TEMP", "VSDTC": str(day(5)), "VSORRES": celsius, "VSORRESU": "C"}
    subject.other("vital", 5, **data)
    assert any("may be grade 3" in text for text in subject.asked(5)) is asked


@pytest.mark.parametrize(
    ("alt", "bilirubin", "alp", "result"),
    [
        (("200", "U/L"), ("50", "umol/L"), ("100", "U/L"), "met"),
        (("12000", "U/L"), ("50", "umol/L"), ("100", "U/L"), "met"),
        (("1", "U/L"), ("50", "umol/L"), ("100", "U/L"), "open"),
        (("200", "U/L"), ("2000", "umol/L"), ("100", "U/L"), "met"),
        (("200", "U/L"), ("50", "umol/L"), ("300", "U/L"), "not_met"),
        (("200", "U/L"), ("50", "umol/L"), ("5000", "U/L"), "needs_review"),
        (("200", "U/L"), ("50", "umol/L"), ("1", "U/L"), "met"),
    ],
)
def test_hys_law_is_not_excused_by_a_value_that_cannot_be(
    alt: tuple[str, str], bilirubin: tuple[str, str], alp: tuple[str, str], result: str
) -> None:
    limits = "transaminase_at_least: 3, bilirubin_at_least: 2, alp_below: 2"
    subject = Subject(f"hys_law: {{{limits}}}")
    for test, (value, unit) in {"ALT": alt, "BILI": bilirubin, "ALP": alp}.items():
        subject.value(test, value, 5, LBORRESU=unit)
    assert subject.result(5) == result


def test_hys_law_takes_no_raised_baseline_from_a_value_that_cannot_be() -> None:
    raised = "if_baseline_raised: {transaminase_at_least: 2, bilirubin_at_least: 2}"
    limits = f"transaminase_at_least: 3, bilirubin_at_least: 2, {raised}"
    for before, result in (("90", "met"), ("120", "not_met"), ("12000", "met")):
        subject = Subject(f"hys_law: {{{limits}}}")
        subject.before("ALT", before)
        subject.value("ALT", "200", 5)
        subject.value("BILI", "50", 5)
        assert subject.result(5) == result


# -- when a value was taken -----------------------------------------------------------------------


def taken(test: str, result: str, when: str, known: str = "day 11", **data: str) -> Step:
    """A laboratory value by its stated date; the first dose is given on 2026-03-02."""
    unit = {"PLAT": "10^9/L", "ALT": "U/L"}[test]
    body = {"LBTESTCD": test, "LBORRES": result, "LBORRESU": unit, "LBDTC": when}
    return record("lab", known, **body, LBORNRLO="7", LBORNRHI="40", **data)


@pytest.mark.parametrize(
    ("result", "when", "flag", "status"),
    [
        ("20", "2025-03-11", "", "open"),
        ("200", "2025-03-11", "", "completed"),
        ("20", "2025-03-11", "Y", "completed"),
        ("20", "2025-03-02", "", "open"),
        ("20", "2025-03-01", "", "completed"),
        ("20", "2025-03-13", "", "completed"),
        ("20", "2025-03", "", "open"),
        ("20", "2024-03-11", "", "completed"),
        ("20", "2026-03-11", "", "dlt_candidate"),
    ],
)
def test_a_value_dated_a_year_early_may_be_one_on_treatment(
    result: str, when: str, flag: str, status: str
) -> None:
    value = taken("PLAT", result, when, LBLOBXFL=flag)
    action = "escalate" if status == "completed" else "wait"
    asked = ["a year before it may have been taken"] if status == "open" else []
    assert one(status, value, action=action, asked=asked) == []


def test_no_low_value_dated_a_year_early_excuses_one_on_treatment() -> None:
    low = said("lab", test="PLAT", result="20", taken="day 10")
    assert one("dlt_candidate", taken("PLAT", "20", "2025-03-05"), low) == []
    assert one("dlt_candidate", taken("PLAT", "20", "2026-02-01"), low) == []
    assert one("completed", taken("PLAT", "20", "2026-02-02"), low, action="escalate") == []


@pytest.mark.parametrize(
    ("before", "result", "asked"),
    [
        (("2026-02-02", "200"), "not_met", False),
        (("2026-02-01", "200"), "open", True),
        (("2026-02-01", "20"), "met", True),
        (("2025-03-05", "200"), "open", True),
    ],
)
def test_a_baseline_older_than_screening_decides_no_grade(
    before: tuple[str, str], result: str, asked: bool
) -> None:
    """ALT of 300 is grade 3 by its limit, and 1.5 times a raised baseline of 200."""
    subject = Subject("toxicity: {terms: [Alanine aminotransferase increased], grade: 3}")
    when, value = before
    data = {"LBTESTCD": "ALT", "LBORRESU": "U/L", "LBORNRLO": "7", "LBORNRHI": "40"}
    subject.other("lab", 1, **data, LBORRES=value, LBDTC=when)
    subject.other("lab", 5, **data, LBORRES="300", LBDTC=f"{day(5)}T08:00")
    assert subject.result(5) == result
    told = " ".join(subject.asked(5))
    assert ("before the first dose is" in told or "a year before" in told) is asked
    # A later value makes the old one no matter.
    subject.other("lab", 6, **data, LBORRES="200", LBDTC=f"{day(-2)}T08:00")
    assert subject.result(6) == "not_met"
    assert not any("before the first dose is" in text for text in subject.asked(6))


@pytest.mark.parametrize(
    ("first_day", "when", "result"),
    [
        ("60", "", "met"),
        ("100", "", "not_met"),
        ("60", "T08:00", "met"),
        ("67", "", "not_met"),
    ],
)
def test_a_value_of_the_first_day_may_be_the_baseline(
    first_day: str, when: str, result: str
) -> None:
    """Creatinine of 200 is twice one of 100, and more than 3 times (grade 3) one of 60."""
    subject = Subject("toxicity: {terms: [Creatinine increased], grade: 3}")
    blood(subject, "CREAT", "100 umol/L", -3, "60", "110")
    data = {"LBTESTCD": "CREAT", "LBORRESU": "umol/L", "LBORNRLO": "60", "LBORNRHI": "110"}
    subject.other("lab", 1, **data, LBORRES=first_day, LBDTC=f"{day(1)}{when}")
    blood(subject, "CREAT", "200 umol/L", 5, "60", "110")
    assert subject.result(5) == result
    told = " ".join(subject.asked(5))
    hangs = "a grade hangs on whether it was taken before the first dose" in told
    assert hangs is (result == "met")


def test_a_timed_first_dose_leaves_no_doubt() -> None:
    told = {"recordid": f"1-01/EX/LVGN6051/1/{day(1)}", "revision": 2, "reason": "time added"}
    for when, result in (("09:59", "met"), ("10:01", "not_met")):
        subject = Subject("toxicity: {terms: [Creatinine increased], grade: 3}")
        dose = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": f"{day(1)}T10:00", "ECDOSE": "100"}
        subject.record(
            "dose", "1-01", {**dose, "planned_dose": "100"}, known=at(day(1), 11), **told
        )
        blood(subject, "CREAT", "100 umol/L", -3, "60", "110")
        data = {"LBTESTCD": "CREAT", "LBORRESU": "umol/L", "LBORNRLO": "60", "LBORNRHI": "110"}
        subject.other("lab", 1, **data, LBORRES="60", LBDTC=f"{day(1)}T{when}")
        blood(subject, "CREAT", "200 umol/L", 5, "60", "110")
        assert subject.result(5) == result
        assert not any("hangs on whether" in text for text in subject.asked(5))


def test_a_toxic_value_of_the_first_day_counts_as_on_treatment_and_is_asked_about() -> None:
    day_1 = "a value of the day of the first dose counts as taken after it"
    bare = taken("PLAT", "20", "2026-03-02", known="day 1")
    assert one("dlt_candidate", bare, asked=[day_1]) == []
    flagged = taken("PLAT", "20", "2026-03-02", known="day 1", LBLOBXFL="Y")
    assert one("completed", flagged, action="escalate") == []


@pytest.mark.parametrize(("result", "status"), [("200", "completed"), ("20", "dlt_candidate")])
def test_a_value_of_the_future_is_asked_about(result: str, status: str) -> None:
    action = "escalate" if status == "completed" else "wait"
    value = taken("PLAT", result, "2027-03-11")
    assert one(status, value, action=action, asked=["dated after it was known"]) == []


def test_a_record_of_the_future_is_asked_about() -> None:
    event = said("event", term="Nausea", grade=1, onset="2027-03-11", known="day 12")
    assert one("completed", event, action="escalate", asked=["dated after it was known"]) == []
