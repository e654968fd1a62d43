"""Units: spellings seen in public data, what is unknown, and conversions that are exact."""

from __future__ import annotations

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clinical.quantity import (
    INFINITY,
    Span,
    factor_between,
    is_at_least,
    is_below,
    multiply,
    span_of,
    spellings_of,
    unit_of,
    units_by_code,
)
from shared.contracts.results import Measured
from tests.clinical.public_data_support import needs, rows


@pytest.mark.parametrize(
    ("spelling", "ucum"),
    [
        ("GI/L", "10*9/L"),
        ("G/L", "10*9/L"),
        ("G/l", "10*9/L"),
        ("Gpt/L", "10*9/L"),
        ("10^9/L", "10*9/L"),
        ("10**9/L", "10*9/L"),
        ("x 109/L", "10*9/L"),
        ("x10⁹/L", "10*9/L"),
        ("10^9 cells/L", "10*9/L"),
        ("x10E9/L", "10*9/L"),
        ("/nL", "10*9/L"),
        ("THOU/uL", "10*3/uL"),
        ("K/uL", "10*3/uL"),
        ("k/ul", "10*3/uL"),
        ("x10E3/uL", "10*3/uL"),
        ("10e+3/µL", "10*3/uL"),
        ("x10(3)/μL", "10*3/uL"),
        ("10^3/mcL", "10*3/uL"),
        ("10X3/UL", "10*3/uL"),
        ("10x9/L", "10*9/L"),
        ("X10E9/L", "10*9/L"),
        ("CELLS/MCL", "/uL"),
        ("10*3/mm3", "10*3/uL"),
        ("K/cumm", "10*3/uL"),
        ("10^3/mL", "10*3/mL"),
        ("/mm3", "/mm3"),
        ("cells/mm^3", "/mm3"),
        ("/cu mm", "/mm3"),
        ("cells/uL", "/uL"),
        ("Lakhs/cumm", "10*5/uL"),
        ("x10^4/μL", "10*4/uL"),
        ("10^6/L", "10*6/L"),
        ("10^12/L", "10*6/uL"),
        ("U/L", "U/L"),
        ("IU/L", "U/L"),
        ("iu/l", "U/L"),
        ("mU/mL", "U/L"),
        ("U/mL", "kU/L"),
        ("µkat/L", "ukat/L"),
        ("ukat/L", "ukat/L"),
        ("nkat/L", "nkat/L"),
        ("umol/L", "umol/L"),
        ("µmol/L", "umol/L"),
        ("mg/dL", "mg/dL"),
        ("MG/DL", "mg/dL"),
        ("mg%", "mg/dL"),
        ("g/L", "g/L"),
        ("g/l", "g/L"),
        ("mIU/L", "m[IU]/L"),
        ("µIU/mL", "u[IU]/mL"),
        ("mEq/L", "meq/L"),
        ("pg/mL", "pg/mL"),
        ("RATIO", "1"),
        ("% of predicted", "%"),
        ("PH", "[pH]"),
        ("mg/mg", "g/g"),
        ("mL/min/1.73 m²", "mL/min/{1.73_m2}"),
        ("ml/min/1.73m2", "mL/min/{1.73_m2}"),
        ("g/24 h", "g/(24.h)"),
        ("mg/day", "mg/(24.h)"),
        ("C", "Cel"),
        ("℃", "Cel"),
        ("ºC", "Cel"),
        ("F", "[degF]"),
        ("°F", "[degF]"),
        ("mmHg", "mm[Hg]"),
        ("BEATS/MIN", "/min"),
        ("msec", "ms"),
        ("sec", "s"),
        ("LB", "[lb_av]"),
    ],
)
def test_spelling(spelling: str, ucum: str) -> None:
    unit = unit_of(spelling)
    assert unit is not None
    assert unit.ucum == ucum


@pytest.mark.parametrize("spelling", ["", "10/L", "furlongs", "10^7/uL", "x", "MM"])
def test_unknown_spelling(spelling: str) -> None:
    assert unit_of(spelling) is None


@pytest.mark.parametrize(
    ("source", "target", "analyte", "factor"),
    [
        ("10*9/L", "10*3/uL", "PLAT", "1"),
        ("/mm3", "10*9/L", "NEUT", "1/1000"),
        ("/uL", "10*9/L", "NEUT", "1/1000"),
        ("10*3/mL", "10*3/uL", "NEUT", "1/1000"),
        ("10*5/uL", "10*9/L", "PLAT", "100"),
        ("/mL", "/uL", "WBC", "1/1000"),
        ("10*6/L", "10*9/L", "WBC", "1/1000"),
        ("10*6/uL", "10*9/L", "WBC", "1000"),
        ("ukat/L", "U/L", "ALT", "60"),
        ("nkat/L", "ukat/L", "ALT", "1/1000"),
        ("kU/L", "U/L", "ALT", "1000"),
        ("mg/dL", "umol/L", "BILI", "171/10"),
        ("umol/L", "mg/dL", "BILI", "10/171"),
        ("mg/L", "mmol/L", "BILI", "171/100000"),
        ("g/dL", "mmol/L", "HGB", "10000/16114"),
        ("meq/L", "mmol/L", "K", "1"),
        ("meq/L", "mmol/L", "CA", "1/2"),
        ("meq/L", "mg/dL", "CA", "5000/2495"),
        ("mg/dL", "meq/L", "MG", "8228/10000"),
        ("mm[Hg]", "kPa", "SYSBP", "133322387415/1000000000000"),
        ("[lb_av]", "kg", "WEIGHT", "45359237/100000000"),
        ("ms", "s", "QT", "1/1000"),
        ("m[IU]/L", "u[IU]/mL", "TSH", "1"),
        ("ng/mL", "ug/L", "TROPONI", "1"),
        ("pg/mL", "ng/L", "TROPONT", "1"),
    ],
)
def test_factor(source: str, target: str, analyte: str, factor: str) -> None:
    assert factor_between(source, target, analyte) == Fraction(factor)


