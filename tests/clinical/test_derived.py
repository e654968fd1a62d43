"""Derived measurements: published worked values, reasons for none, and no flip at a limit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.clinical.analytes import unit_for
from shared.clinical.ctcae.model import Measurement
from shared.clinical.derived import (
    FORMULAS,
    PLACES,
    Derived,
    NotDerived,
    NotDerivedReason,
    ckd_epi_2021,
    corrected_calcium,
    creatinine_clearance,
    cube_root,
    egfr,
    fasting_status,
    qtcf,
)
from shared.clinical.quantity import factor_between, units_by_code


def measured(
    testcd: str, result: str, unit: str | None, specimen: str | None = None
) -> Measurement:
    return Measurement(testcd, result, unit, None, None, specimen)


def value_of(answer: Derived | NotDerived) -> Decimal:
    assert isinstance(answer, Derived), answer
    return Decimal(answer.measurement.result)


# Answers of the National Kidney Foundation's calculators for CKD-EPI 2021 and Cockcroft-Gault, the
# first two as quoted in the tests of pharmaverse/admiral.
@pytest.mark.parametrize(
    ("creatinine", "unit", "age", "sex", "rate"),
    [
        ("1.09", "mg/dL", 55, "M", 80),
        ("85", "umol/L", 65, "F", 66),
        ("1.2", "mg/dL", 55, "M", 71),
    ],
)
def test_ckd_epi_as_published(creatinine: str, unit: str, age: int, sex: str, rate: int) -> None:
    answer = egfr(measured("CREAT", creatinine, unit), age=age, sex=sex)
    assert round(value_of(answer)) == rate


# pharmaverse/admiral, test of compute_egfr; it converts umol/L by 88.42, hence mg/dL here.
@pytest.mark.parametrize(
    ("micromoles", "age", "female", "rate"),
    [
        ("96.3", 55, False, "80.2293"),
        ("70", 52, True, "89.7175"),
        ("77", 67, False, "94.5453"),
        ("65", 76, True, "84.4646"),
    ],
)
def test_ckd_epi_to_four_decimals(micromoles: str, age: int, female: bool, rate: str) -> None:
    exact = ckd_epi_2021(Fraction(micromoles) / Fraction("88.42"), age, female=female)
    assert abs(exact - Fraction(rate)) < Fraction(1, 10_000)


@pytest.mark.parametrize(
    ("creatinine", "unit", "weight", "age", "sex", "rate"),
    [
        ("1.09", "mg/dL", ("90", "kg"), 55, "M", 97),
        ("85", "umol/L", ("60", "kg"), 65, "F", 55),
        ("85", "umol/L", ("132.277", "LB"), 65, "F", 55),
    ],
)
def test_cockcroft_gault_as_published(
    creatinine: str, unit: str, weight: tuple[str, str], age: int, sex: str, rate: int
) -> None:
    answer = creatinine_clearance(
        measured("CREAT", creatinine, unit), measured("WEIGHT", *weight), age=age, sex=sex
    )
    assert round(value_of(answer)) == rate


@pytest.mark.parametrize(
    ("qt", "rr", "corrected"),
    [
        (("400", "ms"), ("1000", "ms"), "400.000"),
        (("0.400", "s"), ("1.000", "s"), "400.000"),
        (("400", "ms"), ("60", "beats/min"), "400.000"),
        (("400", "ms"), ("512", "ms"), "500.000"),
        (("400", "ms"), ("511.999", "ms"), "500.001"),
        (("400", "ms"), ("512.001", "ms"), "499.999"),
    ],
)
def test_fridericia(qt: tuple[str, str], rr: tuple[str, str], corrected: str) -> None:
    code = "HR" if "min" in rr[1] else "RRAG"
    answer = qtcf(measured("QTAG", *qt), measured(code, *rr))
    assert isinstance(answer, Derived)
    assert answer.measurement == measured("QTCF", corrected, "ms")
    assert answer.inputs == ("QTAG", code)


# Payne's formula as every textbook works it: 0.8 mg/dL for each g/dL below 4.0.
@pytest.mark.parametrize(
    ("calcium", "albumin", "corrected"),
    [
        (("8.0", "mg/dL"), ("2.0", "g/dL"), "9.6"),
        (("8.0", "mg/dL"), ("20", "g/L"), "9.6"),
        (("80", "mg/L"), ("20", "g/L"), "96"),
        (("2.00", "mmol/L"), ("20", "g/L"), "2.4"),
        (("4.00", "mEq/L"), ("2", "g/dL"), "4.8"),
        (("9.0", "mg/dL"), ("4.0", "g/dL"), "9.0"),
        (("9.0", "mg/dL"), ("4.5", "g/dL"), "8.6"),
    ],
)
def test_corrected_calcium(
    calcium: tuple[str, str], albumin: tuple[str, str], corrected: str
) -> None:
    total = Measurement("CA", *calcium, "8.5", "10.5", "SERUM")
    answer = corrected_calcium(total, measured("ALB", *albumin))
    assert value_of(answer) == Decimal(corrected)
    assert isinstance(answer, Derived)
    result = answer.measurement
    assert (result.testcd, result.unit, result.range_low, result.range_high, result.specimen) == (
        "CACORR", calcium[1], "8.5", "10.5", "SERUM"
    )  # fmt: skip


URINE = measured("CREAT", "1", "mg/dL", "URINE")
CREAT, WEIGHT = measured("CREAT", "1.0", "mg/dL"), measured("WEIGHT", "70", "kg")
ALB, CA = measured("ALB", "4", "g/dL"), measured("CA", "9", "mg/dL")
QT, RR = measured("QT", "400", "ms"), measured("RR", "900", "ms")


@pytest.mark.parametrize(
    ("answer", "reason", "blamed"),
    [
        (corrected_calcium(None, ALB), "missing_input", "CA"),
        (corrected_calcium(CA, None), "missing_input", "ALB"),
        (corrected_calcium(measured("CAION", "1.2", "mmol/L"), ALB), "missing_input", "CA"),
        (corrected_calcium(measured("XYZ", "1.2", "mmol/L"), ALB), "missing_input", "CA"),
        (corrected_calcium(CA, measured("ALB", "<1.0", "g/dL")), "comparator", "ALB"),
        (corrected_calcium(CA, measured("ALB", "600", "umol/L")), "unit_unknown", "ALB"),
        (corrected_calcium(CA, measured("ALB", "60", "g/dL")), "out_of_validity", "ALB"),
        (corrected_calcium(measured("CA", "9", ""), ALB), "unit_unknown", "CA"),
        (egfr(None, age=50, sex="F"), "missing_input", "CREAT"),
        (egfr(CREAT, age=None, sex="F"), "missing_input", "AGE"),
        (egfr(CREAT, age=50, sex=None), "missing_input", "SEX"),
        (egfr(CREAT, age=50, sex="U"), "missing_input", "SEX"),
        (egfr(CREAT, age=17, sex="F"), "out_of_validity", "AGE"),
        (egfr(measured("CREAT", "+", "mg/dL"), age=50, sex="F"), "character_result", "CREAT"),
        (egfr(measured("CREAT", ">9", "mg/dL"), age=50, sex="F"), "comparator", "CREAT"),
        (egfr(measured("CREAT", "0", "mg/dL"), age=50, sex="F"), "out_of_validity", "CREAT"),
        (egfr(URINE, age=50, sex="F"), "other_specimen", "CREAT"),
        (egfr(measured("CREAT", "1", "mmHg"), age=50, sex="F"), "unit_unknown", "CREAT"),
        (creatinine_clearance(CREAT, None, age=50, sex="F"), "missing_input", "WEIGHT"),
        (creatinine_clearance(CREAT, WEIGHT, age=140, sex="F"), "out_of_validity", "AGE"),
        (qtcf(QT, None), "missing_input", "RR"),
        (qtcf(measured("QTCF", "400", "ms"), RR), "missing_input", "QT"),
        (qtcf(measured("QT", "400", "mmHg"), RR), "unit_unknown", "QT"),
        (qtcf(QT, measured("HR", "0", "/min")), "out_of_validity", "HR"),
    ],
)  # fmt: skip
def test_no_number_but_a_reason(
    answer: Derived | NotDerived, reason: NotDerivedReason, blamed: str
) -> None:
    assert isinstance(answer, NotDerived)
    assert (answer.reason, answer.input) == (reason, blamed)


def test_adults_from_their_eighteenth_birthday() -> None:
    assert value_of(egfr(CREAT, age=18, sex="F")) > 0


@pytest.mark.parametrize(
    ("creatinine", "clearance"),
    [("1.99999999", "35.001"), ("2.0", "35.000"), ("2.00000001", "34.999")],
)
def test_cutting_never_reaches_a_limit(creatinine: str, clearance: str) -> None:
    """(140 - 68) x 70 / (72 x 2.0) is 35 exactly; 1.99999999 and 2.00000001 are not."""
    answer = creatinine_clearance(measured("CREAT", creatinine, "mg/dL"), WEIGHT, age=68, sex="M")
    assert value_of(answer) == Decimal(clearance)


HUNDREDTHS = st.integers(10, 2000).map(lambda count: Decimal(count) / 100)


@given(HUNDREDTHS, st.integers(18, 110), st.sampled_from("FM"), st.integers(1, 1500))
def test_egfr_stays_on_its_side(creatinine: Decimal, age: int, sex: str, tenths: int) -> None:
    exact = ckd_epi_2021(Fraction(creatinine), age, female=sex == "F")
    limit = Fraction(tenths, 10)
    answer = value_of(egfr(measured("CREAT", str(creatinine), "mg/dL"), age=age, sex=sex))
    assert (answer > limit, answer == limit) == (exact > limit, exact == limit)
    assert abs(Fraction(answer) - exact) <= Fraction(1, 10**PLACES)


@given(st.integers(200, 700), st.integers(300, 2000), st.integers(3000, 6000))
def test_qtcf_stays_on_its_side(qt: int, rr: int, tenths: int) -> None:
    answer = value_of(qtcf(measured("QT", str(qt), "ms"), measured("RR", str(rr), "ms")))
    limit, cube = Fraction(tenths, 10), Fraction(qt**3 * 1000, rr)
    assert (answer > limit, answer == limit) == (cube > limit**3, cube == limit**3)
    assert (answer - Decimal("0.001")) ** 3 < cube < (answer + Decimal("0.001")) ** 3


@given(HUNDREDTHS, HUNDREDTHS)
def test_more_creatinine_is_less_filtration(one: Decimal, other: Decimal) -> None:
    assume(one < other)
    first, second = (
        value_of(egfr(measured("CREAT", str(found), "mg/dL"), age=60, sex="M"))
        for found in (one, other)
    )
    assert first > second


@given(st.integers(0, 10**40))
def test_cube_root(number: int) -> None:
    root = cube_root(number)
    assert root**3 <= number < (root + 1) ** 3


@pytest.mark.parametrize(
    ("lbfast", "loinc", "fasting"),
    [
        ("Y", None, True),
        ("N", None, False),
        ("U", None, None),
        ("", None, None),
        (None, None, None),
        (" y ", "2345-7", True),
        (None, "2345-7", None),
        (None, "1558-6", True),
        ("Y", "14771-0", True),
        ("N", "1558-6", None),
    ],
)
def test_fasting(lbfast: str | None, loinc: str | None, fasting: bool | None) -> None:
    assert fasting_status(lbfast, loinc) is fasting


@pytest.mark.parametrize(
    ("testcd", "target"),
    [
        *[("CA", "mmol/L"), ("ALB", "g/L"), ("CREAT", "mg/dL"), ("WEIGHT", "kg")],
        *[("QT", "ms"), ("RR", "s"), ("HR", "/min")],
    ],
)
def test_every_plausible_unit_of_an_input_converts(testcd: str, target: str) -> None:
    for ucum in units_by_code():
        if unit_for(testcd, ucum) is not None:
            assert factor_between(ucum, target, testcd) is not None


def test_every_formula_says_what_it_is() -> None:
    for formula in FORMULAS:
        assert formula.source
        assert formula.valid
        assert formula.unit is None or formula.unit in units_by_code()
