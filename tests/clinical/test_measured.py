"""What is measured becomes a toxicity: vital signs, ECG, companions, baselines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.clinical.ctcae import Measurement, grade, versions
from shared.clinical.ctcae.criteria import by_test
from shared.clinical.samples import DOMAINS
from tests.clinical.samples_support import (
    FEBRILE,
    WHO,
    day,
    ecg,
    graded_of,
    lab,
    protocol,
    queries,
    results,
    severe,
    status,
    trial,
    vital,
)
from tests.clinical.stories import Trial, at, end_of, subject_of


@pytest.mark.parametrize("ctcae", versions())
def test_no_value_has_two_answers_of_one_term_and_direction(ctcae: str) -> None:
    """What one measurement is graded beside decides between its answers only where it may be
    several."""
    for domain in DOMAINS:
        for test in by_test(ctcae, domain):
            value = Measurement(test, "1", None, None, None)
            found = [(one.term, one.direction) for one in grade(value, ctcae=ctcae, domain=domain)]
            assert len(found) == len(set(found)), test


# -- vital signs and ECG --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "unit", "result", "expected"),
    [
        ("SYSBP", "mmHg", "159", {}),
        ("SYSBP", "mmHg", "160", {"Hypertension": 3}),
        ("TEMP", "C", "40.0", {}),
        ("TEMP", "C", "40.1", {"Fever": 3}),
        ("SYSBP", "ms", "190", {}),
    ],
)
def test_a_vital_sign_is_a_toxicity(
    test: str, unit: str, result: str, expected: dict[str, int]
) -> None:
    found = trial()
    vital(found, test, result, unit, day(5))
    assert severe(found, day(5)) == expected


def test_weight_is_compared_with_the_last_one_before_the_first_dose() -> None:
    found = trial()
    vital(found, "WEIGHT", "95", "kg", day(-6))
    vital(found, "WEIGHT", "80", "kg", day(-2))
    vital(found, "WEIGHT", "72", "kg", day(9))
    assert results(found)["Weight loss WEIGHT"].grade_low is not None
    grades = [one.grade_low for one in graded_of(found) if one.term == "Weight loss"]
    assert sorted(grade for grade in grades if grade is not None) == [0, 0, 2]


@pytest.mark.parametrize(("flag", "grade"), [({}, 3), ({"EGLOBXFL": "Y"}, 2)])
def test_the_flagged_ecg_is_the_baseline(flag: dict[str, str], grade: int) -> None:
    found = trial()
    ecg(found, "QTCF", "425", day(-6), **flag)
    ecg(found, "QTCF", "410", day(-3)) if flag else ecg(found, "QTCF", "424", day(-3))
    ecg(found, "QTCF", "485", day(8))
    top = next(one for one in graded_of(found) if one.occurred == day(8))
    assert (top.grade_low, top.grade_high) == (grade, grade)


def test_an_unexplained_change_of_a_vital_sign_does_not_end_the_toxicity() -> None:
    found = trial()
    body = {"VSTESTCD": "SYSBP", "VSORRES": "185", "VSORRESU": "mmHg", "VSDTC": f"{day(5)}T09:00"}
    found.record("vital", WHO, body, known=at(day(5)), recordid="bp")
    body = {**body, "VSORRES": "135"}
    found.record("vital", WHO, body, known=at(day(6)), recordid="bp", revision=2)
    assert status(found, day(6)) == "dlt_candidate"
    found.record("vital", WHO, body, known=at(day(7)), recordid="bp", revision=3, reason="slip")
    assert status(found, day(7)) == "in_window"


# -- two measurements of one term -----------------------------------------------------------------

DAYS = """    - id: bp
      text: t
      source: s
      toxicity: {terms: [Hypertension], grade: 3, for_more_than_days: 3}
