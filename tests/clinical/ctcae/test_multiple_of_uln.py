"""A value as a multiple of its own upper limit of normal: exact, or the reason why not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.clinical.ctcae import (
    Measurement,
    Multiple,
    multiple_of_uln,
)
from tests.clinical.ctcae.grading_support import ALT, BILI


def multiple(value: Measurement) -> Multiple:
    answer = multiple_of_uln(value)
    assert isinstance(answer, Multiple)
    return answer


def test_multiple_of_uln_is_exact() -> None:
    three = multiple(replace(BILI, result="3.6"))
    assert (three.low, three.high) == (Fraction(3), Fraction(3))
    assert three.at_least(Decimal(3)) is True
    assert three.at_least(Decimal("3.0001")) is False


def test_multiple_of_uln_with_comparator() -> None:
    above = multiple(replace(ALT, result=">100"))
    assert (above.low, above.high) == (Fraction(5, 2), None)
    assert above.at_least(Decimal(2)) is True
    assert above.at_least(Decimal(3)) is None
    below = multiple(replace(ALT, result="<120"))
    assert below.at_least(Decimal(3)) is False
    assert multiple(replace(ALT, result="<=120")).at_least(Decimal(3)) is None


def test_multiple_of_uln_needs_no_unit() -> None:
    assert multiple(replace(ALT, unit=None)).low == Fraction(15, 4)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (replace(ALT, range_high=None), "no_range"),
        (replace(ALT, range_high="0"), "no_range"),
        (replace(ALT, result="high"), "character_result"),
        (replace(ALT, result="-1"), "needs_clinical_input"),
        (replace(BILI, specimen="URINE"), "needs_clinical_input"),
    ],
)
def test_no_multiple(value: Measurement, reason: str) -> None:
    assert multiple_of_uln(value) == reason
