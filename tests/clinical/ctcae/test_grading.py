"""Grading beyond the cases beside the criteria: three-valued answers, bounds, monotonicity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clinical.ctcae import (
    Graded,
    Measurement,
    Multiple,
    NotGradable,
    grade,
    multiple_of_uln,
    versions,
)
from shared.clinical.ctcae.criteria import by_test

PLAT = Measurement("PLAT", "90", "10^9/L", "150", "400")
ALT = Measurement("ALT", "150", "U/L", "5", "40")
BILI = Measurement("BILI", "1.0", "mg/dL", "0.2", "1.2")


def only(
    value: Measurement,
    ctcae: str = "5.0",
    baseline: Measurement | None = None,
    *,
    is_baseline: bool = False,
) -> Graded | NotGradable:
    (answer,) = grade(value, ctcae=ctcae, baseline=baseline, is_baseline=is_baseline)
    return answer


def bounds(answer: Graded | NotGradable) -> tuple[int, int]:
    return answer.low, answer.high


def test_both_directions_are_answered() -> None:
    answers = grade(Measurement("WBC", "120", "10^9/L", "4", "11"), ctcae="5.0")
    assert {(answer.term, answer.high) for answer in answers} == {
        ("Leukocytosis", 3),
        ("White blood cell decreased", 0),
    }


def test_no_criterion_names_the_test() -> None:
    assert grade(replace(PLAT, testcd="HAIR"), ctcae="5.0") == ()


def test_unknown_version() -> None:
    with pytest.raises(ValueError, match=r"no CTCAE version 3\.0"):
        grade(PLAT, ctcae="3.0")


@pytest.mark.parametrize(
    ("specimen", "answered"),
    [(None, True), ("", True), ("Serum", True), ("WHOLE BLOOD", True), ("BONE MARROW", False),
     ("URINE", False), ("SERUM/PLASMA", True)],
)  # fmt: skip
def test_other_specimens_are_not_graded(specimen: str | None, answered: bool) -> None:
    answers = grade(replace(ALT, specimen=specimen), ctcae="4.03")
    assert bool(answers) == answered
    assert all(isinstance(answer, Graded) for answer in answers)


def test_unclear_specimen_is_for_a_person() -> None:
    answer = only(replace(ALT, specimen="TUBE 4"), "4.03")
    assert isinstance(answer, NotGradable)
    assert (answer.reason, *bounds(answer)) == ("needs_clinical_input", 0, 4)


@pytest.mark.parametrize("unit", [None, "", "%", "mg/dL", "furlongs"])
def test_unknown_unit_bounds_nothing(unit: str | None) -> None:
    answer = only(replace(PLAT, unit=unit))
    assert isinstance(answer, NotGradable)
    assert (answer.reason, *bounds(answer)) == ("unit_unknown", 0, 4)


def test_worst_grade_of_a_term_bounds_what_is_not_gradable() -> None:
    answer = only(replace(ALT, testcd="ALP", result="n/a"), "6.0")
    assert isinstance(answer, NotGradable)
    assert (answer.reason, answer.high) == ("character_result", 1)


@pytest.mark.parametrize(
    ("low", "expected"),
    [(None, (0, 1)), ("0", (0, 1)), ("-1", (0, 1)), ("", (0, 1)), ("n/a", (0, 1)), ("<150", (0, 1)),
     ("500", (0, 1))],
)  # fmt: skip
def test_a_range_that_means_nothing_is_missing(low: str | None, expected: tuple[int, int]) -> None:
    answer = only(replace(PLAT, range_low=low))
    assert isinstance(answer, NotGradable)
    assert answer.reason == "no_range"
    assert bounds(answer) == expected


def test_absolute_limits_grade_without_a_range() -> None:
    answer = only(Measurement("PLAT", "21", "GI/L", None, None))
    assert isinstance(answer, Graded)
    assert (answer.term, bounds(answer)) == ("Platelet count decreased", (4, 4))
    assert answer.why == "PLAT 21 10*9/L is < 25 10*9/L"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("<25", (4, 4)), ("<=25", (3, 4)), ("<26", (3, 4)), ("<1", (4, 4)), (">150", (0, 0)),
        (">=150", (0, 0)), (">149", (0, 1)), (">=10", (0, 4)), ("<1000", (0, 4)),
    ],
)  # fmt: skip
def test_comparators(result: str, expected: tuple[int, int]) -> None:
    answer = only(replace(PLAT, result=result))
    assert isinstance(answer, Graded)
    assert bounds(answer) == expected


@pytest.mark.parametrize("result", ["-3", "<0", "<-1"])
def test_nonsense_is_for_a_person(result: str) -> None:
    answer = only(replace(PLAT, result=result))
    assert isinstance(answer, NotGradable)
    assert answer.reason == "needs_clinical_input"


@pytest.mark.parametrize(("ctcae", "expected"), [("4.03", 2), ("5.0", 0), ("6.0", 1)])
def test_the_baseline_branch_differs_by_version(ctcae: str, expected: int) -> None:
    answer = only(ALT, ctcae, replace(ALT, result="120"))
    assert isinstance(answer, Graded)
    assert bounds(answer) == (expected, expected)


def test_the_baseline_is_judged_by_its_own_range() -> None:
    higher_range = replace(ALT, result="120", range_high="130")
    assert bounds(only(ALT, "5.0", higher_range)) == (2, 2)


@pytest.mark.parametrize("ctcae", versions())
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


def test_three_times_the_limit_is_exact() -> None:
    normal = replace(BILI, result="0.8")
    assert bounds(only(replace(BILI, result="3.6"), "5.0", normal)) == (2, 2)


def test_a_conversion_does_not_round() -> None:
    lakhs = Measurement("PLAT", "0.24999999999999999999999999", "lakh/mm3", None, None)
    assert bounds(only(lakhs)) == (4, 4)
    assert only(replace(lakhs, result="0.25")).low == 3


def test_no_free_text_is_repeated() -> None:
    secret = "PATIENT-NAME"
    for value in (
        replace(PLAT, result=secret),
        replace(PLAT, unit=secret),
        replace(PLAT, range_low=secret),
        replace(PLAT, specimen=secret),
    ):
        assert secret not in only(value).why


UNITS = {
    "PLAT": "10^9/L", "NEUT": "/mm3", "WBC": "K/uL", "ALT": "U/L", "AST": "ukat/L", "ALP": "IU/L",
    "BILI": "umol/L",
}  # fmt: skip
DECREASED = ("decreased", "Thrombocytopenia")
NUMBERS = st.decimals(0, 100_000, places=3)
LIMITS = st.one_of(st.none(), st.decimals("0.001", 1000, places=3))
COMPARATORS = st.sampled_from(["", "<", "<=", ">", ">="])


@st.composite
def values(draw: st.DrawFn, testcd: str) -> Measurement:
    low, high = draw(LIMITS), draw(LIMITS)
    return Measurement(
        testcd=testcd,
        result=f"{draw(NUMBERS):f}",
        unit=UNITS[testcd],
        range_low=None if low is None else str(low),
        range_high=None if high is None else str(high),
    )


def all_answers(
    value: Measurement, ctcae: str, baseline: Measurement | None
) -> dict[str, Graded | NotGradable]:
    return {answer.term: answer for answer in grade(value, ctcae=ctcae, baseline=baseline)}


@given(st.data(), st.sampled_from(sorted(UNITS)), st.sampled_from(versions()))
def test_grades_are_monotone_in_the_value(data: st.DataObject, testcd: str, ctcae: str) -> None:
    value = data.draw(values(testcd))
    baseline = data.draw(st.one_of(st.none(), values(testcd)))
    other = replace(value, result=f"{data.draw(NUMBERS):f}")
    if Decimal(other.result) < Decimal(value.result):
        value, other = other, value
    lower = all_answers(value, ctcae, baseline)
    higher = all_answers(other, ctcae, baseline)
    for term in lower:
        better, worse = lower[term], higher[term]
        if any(word in term for word in DECREASED):
            better, worse = worse, better
        assert better.low <= worse.low
        assert better.high <= worse.high


@given(st.data(), st.sampled_from(sorted(UNITS)), st.sampled_from(versions()), COMPARATORS)
def test_a_comparators_range_holds_every_value_it_allows(
    data: st.DataObject, testcd: str, ctcae: str, comparator: str
) -> None:
    value = data.draw(values(testcd))
    baseline = data.draw(st.one_of(st.none(), values(testcd)))
    limit = Decimal(value.result)
    smaller, larger = data.draw(st.decimals(0, limit)), limit + data.draw(NUMBERS)
    inside = {"": limit, "<": smaller, "<=": smaller, ">": larger, ">=": larger}[comparator]
    if (comparator == "<" and inside == limit) or (comparator == ">" and inside == limit):
        return
    wide = all_answers(replace(value, result=comparator + value.result), ctcae, baseline)
    exact = all_answers(replace(value, result=f"{inside:f}"[:30]), ctcae, baseline)
    for term, answer in exact.items():
        assert wide[term].low <= answer.low
        assert answer.high <= wide[term].high


@given(st.data(), st.sampled_from(sorted(UNITS)), st.sampled_from(versions()))
def test_knowing_more_never_leaves_the_bounds(data: st.DataObject, testcd: str, ctcae: str) -> None:
    """A missing range or baseline is a range of grades that holds whatever it turns out to be."""
    full = data.draw(values(testcd))
    baseline = replace(data.draw(values(testcd)), range_high=full.range_high)
    known = all_answers(full, ctcae, baseline)
    unknown = all_answers(full, ctcae, None)
    for term, answer in known.items():
        assert unknown[term].low <= answer.low
        assert answer.high <= unknown[term].high


def test_every_analyte_of_every_version_is_in_the_properties() -> None:
    assert {testcd for version in versions() for testcd in by_test(version)} == set(UNITS)


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
