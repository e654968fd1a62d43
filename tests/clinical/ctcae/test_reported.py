"""Reported grades: kept as stated, doubted where the dictionary has no such grade."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.clinical.ctcae.reported import NoReportedGrade, ReportedGrade, grade_reported
from shared.clinical.ctcae.terms import term_of, terms, versions


def graded(
    term: str, grade: str | None, ctcae: str = "5.0", aesev: str | None = None
) -> ReportedGrade:
    answer = grade_reported(term, None, grade, ctcae, aesev=aesev)
    assert isinstance(answer, ReportedGrade)
    return answer


def abouts(answer: ReportedGrade | NoReportedGrade) -> list[str]:
    return [doubt.about for doubt in answer.doubts]


@pytest.mark.parametrize("version", versions())
def test_every_grade_of_every_term_is_doubted_exactly_where_it_does_not_exist(version: str) -> None:
    for term in terms(version):
        for grade in range(1, 6):
            answer = graded(term.name, str(grade), version)
            assert (answer.term, answer.low, answer.high) == (term.name, grade, grade)
            assert abouts(answer) == ([] if grade in term.grades else ["grade_not_in_term"])


def test_a_grade_the_term_lacks_is_asked_about_with_both_facts() -> None:
    (doubt,) = graded("Alopecia", "3").doubts
    assert doubt.text == "grade 3 was reported, and CTCAE 5.0 has Alopecia only at grade 1, 2"


def test_a_renamed_term_keeps_its_grade_though_the_new_term_lacks_it() -> None:
    answer = graded("Ejection fraction decreased", "4", "6.0")
    assert (answer.term, answer.low) == ("Left ventricular dysfunction", 4)
    assert abouts(answer) == ["grade_not_in_term"]


def test_an_unknown_term_keeps_its_words_and_its_grade() -> None:
    answer = graded("Cold sweat", "3")
    assert (answer.term, answer.match, answer.low) == ("Cold sweat", None, 3)
    assert abouts(answer) == ["term_unknown"]


def test_the_verbatim_term_stands_where_nothing_was_decoded() -> None:
    answer = grade_reported(None, "Neutropenia", "4", "5.0")
    assert answer.term == "Neutrophil count decreased"
    assert answer.match is not None
    assert answer.match.by == "synonym"
    assert grade_reported("x", None, "1", "5.0", "10002272").term == "Anemia"
    assert grade_reported("x", None, "1", "5.0", "0", lltcd="10002272").term == "Anemia"


@pytest.mark.parametrize(
    ("severity", "low", "high"), [("MILD", 1, 1), ("MODERATE", 2, 2), ("severe", 3, 4)]
)
def test_a_severity_alone_gives_the_grades_it_may_mean(severity: str, low: int, high: int) -> None:
    answer = graded("Anemia", None, aesev=severity)
    assert (answer.low, answer.high, answer.doubts) == (low, high, ())


def test_a_severity_is_doubted_only_where_none_of_its_grades_exists() -> None:
    assert term_of("5.0", "Fatigue").grades == {1, 2, 3}  # type: ignore[union-attr]
    assert abouts(graded("Fatigue", None, aesev="SEVERE")) == []
    (doubt,) = graded("Alopecia", None, aesev="SEVERE").doubts
    assert doubt.text.startswith("grade 3 to 4 was reported")


def test_the_grade_comes_before_the_severity() -> None:
    assert graded("Anemia", " 2 ", aesev="SEVERE").high == 2


@pytest.mark.parametrize(
    ("grade", "severity", "reason"),
    [
        (None, None, "not_done"),
        ("", "WORSE", "not_done"),
        ("0", None, "character_result"),
        ("6", "SEVERE", "character_result"),
        ("G3", None, "character_result"),
        ("12", None, "character_result"),
        ("\u00b3", None, "character_result"),
    ],
)
def test_what_is_no_grade_may_be_any(grade: str | None, severity: str | None, reason: str) -> None:
    answer = grade_reported("Anemia", None, grade, "5.0", aesev=severity)
    assert isinstance(answer, NoReportedGrade)
    assert (answer.reason, answer.low, answer.high) == (reason, 1, 5)
    assert abouts(grade_reported("Cold sweat", None, grade, "5.0")) == ["term_unknown"]


@given(some.text(), some.text(), some.text(), some.text(), some.text())
def test_nothing_a_site_writes_is_a_crash(
    decoded: str, verbatim: str, grade: str, severity: str, code: str
) -> None:
    answer = grade_reported(decoded, verbatim, grade, "6.0", code, lltcd=code, aesev=severity)
    assert 1 <= answer.low <= answer.high <= 5