@pytest.mark.parametrize(
    ("source", "target", "analyte"),
    [
        ("mg/dL", "umol/L", "ALT"),
        ("mg/dL", "U/L", "BILI"),
        ("10*9/L", "g/L", "PLAT"),
        ("meq/L", "mmol/L", "PHOS"),
        ("meq/L", "mmol/L", "ALB"),
        ("[degF]", "Cel", "TEMP"),
        ("%", "1", "INR"),
        ("mL/min", "mL/min/{1.73_m2}", "EGFR"),
        ("foo", "g/L", "PLAT"),
        ("g/L", "foo", "PLAT"),
    ],
)
def test_no_conversion(source: str, target: str, analyte: str) -> None:
    assert factor_between(source, target, analyte) is None


CODES = sorted(units_by_code())


@given(
    st.sampled_from(CODES), st.sampled_from(CODES), st.sampled_from(["BILI", "CA", "HGB", "PLAT"])
)
def test_there_and_back_is_identity(source: str, target: str, analyte: str) -> None:
    forward, back = factor_between(source, target, analyte), factor_between(target, source, analyte)
    assert (forward is None) == (back is None)
    if forward is not None and back is not None:
        assert forward * back == 1


@given(*[st.sampled_from(CODES)] * 3, st.sampled_from(["BILI", "CA", "HGB", "PLAT"]))
def test_a_detour_changes_nothing(source: str, over: str, target: str, analyte: str) -> None:
    first, second = factor_between(source, over, analyte), factor_between(over, target, analyte)
    if first is not None and second is not None:
        assert factor_between(source, target, analyte) == first * second


PUBLIC_SETS = [
    ("cdisc-msg-datasetjson", "lb.ndjson", "LB"),
    ("cdisc-msg-datasetjson", "vs.ndjson", "VS"),
    ("phuse-statin", "lb.csv.gz", "LB"),
]
DELIBERATELY_UNKNOWN = {
    "": "no unit: known only where the test is a plain number",
    "pg": "mean corpuscular haemoglobin is not graded",
    "fmol": "mean corpuscular haemoglobin is not graded",
    "fL": "mean corpuscular volume is not graded",
    "in": "height is not graded",
    "cm": "height is not graded",
}


@pytest.mark.parametrize(("folder", "name", "domain"), PUBLIC_SETS)
def test_every_spelling_in_public_data_is_decided(folder: str, name: str, domain: str) -> None:
    columns = (f"{domain}ORRESU", f"{domain}STRESU")
    found = {row[column] for row in rows(needs("data", folder, name)) for column in columns}
    assert found
    assert {text for text in found if unit_of(text) is None} <= set(DELIBERATELY_UNKNOWN)


def test_what_is_unknown_on_purpose_is_unknown() -> None:
    assert not any(map(unit_of, DELIBERATELY_UNKNOWN))


def test_every_unit_has_a_source_and_a_positive_factor() -> None:
    assert all(unit.source and unit.factor > 0 for unit in units_by_code().values())


def test_one_spelling_cannot_mean_two_units() -> None:
    units = units_by_code()
    twice = units["mg/L"].model_copy(update={"spellings": ("MCG/ML", "g/L")})
    with pytest.raises(ValueError, match="g/L is spelled for two units"):
        spellings_of([units["g/L"], twice])


def test_multiplication_never_rounds() -> None:
    assert multiply(Decimal("1.2"), Decimal(3)) == Decimal("3.6")
    long = Decimal("0." + "1" * 30)
    assert Fraction(multiply(long, Decimal("9" * 30))) == Fraction(long) * (10**30 - 1)
    with pytest.raises(Inexact):
        multiply(Decimal("1" * 150), Decimal("1." + "1" * 150))


ONE = Decimal(1)


@pytest.mark.parametrize(
    ("result", "span"),
    [
        (Measured(ONE), Span((ONE, 0), (ONE, 0))),
        (Measured(ONE, "<"), Span((Decimal(0), 0), (ONE, -1))),
        (Measured(ONE, "<="), Span((Decimal(0), 0), (ONE, 0))),
        (Measured(ONE, ">"), Span((ONE, 1), (INFINITY, 0))),
        (Measured(ONE, ">="), Span((ONE, 0), (INFINITY, 0))),
    ],
)
def test_span(result: Measured, span: Span) -> None:
    assert span_of(result) == span


def test_order_beside_a_number() -> None:
    below, at, above = (ONE, -1), (ONE, 0), (ONE, 1)
    assert is_at_least(above, ONE)
    assert is_at_least(at, ONE)
    assert is_below(below, ONE)
    assert not is_below(above, ONE)
