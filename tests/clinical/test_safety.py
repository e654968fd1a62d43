"""Ways in which a fact could end as "fine" without anyone having said so. Each was one once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.clinical import enrolment
from tests.clinical.stories import DIGEST, Trial, at, day, end_of, subject_of


def one() -> Trial:
    trial = Trial()
    trial.enrol("1-01")
    return trial


def three() -> Trial:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    return trial


def two_dlts() -> Trial:
    trial = Trial()
    for subject in ("1-01", "1-02", "1-03"):
        trial.enrol(subject)
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.lab("1-02", "PLAT", "18", day(12))
    return trial


def status(trial: Trial, number: int, subject: str = "1-01") -> str:
    return subject_of(trial.assess(at(day(number), 20)), subject).status


def result(trial: Trial, number: int, name: str) -> str:
    subject = subject_of(trial.assess(at(day(number), 20)), "1-01")
    return next(found.result for found in subject.criteria if found.id == name)


# -- holds ----------------------------------------------------------------------------------------


def test_a_committee_s_hold_holds_until_a_record_lifts_it() -> None:
    trial = one()
    trial.decide("hold", 1, at(day(3)))
    held = trial.assess(at(day(4)))
    assert (held.status, held.recommendation.action) == ("on_hold", "hold")
    assert not enrolment(held, 1).allowed
    trial.decide("enrol", 1, at(day(5)))
    assert trial.assess(at(day(6))).status == "on_hold"
    trial.decide("enrol", 1, at(day(7)), lifts_hold=True)
    assert enrolment(trial.assess(at(day(8))), 1).allowed


def test_a_death_after_a_lifted_hold_holds_again() -> None:
    trial = two_dlts()
    trial.decide("stay", 1, at(day(13)), lifts_hold=True)
    gone = {"DSDECOD": "DEATH", "DSSTDTC": str(day(16))}
    trial.record("disposition", "1-01", gone, known=at(day(16)))
    assert trial.assess(at(day(16), 20)).status == "on_hold"


def test_a_death_that_was_an_error_leaves_its_hold_though_the_subject_stays_a_candidate() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    gone = {"DSDECOD": "DEATH", "DSSTDTC": str(day(11))}
    death = trial.record("disposition", "1-01", gone, known=at(day(11)))
    trial.delete(death, at(day(12)))
    assert status(trial, 12) == "dlt_candidate"
    assert trial.assess(at(day(12), 20)).status == "on_hold"


@pytest.mark.parametrize("change", [{"dose_level": 2}, {"part": "expansion"}])
def test_a_hold_outlives_moving_its_subject(change: dict[str, Any]) -> None:
    trial = two_dlts()
    data = {"cohort_id": "1", "assigned_dtc": str(day(1)), "dose_level": 1, **change}
    trial.record(
        "cohort_assignment",
        "1-02",
        data,
        known=at(day(13)),
        recordid="1-02/COHORT",
        revision=2,
        reason="wrong cohort entered",
    )
    assert trial.assess(at(day(13), 20)).status == "on_hold"


def test_a_hold_outlives_the_deletion_of_everything_about_its_subject() -> None:
    trial = two_dlts()
    for fact in [fact for fact in trial.facts if fact.subject.endswith("1-02")]:
        trial.delete(fact, at(day(13)))
    assert trial.assess(at(day(13), 20)).status == "on_hold"


def test_a_hold_outlives_an_amendment_of_the_criteria() -> None:
    trial = two_dlts()
    text = str(trial.facts[0].data["document"])
    assert "grade: 4}\n\n    - id: platelets-g3" in text
    text = text.replace(
        "grade: 4}\n\n    - id: platelets-g3", "grade: 5}\n\n    - id: platelets-g3"
    )
    text = text.replace("[Platelet count decreased], grade: 5", "[Anemia], grade: 5")
    trial.record(
        "protocol",
        None,
        {"version": "2", "document": text},
        known=at(day(14)),
        recordid="protocol",
        revision=2,
    )
    assessment = trial.assess(at(day(14), 20))
    assert assessment.doses[0].dlt.candidate == 0
    assert assessment.status == "on_hold"


def test_a_dose_that_fell_for_want_of_subjects_is_a_hold_of_the_study() -> None:
    trial = three()
    trial.decide("escalate", 2, at(day(25)))
    left = {"DSDECOD": "PROGRESSIVE DISEASE", "DSSTDTC": str(day(9))}
    trial.record("disposition", "1-03", left, known=at(day(26)))
    assessment = trial.assess(at(day(26), 20))
    assert (assessment.recommendation.action, assessment.status) == ("hold", "on_hold")


# -- decisions and go signals ---------------------------------------------------------------------


def _disputed(trial: Trial, **other: Any) -> None:
    for data in ({"action": "stay", "dose_level": 1}, other):
        body = {"decided_dtc": str(day(25)), "assessment_digest": DIGEST, **data}
        trial.record("decision", None, body, known=at(day(25)), recordid="decision/1")


def test_a_decision_that_contradicts_itself_opens_nothing() -> None:
    trial = three()
    _disputed(trial, action="escalate", dose_level=2)
    assessment = trial.assess(at(day(26)))
    assert assessment.recommendation.action == "wait"
    assert assessment.doses[1].state == "not_open"
    assert not enrolment(assessment, 2).allowed


def test_a_decision_that_contradicts_itself_lifts_nothing() -> None:
    trial = two_dlts()
    _disputed(trial, action="stay", dose_level=1, lifts_hold=True)
    assert trial.assess(at(day(26))).status == "on_hold"


def test_a_decision_about_a_dose_the_protocol_lacks_opens_nothing() -> None:
    trial = three()
    trial.decide("escalate", 20, at(day(25)))
    assessment = trial.assess(at(day(26)))
    assert assessment.recommendation.dose_level == 2
    assert [dose.state for dose in assessment.doses] == ["cleared", *["not_open"] * 3]
    assert any("no such dose level" in query.text for query in assessment.queries)


def test_a_subject_at_a_dose_the_protocol_lacks_blocks_go_and_is_asked_about() -> None:
    trial = three()
    trial.enrol("1-04", 9)
    trial.lab("1-04", "PLAT", "20", day(9))
    assessment = trial.assess(at(day(23)))
    assert assessment.recommendation.action == "wait"
    assert any("dose level" in query.text for query in assessment.queries)


def test_a_subject_who_left_stays_pending_while_a_criterion_is_open() -> None:
    trial = one()
    trial.lab("1-01", "NEUT", "0.3", day(8))
    left = {"DSDECOD": "PROGRESSIVE DISEASE", "DSSTDTC": str(day(9))}
    trial.record("disposition", "1-01", left, known=at(day(9)))
    assert status(trial, 9) == "open"
    trial.lab("1-01", "NEUT", "1.4", day(12))
    assert status(trial, 12) == "not_evaluable"


def test_a_pending_subject_below_can_still_change_the_answer() -> None:
    trial = three()
    trial.decide("escalate", 2, at(day(25)))
    trial.enrol("1-04", 1, day(26))
    trial.clean("2-01", "2-02", "2-03", level=2, day=day(26))
    assert trial.assess(end_of(day(46))).recommendation.action == "wait"


def test_the_source_cannot_confirm_what_has_not_happened_yet() -> None:
    trial = one()
    trial.complete("1-01", known=at(day(5)))
    assessment = trial.assess(end_of(day(21)))
    assert subject_of(assessment, "1-01").status == "open"


def test_treated_with_another_drug_but_no_first_dose_blocks_go() -> None:
    trial = three()
    subject = {"SUBJID": "1-04", "RFICDTC": str(day(1))}
    trial.record("subject", "1-04", subject, known=at(day(1)))
    trial.dose("1-04", day(2), "ANLOTINIB")
    trial.event("1-04", "Febrile neutropenia", 3, day(9))
    assessment = trial.assess(at(day(23)))
    assert assessment.recommendation.action == "wait"
    assert any("first dose" in query.text for query in assessment.queries)


# -- what existed before treatment ----------------------------------------------------------------


def test_an_event_that_was_over_before_treatment_is_no_excuse() -> None:
    trial = one()
    trial.event("1-01", "Dyspnea", 3, day(-20), AEENDTC=str(day(-10)), recordid="before")
    trial.event("1-01", "Dyspnea", 3, day(9))
    assert status(trial, 9) == "dlt_candidate"


def test_an_event_from_before_that_goes_on_is_asked_about() -> None:
    trial = one()
    trial.event("1-01", "Dyspnea", 3, day(-2), known=at(day(9)))
    assert result(trial, 9, "non-haematological-g3") == "open"


def test_an_event_from_before_that_ends_in_death_is_a_death() -> None:
    trial = one()
    gone = {"DSDECOD": "DEATH", "DSSTDTC": str(day(8))}
    trial.event("1-01", "Dyspnea", 3, day(-2), known=at(day(9)), AESDTH="Y")
    trial.record("disposition", "1-01", gone, known=at(day(9)))
    assessment = trial.assess(at(day(9), 20))
    assert subject_of(assessment, "1-01").status == "dlt_candidate"
    assert assessment.status == "on_hold"


def test_a_death_before_an_event_is_not_explained_by_it() -> None:
    trial = one()
    gone = {"DSDECOD": "DEATH", "DSSTDTC": str(day(18))}
    trial.record("disposition", "1-01", gone, known=at(day(19)))
    trial.event("1-01", "Sepsis", 5, day(25), known=at(day(26)))
    assert status(trial, 26) == "dlt_candidate"


def test_a_value_after_the_first_dose_is_no_baseline_whatever_its_flag_says() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9), LBLOBXFL="Y")
    assert status(trial, 9) == "dlt_candidate"
    assert any("baseline" in query.text for query in trial.assess(at(day(9), 20)).queries)


# -- corrections that nobody explains -------------------------------------------------------------


@pytest.mark.parametrize("change", [{"LBLOBXFL": "Y"}, {"LBSPEC": "URINE"}])
def test_an_unexplained_change_that_hides_a_value(change: dict[str, str]) -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.lab("1-01", "PLAT", "20", day(9), revision=2, known=at(day(10)), **change)
    assert status(trial, 10) == "dlt_candidate"


def test_a_blank_reason_is_no_reason() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.lab("1-01", "PLAT", "200", day(9), revision=2, known=at(day(10)), reason="  ")
    assert status(trial, 10) == "dlt_candidate"


def test_two_contents_of_an_unexplained_revision_hide_nothing() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    for value in ("180", "190"):
        trial.lab("1-01", "PLAT", value, day(9), revision=2, known=at(day(10)))
    assert status(trial, 10) == "dlt_candidate"


def test_two_contents_of_one_source_time_contradict_each_other() -> None:
    trial = one()
    stamp = at(day(9))
    for value in ("20", "200"):
        fact = trial.lab("1-01", "PLAT", value, day(9), reason="entered")
        trial.facts[-1] = fact.model_copy(update={"revision": None, "sourcetime": stamp})
    assessment = trial.assess(at(day(9), 20))
    assert subject_of(assessment, "1-01").status == "dlt_candidate"
    assert any(query.kind == "conflict" for query in assessment.queries)


def test_an_unexplained_change_of_a_death_or_an_assignment_ends_nothing() -> None:
    trial = one()
    gone = {"DSDECOD": "DEATH", "DSSTDTC": str(day(9))}
    trial.record("disposition", "1-01", gone, known=at(day(9)), recordid="ds")
    alive = {"DSDECOD": "COMPLETED", "DSSTDTC": str(day(9))}
    trial.record("disposition", "1-01", alive, known=at(day(10)), recordid="ds", revision=2)
    assert status(trial, 10) == "dlt_candidate"
    moved = {"cohort_id": "1", "assigned_dtc": str(day(1)), "dose_level": 1, "part": "expansion"}
    how: dict[str, Any] = {"recordid": "1-01/COHORT", "revision": 2}
    trial.record("cohort_assignment", "1-01", moved, known=at(day(11)), **how)
    assert status(trial, 11) == "dlt_candidate"


def test_an_unexplained_change_of_the_first_dose_moves_no_dlt_out_of_the_window() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(20))
    earlier = {
        "ECTRT": "LVGN6051",
        "ECOCCUR": "Y",
        "ECSTDTC": str(day(-9)),
        "ECDOSE": "100",
        "planned_dose": "100",
        "cycle": 1,
    }
    record = f"1-01/EX/LVGN6051/1/{day(1)}"
    trial.record("dose", "1-01", earlier, known=at(day(21)), recordid=record, revision=2)
    assert status(trial, 21) == "dlt_candidate"


def test_an_unexplained_value_within_a_stretch_does_not_interrupt_it() -> None:
    trial = one()
    for number in (8, 10, 12, 16):
        trial.lab("1-01", "NEUT", "0.3", day(number))
    assert result(trial, 16, "neutrophils-g4-over-7-days") == "met"
    trial.lab("1-01", "NEUT", "1.4", day(10), revision=2, known=at(day(17)))
    assert result(trial, 17, "neutrophils-g4-over-7-days") == "met"


def test_an_unexplained_lower_grade_is_no_recovery() -> None:
    trial = one()
    trial.event("1-01", "Nausea", 3, day(5))
    trial.lab("1-01", "PLAT", "180", day(12))
    trial.event("1-01", "Nausea", 1, day(5), revision=2, known=at(day(12)))
    assert result(trial, 12, "non-haematological-g3") == "open"


def test_an_end_before_the_beginning_is_no_recovery() -> None:
    trial = one()
    trial.event("1-01", "Nausea", 3, day(9), AEENDTC=str(day(8)))
    assert result(trial, 9, "non-haematological-g3") == "open"
    assert any("ends before" in query.text for query in trial.assess(at(day(9), 20)).queries)