"""


def test_a_normal_diastolic_pressure_does_not_end_a_systolic_hypertension() -> None:
    found = trial(protocol(criteria=DAYS))
    for number in (5, 7, 9):
        vital(found, "SYSBP", "170", "mmHg", day(number))
        vital(found, "DIABP", "75", "mmHg", day(number))
    vital(found, "DIABP", "75", "mmHg", day(6))
    assert status(found, day(9)) == "dlt_candidate"


def test_it_ends_when_the_systolic_pressure_is_down() -> None:
    found = trial(protocol(criteria=DAYS))
    vital(found, "SYSBP", "170", "mmHg", day(5))
    vital(found, "DIABP", "95", "mmHg", day(5))
    vital(found, "SYSBP", "118", "mmHg", day(7))
    assert status(found, day(9)) == "in_window"
    (seen,) = subject_of(found.assess(end_of(day(9))), WHO).severe
    assert seen.onset == day(5)


def test_of_two_values_of_one_time_the_worst_counts() -> None:
    found = trial()
    vital(found, "SYSBP", "130", "mmHg", day(5))
    vital(found, "SYSBP", "170", "mmHg", day(5))
    vital(found, "SYSBP", "130", "mmHg", day(5))
    assert severe(found, day(5)) == {"Hypertension": 3}


# -- a second finding -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("neutrophils", "temperature", "on", "expected"),
    [
        ("0.99", "38.4", 5, "dlt_candidate"),
        ("0.99", "38.3", 5, "in_window"),
        ("1.0", "39.0", 5, "in_window"),
        ("0.99", "39.0", 6, "in_window"),
    ],
)
def test_febrile_neutropenia_needs_both_on_one_day(
    neutrophils: str, temperature: str, on: int, expected: str
) -> None:
    found = trial(protocol(criteria=FEBRILE))
    found.lab(WHO, "NEUT", neutrophils, day(5))
    vital(found, "TEMP", temperature, "C", day(on), "20:00")
    vital(found, "TEMP", "36.8", "C", day(on), "07:00")
    assert status(found, day(6)) == expected


def test_neutropenia_alone_is_no_candidate_and_leaves_nothing_open() -> None:
    found = trial(protocol(criteria=FEBRILE))
    found.lab(WHO, "NEUT", "0.3", day(5))
    found.lab(WHO, "NEUT", "0.4", day(8))
    found.lab(WHO, "NEUT", "2.4", day(12))
    asked = [text for text in queries(found, day(12)) if "Febrile neutropenia" in text]
    assert len(asked) == 1
    assert "may be grade 3" in asked[0]
    found.complete(WHO)
    assert status(found, day(24)) == "completed"
    assert not [text for text in queries(found, day(24)) if "Febrile" in text]


@pytest.mark.parametrize(("result", "unit"), [("0.4", "furlongs"), ("<1.0", "10^9/L")])
def test_neither_an_unknown_unit_nor_a_comparator_makes_it_open(result: str, unit: str) -> None:
    found = trial(protocol(criteria=FEBRILE))
    found.lab(WHO, "NEUT", result, day(5), LBORRESU=unit)
    found.complete(WHO)
    assert status(found, day(24)) == "completed"
    vital(found, "TEMP", "39.0", "C", day(5))
    expected = "open" if unit == "furlongs" else "dlt_candidate"
    assert status(found, day(24)) == expected


def test_a_temperature_that_comes_late_is_when_it_became_known() -> None:
    found = trial(protocol(criteria=FEBRILE))
    found.lab(WHO, "NEUT", "0.3", day(5))
    vital(found, "TEMP", "39.0", "C", day(5), known=at(day(7)))
    assert status(found, day(6)) == "in_window"
    subject = subject_of(found.assess(end_of(day(8))), WHO)
    assert (subject.status, subject.known_at) == ("dlt_candidate", at(day(7)))
    assert len(subject.criteria[0].evidence) == 2


# -- corrections without a reason -----------------------------------------------------------------


def baseline_of_alt(to: Trial, **how: Any) -> None:
    to.lab(WHO, "ALT", "250", day(5), known=at(day(5)))
    to.lab(WHO, "ALT", "30", day(-3), recordid="base", known=at(day(-3)))
    to.lab(WHO, "ALT", "120", day(-3), recordid="base", revision=2, known=at(day(6)), **how)


def flag_of_an_ecg(to: Trial, **how: Any) -> None:
    body = {"EGTESTCD": "QTCF", "EGORRES": "425", "EGORRESU": "ms", "EGDTC": f"{day(-6)}T10:00"}
    to.record("ecg", WHO, body, recordid="base", known=at(day(-6)))
    ecg(to, "QTCF", "424", day(-3))
    ecg(to, "QTCF", "485", day(5))
    body["EGLOBXFL"] = "Y"
    to.record("ecg", WHO, body, recordid="base", revision=2, known=at(day(6)), **how)


def age(to: Trial, **how: Any) -> None:
    body = {"SUBJID": WHO, "RFICDTC": str(day(-6)), "SEX": "F"}
    for revision, years, known in ((2, 70, day(-6)), (3, 35, day(6))):
        reason = {"reason": "completed"} if revision == 2 else how
        to.record(
            "subject", WHO, {**body, "AGE": years}, known=at(known),
            recordid=f"{WHO}/DM", revision=revision, **reason,
        )  # fmt: skip
    lab(to, "CREAT", "2.1", "mg/dL", day(5))


@pytest.mark.parametrize("change", [baseline_of_alt, flag_of_an_ecg, age])
def test_what_a_grade_hangs_on_takes_a_reason_to_change(change: Callable[..., None]) -> None:
    found = trial()
    change(found)
    assert status(found, day(5)) == "dlt_candidate"
    assert status(found, day(7)) == "dlt_candidate"
    assert any("without reason" in text for text in queries(found, day(7)))
    found = trial()
    change(found, reason="transcription error")
    assert status(found, day(5)) == "dlt_candidate"
    assert status(found, day(7)) == "in_window"


LIMITS = {
    "measurement: {testcd: ALT, above: {baseline: 3}}": "121",
    "hys_law: {transaminase_at_least: 3, bilirubin_at_least: 2,"
    " if_baseline_raised: {transaminase_at_least: 3, bilirubin_at_least: 2}}": "200",
}


@pytest.mark.parametrize("words", LIMITS)
@pytest.mark.parametrize(("how", "expected"), [({}, True), ({"reason": "typing error"}, False)])
def test_nor_does_it_lift_a_limit_in_numbers(
    words: str, how: dict[str, str], expected: bool
) -> None:
    found = trial(protocol(criteria=f"    - {{id: one, text: t, source: s, {words}}}\n"))
    found.lab(WHO, "ALT", LIMITS[words], day(5))
    found.lab(WHO, "BILI", "60", day(5))
    found.lab(WHO, "ALP", "60", day(5))
    found.lab(WHO, "ALT", "40", day(-3), recordid="base")
    found.lab(WHO, "ALT", "80", day(-3), recordid="base", revision=2, known=at(day(6)), **how)
    assert (status(found, day(7)) == "dlt_candidate") is expected


def test_age_that_comes_later_needs_no_reason() -> None:
    found = trial()
    body = {"SUBJID": WHO, "RFICDTC": str(day(-6)), "AGE": 70, "SEX": "F"}
    found.record("subject", WHO, body, known=at(day(6)), recordid=f"{WHO}/DM", revision=2)
    assert queries(found, day(7)) == []
