"""What a record measures, and what follows from it: derived values, test codes, nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinical.samples_support import (
    WHO,
    day,
    ecg,
    graded_of,
    lab,
    person,
    protocol,
    queries,
    results,
    severe,
    status,
    trial,
    vital,
)
from tests.clinical.stories import Trial, at, end_of, subject_of

QT = "Electrocardiogram QT corrected interval prolonged"


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
    derived = {one.test for one in graded_of(found) if one.basis == "derived"}
    assert derived == expected
    assert ("Chronic kidney disease" in severe(found, day(5))) is bool(expected)


def test_clearance_takes_the_last_weight_of_the_day_or_before() -> None:
    found = trial()
    person(found, AGE=70, SEX="F")
    for number, weight in ((2, "80"), (4, "60"), (9, "30")):
        vital(found, "WEIGHT", weight, "kg", day(number))
    lab(found, "CREAT", "1.0", "mg/dL", day(5))
    assert "49.58" in results(found)["Chronic kidney disease CREATCLR"].why
    lab(found, "CREATCLR", "90", "mL/min", day(5), "20:00")
    assert clearances(found) == {"derived", "measured"}
    lab(found, "CREATCLR", "90", "mL/min", day(5))
    assert clearances(found) == {"measured"}


def test_a_reported_filtration_rate_is_not_derived_again() -> None:
    found = trial()
    person(found, AGE=70, SEX="F")
    lab(found, "CREAT", "2.4", "mg/dL", day(5))
    lab(found, "EGFR", "35", "mL/min/1.73m2", day(5))
    rates = [(one.basis, one.grade_low) for one in graded_of(found) if one.test == "EGFR"]
    assert rates == [("measured", 2)]


def clearances(found: Trial) -> set[str | None]:
    return {one.basis for one in graded_of(found) if one.test == "CREATCLR"}


def test_qtcf_is_derived_from_the_same_ecg() -> None:
    found = trial()
    ecg(found, "QT", "480", day(5), EGREPNUM=1)
    ecg(found, "RR", "640", day(5), EGREPNUM=1)
    ecg(found, "QT", "480", day(6), EGREPNUM=1)
    ecg(found, "RR", "640", day(6), EGREPNUM=2)
    ecg(found, "QT", "480", day(7))
    ecg(found, "HR", "60", day(7), "beats/min")
    graded = {one.occurred: one for one in graded_of(found) if one.term == QT}
    assert graded.keys() == {day(5), day(7)}
    assert graded[day(5)].derived_from == ("QT", "RR")
    ecg(found, "QT", "480", day(8))
    vital(found, "HR", "60", "beats/min", day(8))
    assert not [one for one in graded_of(found) if one.occurred == day(8) and one.term == QT]
    ecg(found, "QTCF", "440", day(5), EGREPNUM=1)
    assert {one.basis for one in graded_of(found) if one.occurred == day(5)} == {"measured"}


def test_of_two_albumins_of_one_sample_the_worse_correction_counts() -> None:
    found = trial()
    lab(found, "CA", "1.70", "mmol/L", day(5), LBREFID="tube")
    lab(found, "ALB", "20", "g/L", day(5), LBREFID="tube")
    lab(found, "ALB", "40", "g/L", day(5), LBREFID="tube")
    assert severe(found, day(5)) == {"Hypocalcemia": 3}
    assert [one.term for one in graded_of(found)].count("Hypocalcemia") == 1


# -- tests ----------------------------------------------------------------------------------------


def test_loinc_stands_in_for_the_test() -> None:
    found = trial()
    body = {"LBLOINC": "777-3", "LBORRES": "20", "LBORRESU": "10^9/L", "LBDTC": str(day(5))}
    found.record("lab", WHO, body, known=at(day(5)))
    found.record("lab", WHO, {**body, "LBTESTCD": "PLT-C"}, known=at(day(5)))
    assert severe(found, day(5)) == {"Platelet count decreased": 4}
    assert not [text for text in queries(found, day(5)) if "known test" in text]


@pytest.mark.parametrize("code", ["QTCF", "QTCFAG", "QTCB"])
def test_a_criterion_about_a_value_reads_every_spelling_of_its_test(code: str) -> None:
    words = "measurement: {testcd: QTCF, domain: ecg, above: {ms: 500}}"
    found = trial(protocol(criteria=f"    - {{id: qt, text: t, source: s, {words}}}\n"))
    ecg(found, code, "501", day(5))
    assert status(found, day(5)) == ("in_window" if code == "QTCB" else "dlt_candidate")


LONG_QT = "testcd: QTCF, domain: ecg, above: {ms: 500}"
LOW_CALCIUM = "testcd: CACORR, below: {mmol/L: 2}"


@pytest.mark.parametrize(
    ("words", "first", "second", "met"),
    [
        (LONG_QT, ("QT", "480"), ("RR", "890"), False),
        (LONG_QT, ("QT", "480"), ("RR", "880"), True),
        (LOW_CALCIUM, ("CA", "1.70"), ("ALB", "25"), False),
        (LOW_CALCIUM, ("CA", "1.70"), ("ALB", "26"), True),
        ("testcd: CA, below: {mmol/L: 2}", ("CA", "1.70"), ("ALB", "20"), True),
    ],
)
def test_a_criterion_about_a_value_reads_a_derived_one(
    words: str, first: tuple[str, str], second: tuple[str, str], met: bool
) -> None:
    """QTcF of 480 ms is 499.0 at RR 890, 500.9 at 880; calcium 1.70 + 0.02 x (40 - 25) is 2.00."""
    criterion = f"    - {{id: one, text: t, source: s, measurement: {{{words}}}}}\n"
    found = trial(protocol(criteria=criterion))
    for test, result in (first, second):
        if test in ("QT", "RR"):
            ecg(found, test, result, day(5))
        else:
            lab(found, test, result, "g/L" if test == "ALB" else "mmol/L", day(5))
    assert status(found, day(5)) == ("dlt_candidate" if met else "in_window")
    (seen,) = subject_of(found.assess(end_of(day(5))), WHO).criteria
    assert len(seen.evidence) == (0 if not met else 1 if "CA," in words else 2)


def test_what_was_not_done_is_neither_graded_nor_the_end_of_anything() -> None:
    found = trial()
    found.lab(WHO, "PLAT", "20", day(5))
    body = {"LBTESTCD": "PLAT", "LBDTC": str(day(7)), "LBSTAT": "NOT DONE", "LBREASND": "clotted"}
    found.record("lab", WHO, body, known=at(day(7)))
    graded = {one.occurred: one for one in graded_of(found)}
    assert graded[day(7)].not_gradable == "not_done"
    assert severe(found, day(8)) == {"Platelet count decreased": 4}
