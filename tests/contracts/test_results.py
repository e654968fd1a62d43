"""The grammar of results: an optional comparator and a number, all else characters."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.facts import numeric
from shared.contracts.results import Character, Comparator, Measured, parse_result


@pytest.mark.parametrize(
    ("text", "value", "comparator"),
    [
        ("1.60", "1.60", ""),
        ("0", "0", ""),
        (" 42 ", "42", ""),
        ("+3", "3", ""),
        ("-1.5", "-1.5", ""),
        (".5", "0.5", ""),
        ("5.", "5", ""),
        ("<0.2", "0.2", "<"),
        ("<= 0.2", "0.2", "<="),
        (">1000", "1000", ">"),
        (" >=10 ", "10", ">="),
    ],
)
def test_measured(text: str, value: str, comparator: Comparator) -> None:
    assert parse_result(text) == Measured(Decimal(value), comparator)


@pytest.mark.parametrize(
    "text",
    ["", " ", "POSITIVE", "1,5", "1 500", "1e5", "NaN", "Infinity", "0x10", "<", "<>5", "=5", "==5",
     "5 mg", "12-15", "2+", "1.2.3", "٣", "１２", "--5", "9" * 31],
)  # fmt: skip
def test_character(text: str) -> None:
    assert parse_result(text) == Character(text)


@given(st.text(max_size=40))
def test_any_text_reads_as_one_of_the_two(text: str) -> None:
    read = parse_result(text)
    assert isinstance(read, Character) or read.value.is_finite()


@given(
    st.decimals(-(10**12), 10**12, allow_nan=False, places=6),
    st.sampled_from(["", "<", "<=", ">", ">="]),
)
def test_digits_are_kept_as_written(value: Decimal, comparator: Comparator) -> None:
    assert parse_result(f"{comparator}{value:f}") == Measured(value, comparator)


def test_a_limit_is_a_plain_number() -> None:
    assert numeric("1.80") == Decimal("1.80")
    assert numeric(None) is numeric("") is numeric("<5") is numeric("n/a") is None
