"""Reports of events that cannot be right as they stand: asked about, and counted as they stand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clinical.stories import Trial, at, day, subject_of


def reported(term: str, grade: int, **data: Any) -> Trial:
    trial = Trial()
    trial.enrol("1-01")
    trial.event("1-01", term, grade, day(5), recordid="AE/1", **data)
    return trial


def asked(trial: Trial, words: str) -> list[str]:
    queries = trial.assess(at(day(6), 20)).queries
    return [query.text for query in queries if words in query.text]


CRITERIA = ("AESDTH", "AESLIFE", "AESHOSP", "AESDISAB", "AESCONG", "AESMIE")


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_criterion_of_seriousness_contradicts_not_serious(criterion: str) -> None:
    trial = reported("Fatigue", 3, **{criterion: "Y"})
    words = f"an event is called not serious in spite of {criterion} (AE/1)"
    assert asked(trial, "not serious") == [words]


def test_no_contradiction_where_it_is_called_serious_or_no_criterion_is_met() -> None:
    everything = dict.fromkeys(CRITERIA[1:], "Y")
    assert asked(reported("Fatigue", 3, AESER="Y", **everything), "serious") == []
    assert asked(reported("Fatigue", 3, **dict.fromkeys(CRITERIA, "N")), "serious") == []
    assert asked(reported("Fatigue", 3, AESHOSP="U"), "serious") == []


def test_a_grade_the_term_lacks_is_asked_about_and_counts() -> None:
    trial = reported("Fatigue", 4)
    (text,) = asked(trial, "was reported")
    assert text == "grade 4 was reported, and CTCAE 5.0 has Fatigue only at grade 1, 2, 3 (AE/1)"
    severe = subject_of(trial.assess(at(day(6), 20)), "1-01").severe
    assert [(one.term, one.grade) for one in severe] == [("Fatigue", 4)]


@pytest.mark.parametrize(("grade", "number"), [("3", 0), ("4", 1)])
def test_a_later_grade_is_looked_at_too(grade: str, number: int) -> None:
    changes = [{"dtc": str(day(6)), "grade": grade}]
    trial = reported("Fatigue", 2, grade_changes=changes)
    assert len(asked(trial, f"grade {grade} was reported")) == number


def test_a_death_of_what_has_no_grade_5_is_asked_about() -> None:
    trial = reported("Fatigue", 3, AEOUT="FATAL", AESER="Y")
    assert len(asked(trial, "grade 5 was reported")) == 1


def test_an_event_in_other_words_is_the_term_and_says_so() -> None:
    trial = reported("Thrombocytopenia", 4)
    subject = subject_of(trial.assess(at(day(6), 20)), "1-01")
    assert subject.status == "dlt_candidate"
    assert [one.term for one in subject.severe] == ["Platelet count decreased"]
    assert subject.severe[0].why == 'reported grade 4 as "Thrombocytopenia"'
    assert asked(trial, "not in CTCAE") == []


def test_a_code_of_the_dictionary_is_enough() -> None:
    platelets = "10035528"
    for code in ({"AEPTCD": platelets}, {"AELLTCD": platelets}, {"AELLTCD": int(platelets)}):
        trial = reported("Plt count low", 4, **code)
        assert subject_of(trial.assess(at(day(6), 20)), "1-01").status == "dlt_candidate"
        assert asked(trial, "not in CTCAE") == []


def test_an_unknown_term_is_asked_about() -> None:
    words = "an event's term is not in CTCAE 5.0 (AE/1)"
    assert asked(reported("Cold sweat", 2), "not in CTCAE") == [words]
