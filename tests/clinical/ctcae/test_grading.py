"""Grading beyond the cases beside the criteria: three-valued answers, bounds, units."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from shared.clinical.ctcae import (
    Graded,
    Measurement,
    NotGradable,
    compiled,
    grade,
)
from tests.clinical.ctcae.grading_support import ALT, BILI, CREAT, NCI, PLAT, bounds, only


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


@pytest.mark.parametrize(
    ("value", "grades"),
    [
        (Measurement("NEUT", "0.3", "10^9/L", "1.8", "7.5"), (4, 4, 3)),
        (Measurement("PLAT", "20", "10^9/L", "150", "400"), (4, 4, 3)),
        # On the limit itself; as binary fractions 3 x 1.2 is above 3.6.
        (CREAT, (0, 0, 0)),
        (replace(CREAT, result="3.6", range_high="1.2"), (2, 2, 2)),
        (replace(CREAT, result="3.61", range_high="1.2"), (3, 3, 3)),
        (Measurement("K", "6.2", "mmol/L", None, None), (3, 3, 3)),
        (Measurement("K", "5.8", "mmol/L", None, None), (2, 2, 2)),
    ],
)
def test_grade_by_version(value: Measurement, grades: tuple[int, int, int]) -> None:
    before = replace(value, result=value.range_high or "") if value.testcd == "CREAT" else None
    for ctcae, expected in zip(NCI, grades, strict=True):
        answer = only(value, ctcae, before)
        assert isinstance(answer, Graded)
        assert bounds(answer) == (expected, expected)


@pytest.mark.parametrize("ctcae", NCI)
def test_between_the_range_and_the_first_limit_the_range_is_needed(ctcae: str) -> None:
    answer = only(Measurement("K", "5.2", "mmol/L", None, None), ctcae)
    assert isinstance(answer, NotGradable)
    assert (answer.reason, *bounds(answer)) == ("no_range", 0, 1)


@pytest.mark.parametrize(
    ("uln", "result", "expected", "reason"),
    [
        ("35-40", "36", (0, 1), "comparator"),
        ("35-40", "35", (0, 0), None),
        ("35-40", "41", (1, 1), None),
        ("<40", "40", (0, 1), "comparator"),
        ("<40", "39.9", (0, 0), None),
        ("<40", "40.1", (1, 1), None),
        ("<=40", "40", (0, 0), None),
    ],
)
def test_a_limit_of_normal_with_two_readings(
    uln: str, result: str, expected: tuple[int, int], reason: str | None
) -> None:
    answer = only(replace(ALT, result=result, range_high=uln), "4.03")
    assert isinstance(answer, Graded)
    assert (bounds(answer), answer.reason) == (expected, reason)


@pytest.mark.parametrize("uln", ["40-35", ">40", ">=40", "0-0", "-", "40-"])
def test_a_limit_that_cannot_be_read_is_missing(uln: str) -> None:
    answer = only(replace(ALT, range_high=uln), "4.03")
    assert isinstance(answer, NotGradable)
    assert answer.reason == "no_range"


@pytest.mark.parametrize(
    ("value", "limit", "system", "margin"),
    [
        (replace(PLAT, result="21"), "< 25 10*9/L", "SI", Fraction(4)),
        (replace(PLAT, result="21000", unit="/mm3"), "< 25000 /mm3", "conventional", 4000),
        (replace(PLAT, result="21", unit="10*3/uL"), "< 25 10*9/L", "converted", Fraction(4)),
        (replace(PLAT, result="140"), "< LLN", "multiple", Fraction(10)),
        (replace(BILI, result="3.5"), "> 1.5 x ULN", "multiple", Fraction("1.7")),
        (replace(PLAT, result="<25"), "< 25 10*9/L", "SI", None),
        (replace(PLAT, result="200"), None, "SI", None),
    ],
)
def test_the_limit_reached_and_how_far(
    value: Measurement, limit: str | None, system: str, margin: Fraction | None
) -> None:
    answer = only(value, "5.0", BILI)
    assert isinstance(answer, Graded)
    assert (answer.limit, answer.unit_system, answer.margin) == (limit, system, margin)


def test_a_limit_moved_from_its_reference() -> None:
    value = Measurement("HGB", "20.5", "g/dL", "12", "16")
    answers = grade(value, ctcae="6.0")
    (high,) = [answer for answer in answers if answer.direction == "high"]
    assert isinstance(high, Graded)
    assert (high.low, high.limit, high.margin) == (3, "> ULN + 4 g/dL", Fraction("0.5"))


def test_facts_that_raise_a_grade_are_named_and_change_nothing() -> None:
    value = Measurement("HGB", "7.9", "g/dL", "12", "16")
    (anemia, _) = grade(value, ctcae="5.0", facts={"life_threatening": True})
    assert bounds(anemia) == (3, 3)
    assert set(anemia.raised_by) == {4}
    assert "life_threatening" in anemia.raised_by[4]


def hyponatremia(**facts: bool) -> Graded | NotGradable:
    value = Measurement("SODIUM", "127", "mmol/L", "135", "145")
    answers = grade(value, ctcae="5.0", facts=facts)
    return next(answer for answer in answers if answer.direction == "low")


def test_a_symptom_decides_between_two_grades() -> None:
    unknown = hyponatremia()
    assert isinstance(unknown, Graded)
    assert (bounds(unknown), unknown.reason) == ((2, 3), "needs_clinical_input")
    assert unknown.why == "SODIUM 127 mmol/L: grade 2 to 3; depends on: symptomatic"
    assert bounds(hyponatremia(symptomatic=True)) == (3, 3)
    assert bounds(hyponatremia(symptomatic=False)) == (2, 2)


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(None, (0, 3)), ("38.3", (0, 3)), ("38.4", (3, 3)), ("37.9", (0, 0)), ("n/a", (0, 3))],
)
def test_another_measurement_of_the_same_time(
    temperature: str | None, expected: tuple[int, int]
) -> None:
    beside = {}
    if temperature is not None:
        beside["TEMP"] = Measurement("TEMP", temperature, "C", None, None)
    answers = grade(Measurement("NEUT", "0.4", "10^9/L", None, None), ctcae="5.0", beside=beside)
    (febrile,) = [answer for answer in answers if answer.term == "Febrile neutropenia"]
    assert isinstance(febrile, Graded)
    assert bounds(febrile) == expected


@pytest.mark.parametrize(
    ("fasting", "words"), [(None, "it is not known to be one"), (False, "this is not one")]
)
def test_a_limit_for_fasting_samples(fasting: bool | None, words: str) -> None:
    value = Measurement("GLUC", "7", "mmol/L", "3.9", "5.6", fasting=fasting)
    (high,) = [one for one in grade(value, ctcae="4.03") if one.direction == "high"]
    assert isinstance(high, NotGradable)
    assert high.reason == "not_fasting_known"
    assert words in high.why
    (high,) = [
        one for one in grade(replace(value, fasting=True), ctcae="4.03") if one.direction == "high"
    ]
    assert isinstance(high, Graded)


@pytest.mark.parametrize("result", ["", "  ", "NOT DONE", "not done"])
def test_no_result(result: str) -> None:
    answer = only(replace(PLAT, result=result))
    assert isinstance(answer, NotGradable)
    assert answer.reason == "not_done"


@pytest.mark.parametrize(
    ("unit", "specimen", "answered"),
    [("g/day", None, True), ("g/day", "URINE", True), ("g/dL", None, False),
     ("g/dL", "SERUM", False), ("g/day", "SERUM", False), ("g/day", "CSF", False)],
)  # fmt: skip
def test_a_urine_criterion(unit: str, specimen: str | None, answered: bool) -> None:
    value = Measurement("PROT", "4", unit, None, None, specimen)
    assert bool(grade(value, ctcae="4.03")) == answered


def test_a_plain_number_needs_no_unit() -> None:
    answers = grade(Measurement("PH", "7.2", None, "7.35", "7.45"), ctcae="5.0")
    assert {(answer.term, *bounds(answer)) for answer in answers} == {
        ("Acidosis", 3, 3),
        ("Alkalosis", 0, 0),
    }


def test_vital_signs_are_another_domain() -> None:
    value = Measurement("TEMP", "101", "F", None, None)
    assert grade(value, ctcae="5.0") == ()
    (fever,) = [
        answer for answer in grade(value, ctcae="5.0", domain="vital") if answer.direction == "high"
    ]
    assert bounds(fever) == (1, 1)


def test_an_answer_shows_itself_in_a_line() -> None:
    reached, missing = only(PLAT), only(replace(PLAT, range_low=None))
    assert repr(reached) == ("Graded(Platelet count decreased: PLAT 90 10*9/L is < LLN)")
    assert repr(missing) == f"NotGradable(Platelet count decreased: {missing.why})"


def test_one_context_serves_many_results() -> None:
    (alt,) = compiled("4.03", "ALT", "U/L", "5", "40")
    assert [alt.at(result).low for result in ("40", "40.1", "120.1", "200.1", "800.1")] == [
        0, 1, 2, 3, 4,
    ]  # fmt: skip
    assert [(band.upper, band.upper_included, band.low) for band in alt.bands()] == [
        (40, True, 0), (120, True, 1), (200, True, 2), (800, True, 3), (None, False, 4),
    ]  # fmt: skip


def test_what_a_criterion_does_not_use_makes_no_new_context() -> None:
    (here,) = compiled("4.03", "CREATCLR", "mL/min", "90", "120")[:1]
    (there,) = compiled("4.03", "CREATCLR", "mL/min", "90", "130")[:1]
    assert here is there
