"""What a result can be at all: each limit of the table from both sides, in more than one unit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.clinical.analytes import unit_for
from shared.clinical.plausibility import (
    WIDER,
    Limits,
    contradicts,
    implausible,
    implausible_normal,
    limits,
    upper_limits,
)

STEP = Decimal("0.0001")


@pytest.mark.parametrize("limit", limits(), ids=lambda one: f"{one.testcd} {one.unit}")
def test_a_limit_itself_is_plausible_and_what_lies_beyond_is_not(limit: Limits) -> None:
    assert unit_for(limit.testcd, limit.unit) is not None
    assert limit.source
    for end, beyond, word in ((limit.low, -STEP, "below"), (limit.high, STEP, "above")):
        if end is not None:
            assert implausible(limit.testcd, str(end), limit.unit) is None
            said = implausible(limit.testcd, str(end + beyond), limit.unit)
            assert said is not None
            assert f"{word} {end} {limit.unit}" in said


@pytest.mark.parametrize(
    ("test", "result", "unit", "plausible"),
    [
        ("PLAT", "2200000", "/uL", True),
        ("PLAT", "2200001", "/uL", False),
        ("HGB", "300", "g/L", True),
        ("HGB", "300.1", "g/L", False),
        ("HGB", "18.6", "mmol/L", True),
        ("HGB", "18.7", "mmol/L", False),
        ("K", "15", "mEq/L", True),
        ("K", "15.1", "mEq/L", False),
        ("CREAT", "8.9", "umol/L", True),
        ("CREAT", "8.7", "umol/L", False),
        ("PH", "7.4", None, True),
        ("PH", "74", None, False),
        ("LIPASE", "1", "U/L", True),
        ("PLAT", "20000", "furlong", True),
        ("PLAT", "clumped", "10^9/L", True),
        ("MADEUP", "1e9", "g/L", True),
    ],
)
def test_a_result_is_judged_in_its_own_unit(
    test: str, result: str, unit: str | None, plausible: bool
) -> None:
    assert (implausible(test, result, unit) is None) is plausible


@pytest.mark.parametrize(
    ("result", "plausible"),
    [("<1", True), ("<=1", True), (">11000", True), (">11001", False), ("<99999", True)],
)
def test_a_bound_says_how_far_the_assay_reads(result: str, plausible: bool) -> None:
    assert (implausible("ALT", result, "U/L") is None) is plausible


def test_limits_are_of_blood() -> None:
    assert implausible("SODIUM", "20", "mmol/L", "SERUM") is not None
    assert implausible("SODIUM", "20", "mmol/L", "URINE") is None
    assert implausible("SODIUM", "20", "mmol/L", "drain 2") is None


@pytest.mark.parametrize(
    ("test", "specimen", "never"),
    [
        ("PLAT", "URINE", True),
        ("PLAT", "CSF", True),
        ("PLAT", "BLOOD", False),
        ("PLAT", None, False),
        ("PLAT", "drain 2", False),
        ("NEUT", "URINE", True),
        ("NEUT", "CSF", False),
        ("LIPASET", "URINE", True),
        ("GLUC", "URINE", False),
        ("MADEUP", "URINE", False),
    ],
)
def test_which_tests_are_never_taken_from_a_specimen(
    test: str, specimen: str | None, never: bool
) -> None:
    assert contradicts(test, specimen) is never


@pytest.mark.parametrize("limit", upper_limits(), ids=lambda one: one.testcd)
def test_an_upper_limit_of_normal_may_be_three_times_the_published(limit: Limits) -> None:
    assert limit.source
    assert limit.high is not None
    most = WIDER * limit.high
    assert implausible_normal(limit.testcd, str(most), limit.unit) is None
    assert implausible_normal(limit.testcd, str(most + STEP), limit.unit) is not None


@pytest.mark.parametrize(
    ("test", "upper", "unit", "specimen", "plausible"),
    [
        ("ALT", "31", "U/L", None, True),
        ("ALT", "79", "U/L", None, True),
        ("ALT", "400", "U/L", None, False),
        ("ALT", "<400", "U/L", None, False),
        ("ALT", "35-40", "U/L", None, True),
        ("ALT", "4.0", "ukat/L", None, False),
        ("ALT", "0.66", "ukat/L", "SERUM", True),
        ("BILI", "21", "umol/L", None, True),
        ("BILI", "21", "mg/dL", None, False),
        ("CREAT", "104", "umol/L", None, True),
        ("CREAT", "104", "mg/dL", None, False),
        ("CREAT", "250", "mg/dL", "URINE", True),
        ("ALT", None, "U/L", None, True),
        ("ALT", "see text", "U/L", None, True),
        ("ALT", "400", "furlong", None, True),
        ("ALP", "468", "U/L", None, True),
        ("MADEUP", "400", "U/L", None, True),
    ],
)
def test_an_upper_limit_of_normal_is_judged_in_the_unit_of_its_result(
    test: str, upper: str | None, unit: str, specimen: str | None, plausible: bool
) -> None:
    assert (implausible_normal(test, upper, unit, specimen) is None) is plausible
