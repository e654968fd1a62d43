"""Qualifiers with a field, and what only a person can say."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject

LIPASE = "toxicity: {terms: [Lipase increased], grade: 3}"


def only_if(words: str) -> Subject:
    return Subject(f"{LIPASE}\nonly_if: [{{{words}}}]")


@pytest.mark.parametrize(
    ("qualifier", "field", "results"),
    [
        ("hospitalised", "AESHOSP", {"Y": "met", "N": "not_met", "U": "open", "": "open"}),
        ("not_hospitalised", "AESHOSP", {"Y": "not_met", "N": "met", "U": "open"}),
        ("serious", "AESER", {"Y": "met", "N": "not_met"}),
        ("life_threatening", "AESLIFE", {"Y": "met", "N": "not_met", "U": "open"}),
        ("medically_important", "AESMIE", {"Y": "met", "N": "not_met", "U": "open"}),
    ],
)
def test_read_from_the_reports(qualifier: str, field: str, results: dict[str, str]) -> None:
    for said, result in results.items():
        subject = only_if(f"qualifier: {qualifier}")
        subject.ae("Lipase increased", 3, 5, **{field: said})
        assert subject.result(5) == result


def test_a_field_nobody_filled_is_asked_for() -> None:
    subject = only_if("qualifier: hospitalised")
    subject.ae("Lipase increased", 3, 5)
    assert subject.result(5) == "open"
    assert any("AESHOSP" in text for text in subject.asked(5))


@pytest.mark.parametrize(
    "qualifier", ["asymptomatic", "symptomatic", "needs_intervention", "needs_no_intervention"]
)
def test_without_a_field_a_role_decides(qualifier: str) -> None:
    subject = only_if(f"qualifier: {qualifier}, role: investigator")
    subject.ae("Lipase increased", 3, 5)
    found = subject.found(5)
    assert found.result == "needs_review"
    assert "the investigator decides" in found.why


def test_isolated() -> None:
    subject = only_if("qualifier: isolated")
    subject.ae("Lipase increased", 3, 5, 8)
    assert subject.result(9) == "open"
    subject.all_entered(9)
    assert subject.result(9) == "met"
    subject.ae("Abdominal pain", 1, 6, 7)
    assert subject.result(9) == "needs_review"


def test_isolated_so_far_is_open_while_it_lasts() -> None:
    subject = only_if("qualifier: isolated")
    subject.ae("Lipase increased", 3, 5)
    subject.all_entered(9)
    assert subject.result(9) == "open"


def test_not_due_to_the_disease_is_judged_by_the_role_named() -> None:
    subject = Subject(
        f"{LIPASE}\nunless: [{{judgement: clearly due to the disease, role: sponsor}}]"
    )
    subject.ae("Lipase increased", 3, 5)
    found = subject.found(5)
    assert found.result == "needs_review"
    assert found.why.endswith("not a DLT if clearly due to the disease: the sponsor decides")


def test_an_open_fact_is_not_put_to_a_person() -> None:
    subject = Subject(
        f"{LIPASE}\nonly_if: [{{qualifier: hospitalised}}, {{judgement: clinically relevant}}]"
    )
    subject.ae("Lipase increased", 3, 5)
    assert subject.result(5) == "open"
