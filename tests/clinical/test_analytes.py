"""Analytes: the units each can have, its LOINC codes, and agreement with the reference table."""

from __future__ import annotations

from fractions import Fraction

import pytest

from shared.clinical import analytes as table
from shared.clinical.analytes import Analyte, analyte_of, analytes, is_fasting_loinc, once, unit_for
from shared.clinical.ctcae import versions
from shared.clinical.ctcae.criteria import documents
from shared.clinical.quantity import conversions, factor_between, unit_of, units_by_code
from tests.clinical.public_data_support import Row, needs, rows


def code(testcd: str, text: str | None) -> str | None:
    unit = unit_for(testcd, text)
    return unit.ucum if unit else None


@pytest.mark.parametrize(
    ("testcd", "text", "ucum"),
    [
        ("QTCFAG", "msec", "ms"),
        ("QT", "mmHg", None),
        ("SYSBP", "mmHg", "mm[Hg]"),
        ("NEUT", "10^9/L", "10*9/L"),
        ("NEUT", "%", None),
        ("HGB", "g/dL", "g/dL"),
        ("HGB", "G/L", None),
        ("ALT", "U/L", "U/L"),
        ("ALT", "mg/dL", None),
        ("TSH", "uIU/mL", "u[IU]/mL"),
        ("CA", "mEq/L", "meq/L"),
        ("PHOS", "mEq/L", None),
        ("INR", "", "1"),
        ("INR", None, "1"),
        ("INR", "%", None),
        ("PH", " ", "[pH]"),
        ("PH", "pH", "[pH]"),
        ("K", "", None),
        ("K", "furlongs", None),
        ("UREAN", "mg/dL", "mg/dL"),
        ("UREAN", "", None),
        ("UREAN", "furlongs", None),
        ("LIPASET", "U/L", "U/L"),
        ("PROT", "g/24 h", "g/(24.h)"),
        ("TEMP", "F", "[degF]"),
        ("CREATCLR", "mL/min", "mL/min"),
        ("CREATCLR", "mL/min/1.73m2", "mL/min/{1.73_m2}"),
        ("EGFR", "mL/min", None),
        ("stools_per_day_over_baseline", "", "1"),
    ],
)
def test_unit_for(testcd: str, text: str | None, ucum: str | None) -> None:
    assert code(testcd, text) == ucum


def test_an_alias_is_the_same_analyte() -> None:
    assert analyte_of("LIPASET") is analyte_of("LIPASE")
    assert analyte_of("XYZ") is None


@pytest.mark.parametrize(
    ("loinc", "testcd"),
    [("751-8", "NEUT"), (" 777-3 ", "PLAT"), ("1558-6", "GLUC"), ("2345-7", "GLUC"), ("0-0", None)],
)
def test_loinc(loinc: str, testcd: str | None) -> None:
    assert table.testcd_of_loinc(loinc) == testcd


def test_only_a_fasting_code_says_fasting() -> None:
    assert is_fasting_loinc("1558-6")
    assert is_fasting_loinc("14771-0")
    assert not is_fasting_loinc("2345-7")


def test_a_code_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="718-7 is given twice"):
        once([("718-7", 1), ("718-7", 2)])


@pytest.mark.parametrize("analyte", analytes(), ids=lambda analyte: analyte.testcd)
def test_every_kind_is_a_kind_of_unit(analyte: Analyte) -> None:
    assert set(analyte.kinds) <= {unit.kind for unit in units_by_code().values()}


@pytest.mark.parametrize("analyte", analytes(), ids=lambda analyte: analyte.testcd)
def test_what_converts_is_plausible(analyte: Analyte) -> None:
    units = units_by_code()
    named = [item for item in conversions() if analyte.testcd in item.analytes]
    assert {units[item.unit].kind for item in named} <= set(analyte.kinds)
    assert len({units[item.target].kind for item in named}) <= 1


def test_the_criteria_ask_for_known_analytes_in_plausible_units() -> None:
    for version in versions():
        for criterion in (item for found in documents(version) for item in found.criteria):
            for testcd in criterion.analytes:
                assert analyte_of(testcd) is not None, (version, criterion.term, testcd)
                for unit in (criterion.unit,) if criterion.unit else ():
                    assert unit_for(testcd, unit) is not None, (version, criterion.term, testcd)


def reference() -> list[Row]:
    return list(rows(needs("reference", "lab_analytes.csv")))


def test_every_factor_of_the_reference() -> None:
    for row in reference():
        source, target = unit_of(row["unit"]), unit_of(row["grading_unit"])
        assert source is not None, row["unit"]
        assert target is not None, row["grading_unit"]
        assert unit_for(row["lbtestcd"], row["unit"]) is source
        factor = factor_between(source.ucum, target.ucum, row["lbtestcd"])
        assert factor == Fraction(row["factor_to_grading_unit"]), row


def test_every_analyte_of_the_reference() -> None:
    for row in reference():
        analyte = analyte_of(row["lbtestcd"])
        assert analyte is not None, row["lbtestcd"]
        assert analyte.loinc == tuple(row["loinc_codes"].split())
        assert analyte.unconfirmed is not row["lbtestcd_status"].startswith("verified")


MOLAR_MASS = {
    "BILI": "584.66", "CREAT": "113.12", "URATE": "168.11", "CHOL": "386.65", "TRIG": "885.43",
    "GLUC": "180.156", "PHOS": "30.974", "CA": "40.078", "MG": "24.305", "VITD25": "400.64",
    "HGB": "16114.5",
}  # fmt: skip


@pytest.mark.parametrize(("testcd", "molar_mass"), MOLAR_MASS.items())
def test_molar_factor_agrees_with_the_molar_mass(testcd: str, molar_mass: str) -> None:
    factor = factor_between("g/L", "mmol/L", testcd)
    assert factor is not None
    assert abs(factor * Fraction(molar_mass) / 1000 - 1) < Fraction(1, 2000)
