"""A second toxicity, value or treatment: overlapping, or close in time and in a stated order."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day
from tests.clinical.stories import at

PLATELETS = "toxicity: {terms: [Platelet count decreased], grade: 3}"


def with_bleeding(clock: str = "") -> Subject:
    return Subject(
        f"""
        {PLATELETS}
        together_with_any:
          - toxicity: {{group: bleeding, grade: 2}}
            {clock}
        """.replace("\n        ", "\n")
    )


@pytest.mark.parametrize(
    ("clock", "onset", "result"),
    [
        ("within_days: 2", 7, "not_met"),
        ("within_days: 2", 8, "met"),
        ("within_days: 2", 12, "met"),
        ("within_days: 2", 13, "not_met"),
        ("{within_days: 2, order: after}", 9, "not_met"),
        ("{within_days: 2, order: after}", 10, "met"),
        ("{within_days: 2, order: before}", 10, "met"),
        ("{within_days: 2, order: before}", 11, "not_met"),
    ],
)
def test_begun_within_two_days(clock: str, onset: int, result: str) -> None:
    words = clock.strip("{}").replace(", ", "\n    ")
    subject = with_bleeding(words)
    subject.value("PLAT", "40", 10)
    subject.ae("Epistaxis", 2, onset, onset)
    subject.all_entered(21)
    assert subject.result(21) == result


@pytest.mark.parametrize(
    ("start", "result"), [("T20:00", "met"), ("T20:31", "not_met"), ("", "open")]
)
def test_begun_within_hours(start: str, result: str) -> None:
    subject = with_bleeding("within_hours: 12")
    subject.value("PLAT", "40", 10, LBDTC=f"{day(10)}T08:30:00")
    subject.ae("Epistaxis", 2, f"{day(10)}{start}", known=at(day(11)))
    subject.all_entered(21)
    assert subject.result(21) == result


def test_an_absent_second_fact_is_open_until_entered_and_until_the_time_is_over() -> None:
    subject = with_bleeding("within_days: 2")
    subject.value("PLAT", "40", 10)
    assert subject.result(11) == "open"
    subject.all_entered(12)
    assert subject.result(12) == "not_met"


def test_a_second_fact_of_uncertain_grade_is_open() -> None:
    subject = Subject(
        f"{PLATELETS}\ntogether_with_any: [{{toxicity: {{terms: [Epistaxis], grade: 4}}}}]"
    )
    subject.value("PLAT", "40", 10)
    subject.other(
        "adverse_event",
        11,
        AETERM="Epistaxis",
        AESTDTC=str(day(11)),
        AESER="N",
        AESEV="SEVERE",
        AEREL="RELATED",
    )
    assert subject.result(11) == "open"
    assert any("the grade of Epistaxis" in text for text in subject.asked(11))


@pytest.mark.parametrize(("fever", "result"), [("38.5", "not_met"), ("38.6", "met")])
def test_a_value_beside_it(fever: str, result: str) -> None:
    subject = Subject(
        """
        toxicity: {terms: [Neutrophil count decreased], grade: 3}
        together_with_any:
          - measurement: {testcd: TEMP, domain: vital, above: {Cel: 38.5}}
            within_days: 1
        """
    )
    subject.value("NEUT", "0.8", 10)
    subject.other("vital", 11, VSTESTCD="TEMP", VSDTC=str(day(11)), VSORRES=fever, VSORRESU="C")
    subject.all_entered(21)
    assert subject.result(21) == result


def test_all_of_several_facts() -> None:
    criterion = f"""
    {PLATELETS}
    only_if:
      - toxicity: {{group: bleeding, grade: 2}}
      - treatment: {{category: transfusion}}
    """
    subject = Subject(criterion.replace("\n    ", "\n"))
    subject.value("PLAT", "40", 10)
    subject.ae("Epistaxis", 2, 11)
    subject.all_entered(12)
    assert subject.result(12) == "not_met"
    subject.care("transfusion", "PLATELETS", 13)
    assert (subject.result(13), subject.found(13).onset) == ("met", day(13))
