"""What is measured becomes a toxicity: vital signs, ECG, derived values, companions, baselines."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.clinical import Study
from shared.contracts.envelope import Fact
from shared.contracts.graded import GradedResult
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, at, end_of, subject_of

WHO = "1-01"


def day(number: int) -> date:
    return DAY_1 + timedelta(days=number - 1)


def protocol(ctcae: str = "5.0", *, worst_case: str = "query", criteria: str = "") -> str:
    """The demo study with criteria that count grade 3 of everything."""
    text = PROTOCOL.read_text("utf-8").replace('ctcae: "5.0"', f'ctcae: "{ctcae}"')
    head, tail = text.split("dlt:\n")
    design = "design:" + tail.split("\ndesign:")[1]
    any_three = "    - {id: any-g3, text: t, source: s, toxicity: {any_term: true, grade: 3}}\n"
    if ctcae == "6.0":
        head = head.split("term_groups:")[0]
    return f"{head}worst_case: {worst_case}\ndlt:\n  criteria:\n{criteria or any_three}\n{design}"


def trial(text: str | None = None) -> Trial:
    found = Trial(text or protocol())
    found.enrol(WHO)
    return found


def person(found: Trial, **data: Any) -> None:
    found.record(
        "subject", WHO, {"SUBJID": WHO, "RFICDTC": str(day(-6)), **data},
        known=at(day(-6)), recordid=f"{WHO}/DM", revision=2, reason="completed",
    )  # fmt: skip


def lab(
    found: Trial, test: str, result: str, unit: str, on: date, time: str = "08:30", **data: Any
) -> Fact:
    known = data.pop("known", at(on))
    how = {name: data.pop(name) for name in ("recordid", "revision", "reason") if name in data}
    body = {"LBTESTCD": test, "LBORRES": result, "LBORRESU": unit, "LBDTC": f"{on}T{time}", **data}
    return found.record("lab", WHO, body, known=known, **how)


def vital(
    found: Trial, test: str, result: str, unit: str, on: date, time: str = "09:00", **data: Any
) -> Fact:
    known = data.pop("known", at(on))
    body = {"VSTESTCD": test, "VSORRES": result, "VSORRESU": unit, "VSDTC": f"{on}T{time}", **data}
    return found.record("vital", WHO, body, known=known)


def ecg(found: Trial, test: str, result: str, on: date, unit: str = "ms", **data: Any) -> Fact:
    body = {"EGTESTCD": test, "EGORRES": result, "EGORRESU": unit, "EGDTC": f"{on}T10:00", **data}
    return found.record("ecg", WHO, body, known=at(on))


def severe(found: Trial, on: date) -> dict[str, int]:
    subject = subject_of(found.assess(end_of(on)), WHO)
    return {one.term: one.grade for one in subject.severe}


def status(found: Trial, on: date) -> str:
    return subject_of(found.assess(end_of(on)), WHO).status


def results(found: Trial) -> dict[str, GradedResult]:
    study = Study(STUDY)
    study.add(found.facts)
    return {f"{one.term} {one.test}": one for one in study.graded(f"{STUDY}-{WHO}")}


def queries(found: Trial, on: date) -> list[str]:
    return [query.text for query in found.assess(end_of(on)).queries]


QT = "Electrocardiogram QT corrected interval prolonged"


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
    grades = [one.grade_low for one in _all(found) if one.term == "Weight loss"]
    assert sorted(grade for grade in grades if grade is not None) == [0, 0, 2]


def _all(found: Trial) -> tuple[GradedResult, ...]:
    study = Study(STUDY)
    study.add(found.facts)
    return study.graded(f"{STUDY}-{WHO}")


@pytest.mark.parametrize(("flag", "grade"), [({}, 3), ({"EGLOBXFL": "Y"}, 2)])
def test_the_flagged_ecg_is_the_baseline(flag: dict[str, str], grade: int) -> None:
    found = trial()
    ecg(found, "QTCF", "425", day(-6), **flag)
    ecg(found, "QTCF", "410", day(-3)) if flag else ecg(found, "QTCF", "424", day(-3))
    ecg(found, "QTCF", "485", day(8))
    top = next(one for one in _all(found) if one.occurred == day(8))
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


# -- derived values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("albumin", "data", "expected"),
    [
        ("20", {}, {}),
        ("40", {}, {"Hypocalcemia": 3}),
        ("20", {"time": "11:00"}, {"Hypocalcemia": 3}),
        ("20", {"time": "11:00", "LBREFID": "tube 1"}, {}),
        ("20", {"LBREFID": "tube 2"}, {"Hypocalcemia": 3}),
        ("haemolysed", {}, {"Hypocalcemia": 3}),
    ],
)
def test_calcium_is_corrected_by_the_albumin_of_the_same_sample(
    albumin: str, data: dict[str, str], expected: dict[str, int]
) -> None:
    found = trial()
    lab(found, "CA", "1.70", "mmol/L", day(5), LBREFID="tube 1")
    lab(found, "ALB", albumin, "g/L", day(5), **data)
    assert severe(found, day(5)) == expected


def test_a_corrected_calcium_says_what_it_was_derived_from() -> None:
    found = trial()
    calcium = lab(found, "CA", "1.70", "mmol/L", day(5))
    albumin = lab(found, "ALB", "30", "g/L", day(5))
    result = results(found)["Hypocalcemia CACORR"]
    assert (result.basis, result.derived_from) == ("derived", ("CA", "ALB"))
    assert result.evidence.recordid == calcium.recordid
    assert [one.recordid for one in result.beside] == [albumin.recordid]
    assert result.formula is not None
    assert result.formula in result.why
    assert "Hypocalcemia CA" not in results(found)


def test_a_reported_corrected_calcium_is_not_derived_again() -> None:
    found = trial()
    lab(found, "CA", "1.70", "mmol/L", day(5))
    lab(found, "ALB", "20", "g/L", day(5))
    lab(found, "CACORR", "2.1", "mmol/L", day(5))
    assert results(found)["Hypocalcemia CACORR"].basis == "measured"


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"AGE": 70, "SEX": "F"}, {"EGFR"}),
        ({"AGE": 70}, set()),
        ({"SEX": "F"}, set()),
    ],
)
def test_clearance_needs_age_and_sex(about: dict[str, Any], expected: set[str]) -> None:
    found = trial()
    person(found, **about)
    lab(found, "CREAT", "2.4", "mg/dL", day(5))
    derived = {one.test for one in _all(found) if one.basis == "derived"}
    assert derived == expected
    assert ("Chronic kidney disease" in severe(found, day(5))) is bool(expected)


def test_clearance_takes_the_last_weight_of_the_day_or_before() -> None:
    found = trial()
    person(found, AGE=70, SEX="F")
    for number, weight in ((2, "80"), (4, "60"), (9, "30")):
        vital(found, "WEIGHT", weight, "kg", day(number))
    lab(found, "CREAT", "1.0", "mg/dL", day(5))
    (result,) = [one for one in _all(found) if one.test == "CREATCLR"]
    assert "49.58" in result.why
    lab(found, "CREATCLR", "90", "mL/min", day(5), "20:00")
    assert {one.basis for one in _all(found) if one.test == "CREATCLR"} == {"derived", "measured"}
    lab(found, "CREATCLR", "90", "mL/min", day(5))
    assert {one.basis for one in _all(found) if one.test == "CREATCLR"} == {"measured"}


def test_qtcf_is_derived_from_the_same_ecg() -> None:
    found = trial()
    ecg(found, "QT", "480", day(5), EGREPNUM=1)
    ecg(found, "RR", "640", day(5), EGREPNUM=1)
    ecg(found, "QT", "480", day(6), EGREPNUM=1)
    ecg(found, "RR", "640", day(6), EGREPNUM=2)
    ecg(found, "QT", "480", day(7))
    ecg(found, "HR", "60", day(7), "beats/min")
    graded = {one.occurred: one for one in _all(found) if one.term == QT}
    assert graded.keys() == {day(5), day(7)}
    assert graded[day(5)].derived_from == ("QT", "RR")
    ecg(found, "QTCF", "440", day(5), EGREPNUM=1)
    assert {one.basis for one in _all(found) if one.occurred == day(5)} == {"measured"}


# -- a second finding -----------------------------------------------------------------------------

FEBRILE = """    - id: febrile
      text: t
      source: s
      toxicity: {terms: [Febrile neutropenia], grade: 3}
