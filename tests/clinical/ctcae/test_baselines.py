"""What a baseline changes in a grade, and what is said where it is missing or unclear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.clinical.ctcae import (
    Graded,
    Measurement,
    NotGradable,
)
from tests.clinical.ctcae.grading_support import ALT, BILI, CREAT, NCI, bounds, only


@pytest.mark.parametrize(("ctcae", "expected"), [("4.03", 2), ("5.0", 0), ("6.0", 1)])
def test_the_baseline_branch_differs_by_version(ctcae: str, expected: int) -> None:
    answer = only(ALT, ctcae, replace(ALT, result="120"))
    assert isinstance(answer, Graded)
    assert bounds(answer) == (expected, expected)


def test_the_baseline_is_judged_by_its_own_range() -> None:
    higher_range = replace(ALT, result="120", range_high="130")
    assert bounds(only(ALT, "5.0", higher_range)) == (2, 2)


@pytest.mark.parametrize("ctcae", NCI)
def test_the_baseline_sample_is_graded_on_its_range(ctcae: str) -> None:
    answer = only(replace(ALT, result="250"), ctcae, is_baseline=True)
    assert isinstance(answer, Graded)
    assert bounds(answer) == (3, 3)


@pytest.mark.parametrize(
    "baseline",
    [
        None,
        replace(ALT, result="pending"),
        replace(ALT, result="-1"),
        replace(ALT, unit=None),
        replace(ALT, unit="furlongs"),
        replace(ALT, unit="mg/dL"),
    ],
)
def test_without_a_usable_baseline_only_what_all_branches_share(
    baseline: Measurement | None,
) -> None:
    above = only(replace(ALT, result="250"), "5.0", baseline)
    assert isinstance(above, NotGradable)
    assert (above.reason, *bounds(above)) == ("no_baseline", 0, 3)
    within = only(replace(ALT, result="40"), "5.0", baseline)
    assert isinstance(within, Graded)
    assert bounds(within) == (0, 0)


def test_without_range_and_baseline_the_range_is_what_lacks() -> None:
    answer = only(replace(ALT, range_high=None), "5.0")
    assert isinstance(answer, NotGradable)
    assert (answer.reason, *bounds(answer)) == ("no_range", 0, 4)


def test_an_abnormal_baseline_grades_without_the_values_own_range() -> None:
    answer = only(replace(ALT, result="700", range_high=None), "5.0", replace(ALT, result="120"))
    assert isinstance(answer, Graded)
    assert bounds(answer) == (3, 3)
    assert answer.why == "ALT 700 U/L is > 5 x baseline"


def test_a_baseline_with_comparator_leaves_a_range_not_a_gap() -> None:
    normal = only(replace(ALT, result="250"), "5.0", replace(ALT, result="<40"))
    assert isinstance(normal, Graded)
    assert (bounds(normal), normal.why) == ((3, 3), "ALT 250 U/L is > 5 x ULN")
    either = only(replace(ALT, result="250"), "5.0", replace(ALT, result="<100"))
    assert isinstance(either, Graded)
    # Each clause is judged for every baseline below 100, so the range is wide, never too narrow.
    assert bounds(either) == (0, 3)


def test_a_baseline_in_another_unit_converts_exactly() -> None:
    baseline = Measurement("BILI", "34.2", "umol/L", "3", "20.5")
    assert bounds(only(replace(BILI, result="3.0"), "5.0", baseline)) == (1, 1)
    assert bounds(only(replace(BILI, result="3.01"), "5.0", baseline)) == (2, 2)


def test_an_indicator_without_a_number_tells_the_branch_not_the_multiple() -> None:
    high = Measurement("ALT", "", "U/L", None, None, indicator="HIGH")
    answer = only(replace(ALT, result="900"), "5.0", high)
    assert isinstance(answer, NotGradable)
    assert (answer.reason, *bounds(answer)) == ("no_baseline", 0, 4)
    normal = only(replace(ALT, result="900"), "5.0", replace(high, indicator="NORMAL"))
    assert isinstance(normal, Graded)
    assert bounds(normal) == (4, 4)


@pytest.mark.parametrize("said", ["ABNORMAL", "", "HIGH LOW", "?"])
def test_an_indicator_that_names_no_side_says_nothing(said: str) -> None:
    unsaid = only(replace(ALT, result="900"), "5.0")
    told = only(
        replace(ALT, result="900"), "5.0", Measurement("ALT", "", "U/L", None, None, indicator=said)
    )
    assert (bounds(told), told.why) == (bounds(unsaid), unsaid.why)


def test_the_indicator_overrules_the_range_of_the_baseline() -> None:
    before = replace(ALT, result="60", indicator="NORMAL")
    assert bounds(only(ALT, "5.0", before)) == (2, 2)
    assert bounds(only(ALT, "5.0", replace(before, indicator="HIGH HIGH"))) == (1, 1)


def test_a_baseline_without_a_range_is_judged_by_the_range_at_hand() -> None:
    unranged = replace(ALT, result="120", range_low=None, range_high=None)
    assert bounds(only(ALT, "5.0", unranged)) == (0, 0)
    other_unit = replace(unranged, result="2", unit="ukat/L")
    assert bounds(only(ALT, "5.0", other_unit)) == (0, 0)


def test_the_baseline_sample_has_not_changed_from_baseline() -> None:
    answer = only(replace(CREAT, result="1.0"), "4.03", is_baseline=True)
    assert isinstance(answer, Graded)
    assert bounds(answer) == (0, 0)
