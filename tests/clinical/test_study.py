"""Corrections, reviews and the study as a whole: what is asked, refused and remembered."""

from __future__ import annotations

import pytest

from shared.clinical import DocumentError, Study, enrolment, evaluate, load_protocol
from shared.contracts.graded import GradedResult
from tests.clinical.stories import (
    PROTOCOL,
    STUDY,
    Trial,
    at,
    day,
    end_of,
    one,
    protocol_with,
    subject_of,
)

# -- corrections ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "stays"),
    [({"grade": 2}, True), ({"day": day(30)}, True), ({"AEOUT": "RECOVERED"}, False)],
)
def test_an_unexplained_change_of_an_event(change: dict[str, object], stays: bool) -> None:
    trial = one()
    trial.event("1-01", "Febrile neutropenia", 3, day(9))
    data = {"grade": 3, "day": day(9), **change}
    grade, onset = data.pop("grade"), data.pop("day")
    trial.event(
        "1-01",
        "Febrile neutropenia",
        int(str(grade)),
        str(onset),
        revision=2,
        known=at(day(31)),
        AEOUT=data.get("AEOUT", "NOT RECOVERED"),
    )
    assessment = trial.assess(at(day(31), 16))
    assert subject_of(assessment, "1-01").status == "dlt_candidate"
    assert any(query.kind == "conflict" for query in assessment.queries) is stays


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("LOST TO FOLLOW-UP", "COMPLETED"), True),
        (("COMPLETED", "LOST TO FOLLOW-UP"), False),
    ],
)
def test_an_unexplained_change_does_not_bring_back_who_left(
    words: tuple[str, str], asked: bool
) -> None:
    trial = one()
    for revision, word in enumerate(words, start=1):
        trial.record(
            "disposition",
            "1-01",
            {"DSDECOD": word, "DSSTDTC": str(day(9))},
            known=at(day(8 + revision)),
            recordid="ds",
            revision=revision,
        )
    assessment = trial.assess(at(day(10), 16))
    assert subject_of(assessment, "1-01").status == "not_evaluable"
    assert any(query.kind == "conflict" for query in assessment.queries) is asked


def test_conflicting_decisions_are_asked_about() -> None:
    trial = one()
    for action in ("escalate", "stay"):
        data = {
            "action": action,
            "decided_dtc": str(day(25)),
            "dose_level": 1,
            "assessment_digest": "sha256:" + "0" * 64,
        }
        trial.record("decision", None, data, known=at(day(25)), recordid="decision/1")
    assert any(query.subject is None for query in trial.assess(at(day(26))).queries)


def test_an_older_review_gives_way_to_a_newer_one() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.review("1-01", "NOT_DLT", at(day(10)))
    trial.review("1-01", "DLT", at(day(12)))
    assert subject_of(trial.assess(at(day(12), 16)), "1-01").status == "dlt"


# -- the study ------------------------------------------------------------------------------------


def test_no_protocol_no_assessment() -> None:
    with pytest.raises(ValueError, match="no protocol"):
        Study(STUDY).assess(as_of=at(day(1)))
    assert Study(STUDY).next_deadline(at(day(1))) is None
    assert Study(STUDY).graded("x") == ()


def test_no_facts_no_assessment() -> None:
    with pytest.raises(ValueError, match="no facts"):
        evaluate([], as_of=at(day(1)))


def test_the_protocol_known_last_is_in_force() -> None:
    trial = one()
    text = protocol_with(('version: "1"', 'version: "2"'), ("last_day: 21", "last_day: 28"))
    trial.record(
        "protocol",
        None,
        {"version": "2", "document": text},
        known=at(day(10)),
        recordid="protocol",
        revision=2,
    )
    assert trial.assess(at(day(9))).protocol_version == "1"
    later = trial.assess(at(day(11)))
    assert later.protocol_version == "2"
    window = subject_of(later, "1-01").window
    assert window is not None
    assert window.last == day(28)


def test_a_bad_protocol_is_refused_and_the_study_goes_on() -> None:
    trial = one()
    study = Study(STUDY)
    study.add(trial.facts)
    bad = trial.record(
        "protocol",
        None,
        {"version": "2", "document": "study: x"},
        known=at(day(10)),
        recordid="protocol",
        revision=2,
    )
    with pytest.raises(DocumentError):
        study.add([bad])
    assert study.assess(as_of=at(day(11))).protocol_version == "1"


def test_next_deadlines_in_order() -> None:
    trial = one()
    study = Study(STUDY)
    study.add(trial.facts)
    first = study.next_deadline(at(day(2)))
    assert first == end_of(day(21))
    assert study.next_deadline(end_of(day(21))) == at(day(23), 0)


def graded(trial: Trial) -> list[GradedResult]:
    study = Study(STUDY)
    study.add(trial.facts)
    return list(study.graded(f"{STUDY}-1-01"))


def test_graded_results_use_the_baseline_and_name_the_version() -> None:
    trial = one()
    trial.lab("1-01", "AST", "60", day(1), LBDTC=f"{day(1)}T07:00", LBLOBXFL="Y")
    trial.lab("1-01", "AST", "100", day(8))
    trial.lab("1-01", "PLAT", "20", day(8), LBORRESU="furlongs")
    results = {(one.term, one.occurred): one for one in graded(trial)}
    assert results["Aspartate aminotransferase increased", day(8)].grade_low == 1
    assert results["Aspartate aminotransferase increased", day(8)].ctcae == "5.0"
    unknown = results["Platelet count decreased", day(8)]
    assert (unknown.grade_low, unknown.not_gradable) == (None, "unit_unknown")


def test_enrolment_names_every_obstacle() -> None:
    trial = one()
    study = Study(STUDY)
    study.add(trial.facts)
    answer = enrolment(study.assess(as_of=at(day(2)), degraded=True), 1)
    assert not answer.allowed
    assert any("could not be handled" in reason for reason in answer.reasons)
    assert enrolment(study.assess(as_of=at(day(2))), 1).allowed
    assert not enrolment(study.assess(as_of=at(day(2))), 9).allowed
    assert not enrolment(study.assess(as_of=at(day(2))), 2).allowed


def test_enrolment_is_refused_while_the_dose_is_held() -> None:
    trial = one()
    trial.enrol("1-02")
    trial.enrol("1-03")
    for subject in ("1-01", "1-02"):
        trial.lab(subject, "PLAT", "20", day(9))
    reasons = enrolment(trial.assess(at(day(9), 16)), 1).reasons
    assert any("exceeded" in reason for reason in reasons)
    assert any("on hold" in reason for reason in reasons)


def test_all_subjects_of_a_deleted_study_are_gone_but_the_study_stands() -> None:
    trial = Trial()
    for fact in list(trial.facts[1:]):
        trial.delete(fact, at(day(2)))
    only = trial.record(
        "subject", "9-99", {"SUBJID": "9-99", "RFICDTC": str(day(1))}, known=at(day(1))
    )
    trial.delete(only, at(day(3)))
    assert trial.assess(at(day(4))).subjects == ()


def test_a_minimal_protocol_loads_once_and_stays_the_same_object() -> None:
    text = PROTOCOL.read_text()
    assert load_protocol(text) is load_protocol(text)
