"""Several toxicities that make one DLT, and grades on another scale."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day

THREE = "count: {toxicity: {not_in_group: haematological, grade: 2}, at_least: 3}"


@pytest.mark.parametrize(
    ("terms", "result"),
    [
        (["Nausea", "Fatigue"], "not_met"),
        (["Nausea", "Fatigue", "Vomiting"], "met"),
        (["Nausea", "Fatigue", "Fatigue"], "not_met"),
    ],
)
def test_three_moderate_toxicities_of_different_terms(terms: list[str], result: str) -> None:
    subject = Subject(THREE)
    for number, term in enumerate(terms):
        subject.ae(term, 2, 5 + 3 * number, 6 + 3 * number)
    found = subject.found(15)
    assert (found.result, found.onset) == (result, day(11) if result == "met" else None)


def test_of_one_term_they_count_each_where_the_study_says_so() -> None:
    subject = Subject(THREE.replace("at_least: 3", "at_least: 3, distinct_terms: false"))
    for start in (5, 8, 11):
        subject.ae("Fatigue", 2, start, start + 1)
    assert subject.result(15) == "met"


@pytest.mark.parametrize(
    ("grade", "onset", "related"), [(1, 11, "RELATED"), (2, 22, "RELATED"), (2, 11, "NOT RELATED")]
)
def test_a_mild_a_late_and_an_unrelated_one_do_not_count(
    grade: int, onset: int, related: str
) -> None:
    subject = Subject(THREE)
    subject.ae("Nausea", 2, 5)
    subject.ae("Fatigue", 2, 8)
    subject.ae("Vomiting", grade, onset, related=related)
    assert subject.result(25) == "not_met"


def test_one_of_uncertain_grade_leaves_it_open() -> None:
    subject = Subject(THREE.replace("grade: 2", "grade: 4").replace("at_least: 3", "at_least: 2"))
    subject.ae("Pneumonitis", 4, 5)
    severe = {"AETERM": "Dyspnea", "AESTDTC": str(day(6)), "AESER": "N", "AESEV": "SEVERE"}
    subject.other("adverse_event", 6, **severe)
    assert subject.result(7) == "open"


@pytest.mark.parametrize(("related", "result"), [(None, "met"), ("NOT RELATED", "needs_review")])
def test_doubts_about_the_cause_of_one(related: str | None, result: str) -> None:
    """Not stated counts and is asked; a value that every report calls unrelated is judged."""
    subject = Subject("count: {toxicity: {group: haematological, grade: 3}, at_least: 2}")
    for test, term in (
        ("PLAT", "Platelet count decreased"),
        ("NEUT", "Neutrophil count decreased"),
    ):
        subject.value(test, "0.9", 5)
        subject.ae(term, 3, 5, related="RELATED" if test == "PLAT" else related)
    assert subject.result(6) == result
    assert ("attribution_missing" in subject.status(6).flags) == (related is None)


# -- another scale ---------------------------------------------------------------------------------

ASTCT = "toxicity: {terms: [Cytokine release syndrome], grade: 3, scale: ASTCT}"


@pytest.mark.parametrize(
    ("grade", "result"),
    [("2", "not_met"), ("3", "met"), (None, "needs_review"), ("severe", "needs_review")],
)
def test_the_grade_of_the_named_scale_counts(grade: str | None, result: str) -> None:
    """Whatever its CTCAE grade is."""
    subject = Subject(ASTCT, more="scales: {ASTCT: AEASTCT}")
    said = {} if grade is None else {"AEASTCT": grade}
    subject.ae("Cytokine release syndrome", 4 if grade == "2" else 2, 5, **said)
    assert subject.result(5) == result


def test_a_missing_grade_is_asked_for_and_is_no_death() -> None:
    subject = Subject(ASTCT, more="scales: {ASTCT: AEASTCT}")
    subject.ae("Cytokine release syndrome", 2, 5)
    assert any("ASTCT grade" in text for text in subject.asked(5))
    assert "death" not in subject.found(5).why
