"""Attribution per criterion: to one of the drugs, by other wordings, or not asked."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.stories import at

NAUSEA = "toxicity: {terms: [Nausea], grade: 3}"
TO_SECOND = f"{NAUSEA}\nattribution: {{to_any_of: [ANLOTINIB]}}"


@pytest.mark.parametrize(
    ("overall", "by_drug", "result", "flagged"),
    [
        ("RELATED", {"AEREL1": "NOT RELATED", "AEREL2": "RELATED"}, "met", False),
        ("RELATED", {"AEREL1": "RELATED", "AEREL2": "NOT RELATED"}, "not_met", False),
        ("RELATED", {"AEREL1": "RELATED"}, "met", True),
        ("RELATED", {}, "met", True),
        ("NOT RELATED", {}, "not_met", False),
        (None, {"AEREL2": "NOT RELATED"}, "not_met", False),
        (None, {}, "met", True),
    ],
)
def test_to_one_of_two_drugs(
    overall: str | None, by_drug: dict[str, str], result: str, flagged: bool
) -> None:
    """Related to the trial's treatment without saying to which counts, and is asked."""
    subject = Subject(TO_SECOND)
    subject.ae("Nausea", 3, 5, related=overall, **by_drug)
    assert subject.result(5) == result
    assert ("attribution_missing" in subject.status(5).flags) == flagged


@pytest.mark.parametrize(
    ("by_drug", "result", "flagged"),
    [
        ({"AEREL1": "NOT RELATED"}, "met", True),
        ({"AEREL2": "NOT RELATED"}, "met", True),
        ({"AEREL1": "NOT RELATED", "AEREL2": "NOT RELATED"}, "not_met", False),
        ({"AEREL1": "NOT RELATED", "AEREL2": "RELATED"}, "met", False),
    ],
)
def test_to_either_of_two_drugs(by_drug: dict[str, str], result: str, flagged: bool) -> None:
    """One drug called not related says nothing of the other."""
    subject = Subject(f"{NAUSEA}\nattribution: {{to_any_of: [LVGN6051, ANLOTINIB]}}")
    subject.ae("Nausea", 3, 5, related="RELATED", **by_drug)
    assert subject.result(5) == result
    assert ("attribution_missing" in subject.status(5).flags) == flagged


def test_a_later_not_related_does_not_overrule() -> None:
    subject = Subject(TO_SECOND)
    subject.ae("Nausea", 3, 5, AEREL2="RELATED")
    subject.ae("Nausea", 3, 5, AEREL2="NOT RELATED", revision=2, reason="query", known=at(day(6)))
    assert subject.result(7) == "met"


@pytest.mark.parametrize(
    ("wording", "result"),
    [("LIKELY", "met"), ("POSSIBLY RELATED", "not_met"), ("NOT RELATED", "not_met"), ("?", "met")],
)
def test_only_likely_counts(wording: str, result: str) -> None:
    subject = Subject(f"{NAUSEA}\nattribution: {{wordings: [LIKELY]}}")
    subject.ae("Nausea", 3, 5, related=wording)
    assert subject.result(5) == result


def test_whatever_the_cause() -> None:
    subject = Subject(f"{NAUSEA}\nattribution: {{any_cause: true}}")
    subject.ae("Nausea", 3, 5, related="NOT RELATED")
    assert subject.result(5) == "met"
    assert "attribution_missing" not in subject.status(5).flags


def test_a_laboratory_value_reported_as_caused_by_the_other_drug_is_for_a_person() -> None:
    subject = Subject(
        "toxicity: {terms: [Platelet count decreased], grade: 4}\n"
        "attribution: {to_any_of: [ANLOTINIB]}"
    )
    subject.value("PLAT", "20", 5)
    subject.ae("Platelet count decreased", 4, 5, AEREL2="NOT RELATED", AEREL1="RELATED")
    assert subject.result(5) == "needs_review"
