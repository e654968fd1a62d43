"""Numbers beside grades: compared exactly, in any unit, with ranges, baselines and comparators."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinical.dlt_blocks.support import Subject, day


def limit(words: str) -> Subject:
    return Subject(f"measurement: {{{words}}}")


@pytest.mark.parametrize(
    ("comparison", "at", "below", "above"),
    [
        ("below", "not_met", "met", "not_met"),
        ("at_most", "met", "met", "not_met"),
        ("above", "not_met", "not_met", "met"),
        ("at_least", "met", "not_met", "met"),
    ],
)
def test_each_comparison_at_its_edge(comparison: str, at: str, below: str, above: str) -> None:
    for value, result in (("10", at), ("10.0", at), ("9.9", below), ("10.1", above)):
        subject = limit(f"testcd: PLAT, {comparison}: {{10*9/L: 10}}")
        subject.value("PLAT", value, 5)
        assert subject.result(5) == result


@pytest.mark.parametrize(
    ("value", "unit", "result"),
    [
        ("9999", "/uL", "met"),
        ("10000", "/uL", "not_met"),
        ("9.99", "K/uL", "met"),
        ("5", "bags", "open"),
        ("5", None, "open"),
        ("<10", "10^9/L", "met"),
        ("<10.1", "10^9/L", "open"),
        ("<=10", "10^9/L", "open"),
        (">=10", "10^9/L", "not_met"),
        ("clumped", "10^9/L", "open"),
    ],
)
def test_units_and_comparators(value: str, unit: str | None, result: str) -> None:
    subject = limit("testcd: PLAT, below: {10*9/L: 10}")
    subject.value("PLAT", value, 5, LBORRESU=unit)
    assert subject.result(5) == result
    asked = any("unit, range or baseline of PLAT" in text for text in subject.asked(5))
    assert asked == (result == "open")


@pytest.mark.parametrize(("value", "result"), [("320", "not_met"), ("320.01", "met")])
def test_more_than_8_times_the_limit_sent_with_the_value(value: str, result: str) -> None:
    subject = limit("testcd: AST, above: {uln: 8}")
    subject.value("AST", value, 5)
    assert subject.result(5) == result


def test_a_multiple_without_a_range_is_open() -> None:
    subject = limit("testcd: AST, above: {uln: 8}")
    subject.value("AST", "900", 5, LBORNRHI=None)
    assert subject.result(5) == "open"


@pytest.mark.parametrize(("value", "result"), [("0.9", "not_met"), ("0.89", "met")])
def test_half_the_lower_limit(value: str, result: str) -> None:
    subject = limit("testcd: NEUT, below: {lln: 0.5}")
    subject.value("NEUT", value, 5)
    assert subject.result(5) == result


def ecg(subject: Subject, number: int, value: str, time: str = "", **data: Any) -> None:
    subject.other(
        "ecg",
        max(number, 1),
        EGTESTCD="QTCF",
        EGDTC=f"{day(number)}{time}",
        EGORRES=value,
        EGORRESU="ms",
        **data,
    )


@pytest.mark.parametrize(("value", "result"), [("500", "not_met"), ("501", "met")])
def test_qtcf_above_500_ms(value: str, result: str) -> None:
    subject = limit("testcd: QTCF, domain: ecg, above: {ms: 500}")
    ecg(subject, 5, value)
    assert subject.result(5) == result


@pytest.mark.parametrize(("value", "result"), [("460", "not_met"), ("461", "met")])
def test_qtcf_60_ms_over_baseline(value: str, result: str) -> None:
    subject = limit("testcd: QTCF, domain: ecg, above: {over_baseline: {ms: 60}}")
    ecg(subject, -1, "400")
    ecg(subject, 5, value)
    assert subject.result(5) == result


def test_a_shift_without_a_baseline_is_open() -> None:
    subject = limit("testcd: QTCF, domain: ecg, above: {over_baseline: {ms: 60}}")
    ecg(subject, 5, "600")
    assert subject.result(5) == "open"


@pytest.mark.parametrize(
    ("words", "value", "result"),
    [
        ("{under_baseline: {'%': 20}}", "45", "met"),
        ("{under_baseline: {'%': 20}}", "45.1", "not_met"),
        ("{baseline: 0.8}", "52", "met"),
        ("{baseline: 0.8}", "52.1", "not_met"),
    ],
)
def test_an_lvef_drop_in_points_and_in_percent_of_baseline(
    words: str, value: str, result: str
) -> None:
    """From 65 %: 20 points lower is 45 %, 20 per cent lower is 52 %."""
    subject = limit(f"testcd: LVEF, domain: vital, at_most: {words}")
    for number, text, flag in ((-3, "65", "Y"), (10, value, "")):
        subject.other(
            "vital",
            max(number, 1),
            VSTESTCD="LVEF",
            VSDTC=str(day(number)),
            VSORRES=text,
            VSORRESU="%",
            VSLOBXFL=flag,
        )
    assert subject.result(10) == result


def test_a_limit_passed_before_treatment_is_for_a_person() -> None:
    subject = limit("testcd: PLAT, below: {10*9/L: 50}")
    subject.before("PLAT", "45")
    assert subject.result(3) == "not_met"
    subject.value("PLAT", "30", 5)
    assert subject.result(5) == "needs_review"


def test_reports_of_the_named_term_speak_about_the_cause() -> None:
    subject = limit("testcd: PLAT, below: {10*9/L: 10}, reported_as: Platelet count decreased")
    subject.value("PLAT", "5", 5)
    assert "attribution_missing" in subject.status(5).flags
    subject.ae("Platelet count decreased", 4, 5, related="NOT RELATED")
    assert subject.result(5) == "needs_review"


def test_a_value_stands_until_the_next_one() -> None:
    subject = limit("testcd: PLAT, below: {10*9/L: 10}, for_more_than_days: 3")
    subject.value("PLAT", "5", 5)
    subject.value("PLAT", "20", 9)
    found = subject.found(9)
    assert found.result == "met"
    assert "unobserved" in subject.status(9).flags


# -- confirmation by a repeat ----------------------------------------------------------------------

TWICE = """
measurement: {testcd: QTCF, domain: ecg, above: {ms: 500}}
only_if: [{repeated: {at_least_minutes_apart: 30, within_days: 1}}]
"""


@pytest.mark.parametrize(
    ("time", "value", "result"),
    [
        ("T10:30:00", "510", "met"),
        ("T10:29:59", "510", "open"),
        ("T10:30:00", "480", "not_met"),
        ("", "510", "open"),
    ],
)
def test_two_ecgs_30_minutes_apart(time: str, value: str, result: str) -> None:
    subject = Subject(TWICE)
    ecg(subject, 5, "510", "T10:00:00")
    ecg(subject, 5, value, time, EGREPNUM=2)
    assert subject.result(5) == result


@pytest.mark.parametrize(("number", "result"), [(6, "met"), (7, "open")])
def test_a_repeat_in_time(number: int, result: str) -> None:
    subject = Subject(TWICE)
    ecg(subject, 5, "510", "T10:00:00")
    ecg(subject, number, "510", "T10:00:00")
    assert subject.result(8) == result


def test_a_repeat_is_awaited_and_then_asked_for() -> None:
    subject = Subject(TWICE)
    ecg(subject, 5, "510", "T10:00:00")
    assert subject.result(5) == "open"
    assert not any("a repeat of QTCF" in text for text in subject.asked(5))
    assert any("a repeat of QTCF" in text for text in subject.asked(7))