"""


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


# -- the worst case -------------------------------------------------------------------------------


def test_the_numeric_minimum_counts_and_the_worst_case_is_asked_once() -> None:
    found = trial()
    for number in (5, 6, 7):
        lab(found, "SODIUM", "127", "mmol/L", day(number), LBORNRLO="135", LBORNRHI="145")
    assert status(found, day(7)) == "in_window"
    asked = [text for text in queries(found, day(7)) if "Hyponatremia" in text]
    assert len(asked) == 1
    assert asked[0].startswith(f"Hyponatremia of {day(5)} counts as grade 2 and may be grade 3")


def test_a_report_answers_what_the_number_leaves_open() -> None:
    found = trial()
    lab(found, "SODIUM", "127", "mmol/L", day(5), LBORNRLO="135", LBORNRHI="145")
    found.event(WHO, "Hyponatremia", 2, day(5))
    assert not [text for text in queries(found, day(5)) if "may be grade" in text]
    found.event(WHO, "Hyponatremia", 3, day(5), recordid="other")
    assert not [text for text in queries(found, day(9)) if "reported grade 3" in text]


@pytest.mark.parametrize(("first", "asked"), [(5, True), (30, False)])
def test_nothing_is_asked_outside_the_window(first: int, asked: bool) -> None:
    found = trial()
    lab(found, "SODIUM", "127", "mmol/L", day(first), LBORNRLO="135", LBORNRHI="145")
    assert any("may be grade" in text for text in queries(found, day(first))) is asked


def test_a_protocol_may_count_the_worst_case() -> None:
    found = trial(protocol(worst_case="counts", criteria=FEBRILE))
    found.lab(WHO, "NEUT", "0.9", day(4))
    assert status(found, day(4)) == "in_window"
    lab(found, "SODIUM", "127", "mmol/L", day(5), LBORNRLO="135", LBORNRHI="145")
    assert severe(found, day(5)) == {"Neutrophil count decreased": 3, "Hyponatremia": 3}


def test_a_comparator_is_still_open_below_what_a_symptom_decides() -> None:
    found = trial()
    vital(found, "OXYSAT", "<90", "%", day(5))
    assert severe(found, day(5)) == {}
    assert status(found, day(5)) == "in_window"
    asked = [text for text in queries(found, day(5)) if "Hypoxia" in text]
    assert len(asked) == 1


# -- tests ----------------------------------------------------------------------------------------


def test_loinc_stands_in_for_the_test() -> None:
    found = trial()
    body = {"LBLOINC": "777-3", "LBORRES": "20", "LBORRESU": "10^9/L", "LBDTC": str(day(5))}
    found.record("lab", WHO, body, known=at(day(5)))
    found.record("lab", WHO, {**body, "LBTESTCD": "PLT-C"}, known=at(day(5)))
    assert severe(found, day(5)) == {"Platelet count decreased": 4}
    assert not [text for text in queries(found, day(5)) if "known test" in text]


def test_an_unknown_test_is_asked_about_once() -> None:
    found = trial()
    for number in (5, 6):
        lab(found, "TBILI", "90", "umol/L", day(number))
        lab(found, "HCT", "0.4", "", day(number))
    body = {"LBLOINC": "0-0", "LBORRES": "20", "LBDTC": str(day(5))}
    found.record("lab", WHO, body, known=at(day(5)))
    asked = [text.split()[:2] for text in queries(found, day(6)) if "known test" in text]
    assert sorted(asked) == [["LOINC", "0-0"], ["TBILI", "is"]]


TESTS = {
    "toxicity: {terms: [Pain], grade: 3}": False,
    "toxicity: {terms: [Blood bilirubin increased], grade: 3}": True,
    "hys_law: {transaminase_at_least: 3, bilirubin_at_least: 2}": True,
    "measurement: {testcd: BILI, above: {uln: 3}}": True,
    "measurement: {testcd: TBILI, above: {uln: 3}}": False,
    "measurement: {testcd: SYSBP, domain: vital, above: {mmHg: 180}}": False,
}


@pytest.mark.parametrize("words", TESTS)
def test_only_a_study_that_could_need_it_asks(words: str) -> None:
    criterion = f"    - {{id: one, text: t, source: s, {words}}}\n"
    found = trial(protocol(criteria=criterion))
    lab(found, "TBILI", "90", "umol/L", day(5))
    assert any("known test" in text for text in queries(found, day(5))) is TESTS[words]


def test_what_was_not_done_is_neither_graded_nor_the_end_of_anything() -> None:
    found = trial()
    found.lab(WHO, "PLAT", "20", day(5))
    body = {"LBTESTCD": "PLAT", "LBDTC": str(day(7)), "LBSTAT": "NOT DONE", "LBREASND": "clotted"}
    found.record("lab", WHO, body, known=at(day(7)))
    graded = {one.occurred: one for one in _all(found)}
    assert graded[day(7)].not_gradable == "not_done"
    assert severe(found, day(8)) == {"Platelet count decreased": 4}
