"""eDISH points and QTcF outliers: both sides of each limit, comparators, and what is not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.figures import LiverPeak, LiverPoint, QtPoint
from tests.clinical.samples_support import WHO, day, ecg, protocol, trial
from tests.clinical.stories import Trial
from tests.clinical.test_figures import figures

# -- eDISH ---------------------------------------------------------------------------------------


def liver(found: Trial) -> LiverPoint:
    (point,) = figures(found).liver
    return point


def peak(found: Trial, test: str) -> LiverPeak:
    return next(one for one in liver(found).peaks if one.test == test)


@pytest.mark.parametrize(
    ("alt", "bili", "raised"),
    [
        ("120", "40", (True, True)),
        ("119.99", "40", (False, True)),
        ("120", "39.99", (True, False)),
        (">120", "40", (True, True)),
        (">119", "<39", (None, False)),
        ("haemolysed", "40", (None, True)),
    ],
)
def test_both_sides_of_three_and_two_times_uln(
    alt: str, bili: str, raised: tuple[bool | None, bool | None]
) -> None:
    found = trial()
    found.lab(WHO, "ALT", alt, day(4))
    found.lab(WHO, "BILI", bili, day(6))
    point = liver(found)
    assert (point.transaminase_raised, point.bilirubin_raised) == raised
    assert point.days_apart == (2 if raised == (True, True) else None)


def test_a_multiple_just_below_a_limit_is_not_rounded_up_to_it() -> None:
    found = trial()
    found.lab(WHO, "ALT", "119.999", day(4))
    assert peak(found, "ALT").peak == Decimal("2.999")


def test_the_peak_is_by_each_value_s_own_upper_limit() -> None:
    found = trial()
    found.lab(WHO, "ALT", "100", day(-2))
    found.lab(WHO, "ALT", "120", day(4), LBORNRHI="60")
    found.lab(WHO, "ALT", "110", day(6))
    alt = peak(found, "ALT")
    assert (alt.peak, alt.day, alt.baseline, alt.baseline_raised) == (
        Decimal("2.750"),
        6,
        Decimal("2.500"),
        True,
    )
    assert (alt.open_above, alt.not_comparable) == (False, 0)


@pytest.mark.parametrize(
    ("result", "limits", "top", "why"),
    [
        (">100", {}, "2.500", None),
        ("<5", {}, None, "no value on treatment is more than a ceiling"),
        ("100", {"LBORNRHI": None}, None,
         "no value on treatment can be compared with an upper limit of normal"),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_peak_is_said(
    result: str, limits: dict[str, Any], top: str | None, why: str | None
) -> None:
    found = trial()
    found.lab(WHO, "ALT", result, day(4), **limits)
    alt = peak(found, "ALT")
    assert (alt.peak, alt.why_none, alt.open_above) == (top and Decimal(top), why, True)


@pytest.mark.parametrize(
    ("result", "limits", "raised"),
    [
        ("40.1", {}, True),
        ("40", {}, False),
        ("<50", {}, None),
        (">30", {}, None),
        ("40", {"LBORNRHI": None}, None),
    ],
)
def test_whether_the_baseline_was_raised(
    result: str, limits: dict[str, Any], raised: bool | None
) -> None:
    found = trial()
    found.lab(WHO, "ALT", result, day(-2), **limits)
    assert peak(found, "ALT").baseline_raised is raised


def test_no_value_and_another_specimen_are_no_peak() -> None:
    found = trial()
    found.lab(WHO, "BILI", "900", day(4), LBSPEC="URINE")
    point = liver(found)
    assert [one.why_none for one in point.peaks] == ["no value on treatment"] * 4
    assert (point.transaminase, point.transaminase_raised, point.bilirubin_raised) == (None,) * 3


def test_the_rules_of_the_protocol_that_speak_are_named() -> None:
    rule = "    - {id: hy, text: t, source: s, hys_law: {transaminase_at_least: 3, "
    found = trial(protocol(criteria=rule + "bilirubin_at_least: 2}}\n"))
    found.lab(WHO, "AST", "130", day(4))
    assert liver(found).rules == ()
    found.lab(WHO, "BILI", "41", day(4))
    assert (liver(found).rules, liver(found).transaminase) == (("hy",), "AST")


# -- QTcF ----------------------------------------------------------------------------------------


def qt(found: Trial) -> QtPoint:
    (point,) = figures(found).qt
    return point


@pytest.mark.parametrize(
    ("result", "above"),
    [("450", 0), ("450.1", 450), ("480", 450), ("480.1", 480), ("500", 480), ("500.1", 500),
     (">500", 500), (">=500", 480)],
)  # fmt: skip
def test_both_sides_of_the_limits_of_ich_e14(result: str, above: int) -> None:
    found = trial()
    ecg(found, "QTCF", result, day(4))
    point = qt(found)
    assert (point.above, point.rise_above, point.rise) == (above, None, None)
    assert point.open_above == result.startswith(">")
    assert point.why_none == "no single QTcF before treatment"


@pytest.mark.parametrize(
    ("after", "rise", "above"),
    [("430", "30.0", 0), ("430.1", "30.1", 30), ("460", "60.0", 30), ("460.1", "60.1", 60),
     ("390", "-10.0", 0)],
)  # fmt: skip
def test_both_sides_of_the_rises_of_ich_e14(after: str, rise: str, above: int) -> None:
    found = trial()
    ecg(found, "QTCF", "380", day(-5))
    ecg(found, "QTCF", "400", day(-2))
    ecg(found, "QTCF", after, day(4))
    point = qt(found)
    assert (point.baseline, point.rise, point.rise_above) == (Decimal(400), Decimal(rise), above)
    assert (point.longest, point.day, point.derived) == (Decimal(after), 4, False)


def test_a_derived_qtcf_says_so_and_seconds_are_milliseconds() -> None:
    found = trial()
    ecg(found, "QT", "400", day(3))
    ecg(found, "HR", "60", day(3), unit="beats/min")
    point = qt(found)
    assert (point.longest, point.derived) == (Decimal(400), True)
    ecg(found, "QTCF", "0.481", day(5), unit="s")
    assert (qt(found).longest, qt(found).above) == (Decimal(481), 480)


def test_a_qtcf_that_cannot_be_read_leaves_the_longest_open() -> None:
    found = trial()
    ecg(found, "QTCF", "artefact", day(-2))
    ecg(found, "QTCF", "artefact", day(3))
    assert (qt(found).longest, qt(found).above, qt(found).open_above) == (None, None, True)
    assert qt(found).why_none == "no QTcF on treatment could be read as a length"
    ecg(found, "QTCF", "440", day(5))
    point = qt(found)
    assert (point.longest, point.open_above, point.baseline) == (Decimal(440), True, None)


def test_no_ecg_is_not_a_normal_one() -> None:
    point = qt(trial())
    assert (point.longest, point.above, point.why_none) == (
        None,
        None,
        "no QTcF on treatment, reported or derived",
    )
