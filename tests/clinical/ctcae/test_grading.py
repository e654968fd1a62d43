"""Grading beyond the cases beside the criteria: three-valued answers, bounds, monotonicity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.clinical.ctcae import (
    Graded,
    Measurement,
    Multiple,
    NotGradable,
    compiled,
    grade,
    multiple_of_uln,
    versions,
)
from shared.clinical.ctcae.bands import compiled_in
from shared.clinical.ctcae.covers import Context
from shared.clinical.ctcae.criteria import criterion_of
from shared.clinical.ctcae.form import CriterionDocument
from shared.clinical.ctcae.sample import Range, baseline_of

PLAT = Measurement("PLAT", "90", "10^9/L", "150", "400")
ALT = Measurement("ALT", "150", "U/L", "5", "40")
BILI = Measurement("BILI", "1.0", "mg/dL", "0.2", "1.2")


TERMS = {
    "Alanine aminotransferase increased",
    "Alkaline phosphatase increased",
    "Blood bilirubin increased",
    "Creatinine increased",
    "Hyperkalemia",
    "Neutrophil count decreased",
    "Platelet count decreased",
    "Thrombocytopenia",
}
"""The term meant where an analyte has several."""


def only(
    value: Measurement,
    ctcae: str = "5.0",
    baseline: Measurement | None = None,
    *,
    is_baseline: bool = False,
) -> Graded | NotGradable:
    answers = grade(value, ctcae=ctcae, baseline=baseline, is_baseline=is_baseline)
    (answer,) = [answer for answer in answers if answer.term in TERMS]
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


CREAT = Measurement("CREAT", "1.6", "mg/dL", "0.6", "1.6")


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
    for ctcae, expected in zip(versions(), grades, strict=True):
        answer = only(value, ctcae, before)
        assert isinstance(answer, Graded)
        assert bounds(answer) == (expected, expected)


@pytest.mark.parametrize("ctcae", versions())
def test_between_the_range_and_the_first_limit_the_range_is_needed(ctcae: str) -> None:
    answer = only(Measurement("K", "5.2", "mmol/L", None, None), ctcae)
    assert isinstance(answer, NotGradable)
    assert (answer.reason, *bounds(answer)) == ("no_range", 0, 1)


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
    answer = only(ALT, "5.0", other_unit)
    assert isinstance(answer, NotGradable)
    assert bounds(answer) == (0, 2)


def test_the_baseline_sample_has_not_changed_from_baseline() -> None:
    answer = only(replace(CREAT, result="1.0"), "4.03", is_baseline=True)
    assert isinstance(answer, Graded)
    assert bounds(answer) == (0, 0)


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


def test_a_criterion_without_numbers_is_for_a_person() -> None:
    document = CriterionDocument(
        term="Leukemia",
        soc="Neoplasms",
        meddra="10000000",
        source="invented",
        direction="high",
        analytes=("WBC",),
        raised_by={3: ("present",)},
    )
    normal = Range(None, None)
    nothing = baseline_of(None, "10*9/L", normal, "WBC", signed=False)
    criterion = criterion_of(document, "5.0", "WBC")
    answer = compiled_in(criterion, Context("10*9/L", normal, nothing)).at("900")
    assert (answer.reason, answer.low, answer.high) == ("needs_clinical_input", 0, 3)


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
