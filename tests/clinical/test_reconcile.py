"""Laboratory and reports of one term: when they disagree, and when they only seem to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinical.stories import Trial, at, day

PLATELETS = "Platelet count decreased"
GRADE = {"160": 0, "80": 1, "60": 2, "40": 3, "20": 4}
"""Platelets in 10*9/L, range from 125 up: CTCAE v5.0 <LLN, <75, <50, <25."""


def story(*samples: tuple[int, str], before: str = "160") -> Trial:
    """A subject with platelets before treatment and on these days."""
    trial = Trial()
    trial.enrol("1-01")
    trial.lab("1-01", "PLAT", before, day(-2))
    for number, result in samples:
        trial.lab("1-01", "PLAT", result, day(number))
    return trial


def report(trial: Trial, grade: int, begin: int, end: int | None = None, **data: Any) -> None:
    over: dict[str, Any] = {"AEENDTC": str(day(end))} if end else {}
    name = data.pop("term", PLATELETS)
    trial.event("1-01", name, grade, day(begin), recordid=f"AE/{begin}", **over, **data)


def asked(trial: Trial, on: int = 60) -> list[str]:
    queries = trial.assess(at(day(on), 20)).queries
    return sorted(query.text for query in queries if query.text.startswith(PLATELETS + ": "))


# -- reported lower than measured -----------------------------------------------------------------


@pytest.mark.parametrize(("result", "grade"), GRADE.items())
@pytest.mark.parametrize("reported", [1, 2, 3, 4])
def test_any_difference_is_asked_about_with_both_grades(
    result: str, grade: int, reported: int
) -> None:
    trial = story((8, result))
    report(trial, reported, 8)
    texts = asked(trial)
    assert len(texts) == (reported != grade)
    for text in texts:
        assert f"reported grade {reported} from {day(8)}" in text
        assert f"laboratory grade {grade} on {day(8)}" in text
        assert "(AE/8, 1-01/LB/PLAT/" in text


def test_the_records_are_the_evidence() -> None:
    trial = story((8, "20"))
    report(trial, 2, 8)
    (query,) = (one for one in trial.assess(at(day(60))).queries if PLATELETS in one.text)
    assert query.kind == "doubtful"
    assert {one.recordid for one in query.evidence} == {"AE/8", f"1-01/LB/PLAT/{day(8)}"}


def test_the_worst_sample_of_an_event_is_asked_about_once() -> None:
    trial = story((8, "40"), (9, "20"), (10, "40"))
    report(trial, 2, 8, 12)
    (text,) = asked(trial)
    assert f"laboratory grade 4 on {day(9)}" in text


def test_a_new_report_for_each_grade_is_no_disagreement() -> None:
    trial = story((8, "60"), (10, "20"), (14, "60"))
    report(trial, 2, 8, 9)
    report(trial, 4, 10, 13)
    report(trial, 2, 14)
    assert asked(trial) == []


def test_a_stated_change_of_grade_is_no_disagreement() -> None:
    trial = story((8, "60"), (11, "20"))
    report(trial, 2, 8, grade_changes=[{"dtc": str(day(11)), "grade": "4"}])
    assert [text for text in asked(trial) if "laboratory grade 4" in text] == []


def test_the_same_event_under_another_name() -> None:
    for name in ("Thrombocytopenia", "Thrombocytopaenia", "Low platelets"):
        trial = story((8, "20"))
        report(trial, 4, 8, term=name)
        assert asked(trial) == []


# -- the window -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("sample", "same"), [(4, False), (5, True), (15, True), (16, False)])
def test_three_days_on_either_side_belong_to_the_event(sample: int, same: bool) -> None:
    trial = story((10, "60"), (sample, "40"))
    report(trial, 2, 8, 12)
    (text,) = asked(trial)
    assert text.startswith(f"{PLATELETS}: {'reported grade 2' if same else 'not reported'}")


def test_an_event_without_an_end_goes_on() -> None:
    trial = story((8, "60"), (50, "40"))
    report(trial, 2, 8)
    (text,) = asked(trial)
    assert f"laboratory grade 3 on {day(50)}" in text


@pytest.mark.parametrize(("on", "number"), [(11, 0), (12, 1)])
def test_three_days_pass_before_anyone_is_asked(on: int, number: int) -> None:
    trial = story((8, "40"))
    assert len(asked(trial, on)) == number


def test_an_assessment_is_due_when_a_question_is() -> None:
    early = story((8, "40"))
    late = story((8, "40"))
    report(late, 3, 8)
    assert asked(early, 12)
    assert asked(late, 12) == []


# -- reported higher, or one without the other ----------------------------------------------------


def test_severe_values_without_a_report() -> None:
    (text,) = asked(story((8, "40"), (9, "20"), (15, "160"), (22, "160")))
    assert text == (
        f"{PLATELETS}: not reported, laboratory grade 4 on {day(9)} (1-01/LB/PLAT/{day(9)})"
    )


def test_two_stretches_are_two_questions() -> None:
    assert len(asked(story((8, "40"), (12, "160"), (30, "20")))) == 2


def test_moderate_values_without_a_report_are_no_question() -> None:
    assert asked(story((8, "60"), (9, "80"))) == []


def test_what_the_subject_came_with_needs_no_report() -> None:
    assert asked(story((8, "40"), before="40")) == []
    assert len(asked(story((8, "20"), before="40"))) == 1


@pytest.mark.parametrize(("grade", "number"), [(2, 0), (3, 1)])
def test_a_severe_report_far_from_any_sample(grade: int, number: int) -> None:
    trial = story((30, "160"))
    report(trial, grade, 8, 10)
    texts = asked(trial)
    assert len(texts) == number
    for text in texts:
        assert f"reported grade {grade} from {day(8)}, no value measured" in text


def test_a_report_of_what_nobody_measured_is_not_compared() -> None:
    trial = story()
    report(trial, 4, 8)
    trial.event("1-01", "Fatigue", 3, day(8))
    queries = trial.assess(at(day(60))).queries
    assert [one.text for one in queries if "reported" in one.text] == []


def test_no_value_is_a_death() -> None:
    trial = story((8, "20"))
    report(trial, 5, 8, AESDTH="Y", AEOUT="FATAL")
    assert [text for text in asked(trial) if "laboratory grade 4" in text] == []


def test_a_grade_range_disagrees_only_where_all_of_it_does() -> None:
    trial = story((8, "<60"))
    report(trial, 3, 8)
    assert asked(trial) == []
    trial = story((8, "<60"))
    report(trial, 1, 8)
    (text,) = asked(trial)
    assert "laboratory grade 2 to 4" in text


def test_vital_signs_are_compared_like_the_laboratory() -> None:
    trial = story()
    trial.event("1-01", "Hypertension", 1, day(8))
    pressure = {"VSTESTCD": "SYSBP", "VSORRES": "165", "VSORRESU": "mmHg", "VSDTC": str(day(8))}
    trial.record("vital", "1-01", pressure, known=at(day(8)), recordid="VS/1")
    texts = [one.text for one in trial.assess(at(day(60))).queries]
    words = f"reported grade 1 from {day(8)}, measured grade 3 on {day(8)}"
    assert f"Hypertension: {words} (1-01/AE/Hypertension, VS/1)" in texts


@pytest.mark.parametrize(("grade", "number"), [(3, 0), (4, 1)])
def test_a_report_within_the_worst_case_agrees(grade: int, number: int) -> None:
    """Neutrophils of 0.4 without a temperature may be febrile neutropenia of grade 3."""
    trial = story()
    trial.lab("1-01", "NEUT", "0.4", day(8))
    trial.event("1-01", "Febrile neutropenia", grade, day(8))
    texts = [one.text for one in trial.assess(at(day(60))).queries]
    assert len([text for text in texts if text.startswith("Febrile neutropenia: ")]) == number
