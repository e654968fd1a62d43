"""Exclusions: plain, up to a grade, nested, stricter, and of several facts at once."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject

ANY_SEVERE = "toxicity: {not_in_group: haematological, grade: 3}"


@pytest.mark.parametrize(
    ("term", "grade", "result"),
    [
        ("Fatigue", 3, "not_met"),
        ("Nausea", 3, "not_met"),
        ("Nausea", 4, "met"),
        ("Vomiting", 3, "met"),
    ],
)
def test_plainly_excepted_terms_and_grades(term: str, grade: int, result: str) -> None:
    subject = Subject(
        f"{ANY_SEVERE}\nexcept: [{{terms: [Fatigue]}}, {{terms: [Nausea], up_to_grade: 3}}]"
    )
    subject.ae(term, grade, 5)
    assert subject.result(5) == result


NESTED = f"""
{ANY_SEVERE}
except:
  - terms: [Fatigue]
    up_to_grade: 3
    but_not_if_any:
      - lasts: {{for_more_than_days: 7}}
      - qualifier: hospitalised
"""


@pytest.mark.parametrize(
    ("end", "hospital", "result"),
    [
        (11, "N", "not_met"),
        (12, "N", "not_met"),
        (13, "N", "met"),
        (11, "Y", "met"),
        (11, "U", "open"),
    ],
)
def test_excepted_unless_it_lasts_or_is_hospitalised(end: int, hospital: str, result: str) -> None:
    """From day 5: over on day 12 it lasted seven days."""
    subject = Subject(NESTED)
    subject.ae("Fatigue", 3, 5, end, AESHOSP=hospital)
    assert subject.result(14) == result


def test_an_exception_is_not_granted_while_it_may_still_fall() -> None:
    subject = Subject(NESTED)
    subject.ae("Fatigue", 3, 5, AESHOSP="N")
    assert subject.result(6) == "open"


@pytest.mark.parametrize(
    ("term", "grade", "result"),
    [
        ("Pneumonitis", 1, "not_met"),
        ("Pneumonitis", 2, "met"),
        ("Nausea", 2, "not_met"),
        ("Nausea", 3, "met"),
        ("Vomiting", 3, "not_met"),
        ("Vomiting", 4, "met"),
    ],
)
def test_another_grade_for_some_terms(term: str, grade: int, result: str) -> None:
    """Stricter for pneumonitis, milder for vomiting."""
    subject = Subject(
        f"{ANY_SEVERE}\nother_grades:\n"
        "  - {terms: [Pneumonitis], grade: 2}\n"
        "  - {terms: [Vomiting], grade: 4}"
    )
    subject.ae(term, grade, 5)
    assert subject.result(5) == result


RASH = f"""
{ANY_SEVERE}
unless:
  - terms: [Rash maculo-papular]
    up_to_grade: 3
    all_of:
      - improves: {{to_grade: 1, within_days: 14}}
      - treatment: {{category: steroid, given: false}}
      - judgement: no blisters and no mucosa involved
        role: dermatologist
"""


@pytest.mark.parametrize(
    ("end", "steroid", "result"),
    [(15, False, "needs_review"), (15, True, "met"), (21, False, "met")],
)
def test_exempt_only_if_all_of_several_facts_hold(end: int, steroid: bool, result: str) -> None:
    subject = Subject(RASH)
    subject.ae("Rash maculo-papular", 3, 5, end)
    if steroid:
        subject.care("steroid", "PREDNISONE", 8, 10)
    subject.all_entered(21)
    assert subject.result(21) == result


def test_the_judgement_names_the_role_that_decides() -> None:
    subject = Subject(RASH)
    subject.ae("Rash maculo-papular", 3, 5, 15)
    subject.all_entered(21)
    assert "the dermatologist decides" in subject.found(21).why


def test_steroids_not_known_keep_the_exemption_open() -> None:
    subject = Subject(RASH)
    subject.ae("Rash maculo-papular", 3, 5, 15)
    assert subject.result(20) == "open"
