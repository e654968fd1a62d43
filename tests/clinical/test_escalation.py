"""From subjects to the study: holds, decisions, corrections, and which signals stand."""

from __future__ import annotations

from datetime import datetime

import pytest

from shared.clinical import Study, compare, enrolment, standing_signals
from shared.contracts.assessment import Assessment
from shared.contracts.signals import Signal, SignalType
from tests.clinical.stories import STUDY, Trial, at, day, end_of, stepwise, subject_of


def types(assessment: Assessment) -> set[str]:
    return {signal.type.value for signal in standing_signals(assessment)}


def two_dlts() -> Trial:
    """Three subjects at dose 1, two with grade 4 platelets on days 9 and 12."""
    trial = Trial()
    for subject in ("1-01", "1-02", "1-03"):
        trial.enrol(subject)
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.lab("1-02", "PLAT", "18", day(12))
    return trial


def test_escalate_only_when_the_last_window_has_closed() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    before = trial.assess(at(day(21), 23))
    after = trial.assess(end_of(day(21)))
    assert (before.recommendation.action, after.recommendation.action) == ("wait", "escalate")
    assert after.recommendation.dose_level == 2
    assert after.doses[1].state == "not_open"


def test_only_a_record_opens_the_next_dose() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    assert not enrolment(trial.assess(end_of(day(21))), 2).allowed
    trial.decide("escalate", 2, at(day(25)))
    assert enrolment(trial.assess(at(day(25), 16)), 2).allowed


def test_two_candidates_exceed_the_dose_at_once_and_confirmation_ends_it() -> None:
    trial = two_dlts()
    held = trial.assess(at(day(12), 16))
    assert held.doses[0].state == "exceeded"
    assert (held.recommendation.action, held.status) == ("hold", "on_hold")
    assert {"dose.exceeded", "enrolment.hold", "dlt.candidate"} <= types(held)
    trial.review("1-01", "DLT", at(day(13)))
    trial.review("1-02", "DLT", at(day(13), 16))
    final = trial.assess(at(day(14)))
    assert (final.recommendation.action, final.recommendation.mtd_status) == ("stop", "none")
    assert final.status == "on_hold"


def test_case_2_a_correction_withdraws_the_dlt_and_the_hold_stays() -> None:
    trial = two_dlts()
    trial.lab(
        "1-02", "PLAT", "180", day(12), revision=2, known=at(day(14)), reason="transcription error"
    )
    assessment = trial.assess(at(day(14), 16))
    assert subject_of(assessment, "1-02").status == "in_window"
    assert assessment.doses[0].dlt.candidate == 1
    assert (assessment.recommendation.action, assessment.status) == ("hold", "on_hold")
    trial.decide("stay", 1, at(day(15)), lifts_hold=True)
    assert trial.assess(at(day(15), 16)).status == "open"


def test_case_3_a_deletion_does_the_same() -> None:
    trial = two_dlts()
    trial.delete(trial.facts[-1], at(day(14)))
    assessment = trial.assess(at(day(14), 16))
    assert subject_of(assessment, "1-02").status == "in_window"
    assert assessment.status == "on_hold"


def test_an_unexplained_correction_ends_nothing() -> None:
    trial = two_dlts()
    trial.lab("1-02", "PLAT", "180", day(12), revision=2, known=at(day(14)))
    assessment = trial.assess(at(day(14), 16))
    assert subject_of(assessment, "1-02").status == "dlt_candidate"
    assert assessment.doses[0].state == "exceeded"
    assert any(query.kind == "conflict" for query in assessment.queries)


def test_two_contents_of_one_revision_stop_but_never_go() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    trial.lab("1-03", "PLAT", "180", day(9), recordid="x")
    trial.lab("1-03", "PLAT", "90", day(9), recordid="x", known=at(day(10)))
    assessment = trial.assess(at(day(23)))
    assert subject_of(assessment, "1-03").status == "open"
    assert assessment.recommendation.action == "wait"
    assert "data.conflict" in types(assessment)


def test_a_decision_shows_who_signed_it_besides() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    trial.decide("stay", 1, at(day(24)))
    trial.decide("escalate", 2, at(day(25)), override_reason="x", countersigned_by="second")
    alone, both = trial.assess(at(day(26))).decisions
    assert (alone.countersigned_by, both.countersigned_by) == (None, "second")


def test_case_1_a_late_dlt_changes_the_basis_and_holds_the_higher_dose() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    trial.decide("escalate", 2, at(day(25)))
    trial.enrol("2-01", 2, day(26))
    trial.lab("1-02", "PLAT", "20", day(10), known=at(day(28)))
    assessment = trial.assess(at(day(28), 16))
    assert subject_of(assessment, "1-02").status == "dlt_candidate"
    assert assessment.decisions[0].basis == "changed"
    assert assessment.status == "on_hold"
    assert assessment.doses[1].state == "held"
    assert not enrolment(assessment, 2).allowed
    assert "decision.basis_changed" in types(assessment)


def test_case_15_a_replaced_subject_with_a_dlt_counts_again() -> None:
    trial = Trial()
    trial.enrol("1-01")
    left = {"DSDECOD": "PROGRESSIVE DISEASE", "DSSTDTC": str(day(9))}
    trial.record("disposition", "1-01", left, known=at(day(9)))
    assert trial.assess(at(day(9), 16)).doses[0].not_evaluable == 1
    trial.lab("1-01", "PLAT", "20", day(20))
    assert trial.assess(at(day(20), 16)).doses[0].dlt.candidate == 1


def test_case_22_a_second_dlt_below_holds_above() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    trial.decide("escalate", 2, at(day(25)))
    trial.enrol("2-01", 2, day(26))
    for subject in ("1-01", "1-02"):
        trial.lab(subject, "PLAT", "20", day(10), known=at(day(28)))
    assessment = trial.assess(at(day(28), 16))
    assert [dose.state for dose in assessment.doses[:2]] == ["exceeded", "held"]
    assert assessment.recommendation.action == "hold"


def test_rejection_clears_and_later_evidence_reopens() -> None:
    trial = Trial()
    trial.enrol("1-01")
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.review("1-01", "NOT_DLT", at(day(10)))
    assert subject_of(trial.assess(at(day(10), 16)), "1-01").status == "in_window"
    trial.lab("1-01", "PLAT", "15", day(11))
    assert subject_of(trial.assess(at(day(11), 16)), "1-01").status == "dlt_candidate"


def test_a_person_may_confirm_what_no_rule_found() -> None:
    trial = Trial()
    trial.enrol("1-01")
    trial.review("1-01", "DLT", at(day(10)), criterion="grade-5")
    assert subject_of(trial.assess(at(day(10), 16)), "1-01").status == "dlt"


def test_a_confirmation_lapses_with_the_record_it_rested_on() -> None:
    trial = Trial()
    trial.enrol("1-01")
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.review("1-01", "DLT", at(day(10)))
    trial.lab("1-01", "PLAT", "200", day(9), revision=2, known=at(day(12)), reason="wrong tube")
    assert subject_of(trial.assess(at(day(12), 16)), "1-01").status == "in_window"


def test_degraded_waits_with_go_but_not_with_stop() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    study = stepwise(trial.facts)
    assert study.assess(as_of=at(day(23)), degraded=True).recommendation.action == "wait"
    study = stepwise(two_dlts().facts)
    assert study.assess(as_of=at(day(12), 16), degraded=True).recommendation.action == "hold"


def test_a_treated_subject_without_a_dose_level_blocks_go() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    trial.dose("1-04", day(1))
    assert trial.assess(at(day(23))).recommendation.action == "wait"


def test_expansion_subjects_are_not_counted() -> None:
    trial = Trial()
    trial.enrol("P-01", 1, part="expansion")
    trial.lab("P-01", "PLAT", "20", day(9))
    assessment = trial.assess(at(day(9), 16))
    assert subject_of(assessment, "P-01").status == "not_assessed"
    assert assessment.doses[0].treated == 0
    assert "toxicity.severe" in types(assessment)


def run(trial: Trial, moments: list[datetime]) -> tuple[list[Signal], list[Signal]]:
    """Signals sent and standing when the study is looked at, at each moment, as a monitor would."""
    sent: list[Signal] = []
    standing: list[Signal] = []
    for moment in moments:
        study = Study(STUDY)
        study.add(fact for fact in trial.facts if fact.known_at <= moment)
        raised = [signal.key for signal in sent]
        new = compare(standing, study.assess(as_of=moment), raised.count)
        sent += new
        ended = {signal.supersedes for signal in new}
        standing = [one for one in standing if one.id not in ended]
        standing += [one for one in new if not one.ends]
    return sent, standing


def test_a_withdrawn_dlt_is_told_and_a_restored_one_alarms_again() -> None:
    trial = two_dlts()
    trial.lab("1-02", "PLAT", "180", day(12), revision=2, known=at(day(14)), reason="error")
    trial.lab("1-02", "PLAT", "18", day(12), revision=3, known=at(day(16)), reason="was right")
    sent, _ = run(trial, [at(day(number), 16) for number in (12, 14, 16)])
    about = [one for one in sent if one.slot == f"dlt/{STUDY}-1-02"]
    assert [one.type for one in about] == [
        SignalType.DLT_CANDIDATE,
        SignalType.DLT_WITHDRAWN,
        SignalType.DLT_CANDIDATE,
    ]
    assert about[1].supersedes == about[0].id
    assert len({one.id for one in sent}) == len(sent)


def test_confirmation_supersedes_the_candidate() -> None:
    trial = two_dlts()
    trial.review("1-01", "DLT", at(day(13)))
    sent, _ = run(trial, [at(day(12), 16), at(day(13), 16)])
    about = [one for one in sent if one.slot == f"dlt/{STUDY}-1-01"]
    assert [one.type.value for one in about] == ["dlt.candidate", "dlt.confirmed"]
    assert about[1].supersedes == about[0].id


@pytest.mark.parametrize("step", [1, 2, 5, 50])
def test_what_stands_does_not_depend_on_how_often_one_looks(step: int) -> None:
    trial = two_dlts()
    trial.lab("1-02", "PLAT", "180", day(12), revision=2, known=at(day(14)), reason="error")
    moments = [at(day(number), 16) for number in range(1, 30)]
    _, standing = run(trial, sorted({*moments[::step], moments[-1]}))
    expected = {signal.key for signal in standing_signals(trial.assess(moments[-1]))}
    assert {signal.key for signal in standing} == expected


def test_past_views_are_reproduced_after_later_facts() -> None:
    trial = two_dlts()
    moment = at(day(12), 16)
    digest = trial.assess(moment).digest
    trial.lab("1-02", "PLAT", "180", day(12), revision=2, known=at(day(14)), reason="error")
    assert trial.assess(moment, known_at=moment).digest == digest
    assert trial.assess(moment, known_at=at(day(15))).digest != digest


def test_stepwise_memory_changes_nothing() -> None:
    trial = two_dlts()
    trial.lab("1-02", "PLAT", "180", day(12), revision=2, known=at(day(14)), reason="error")
    trial.decide("stay", 1, at(day(15)), lifts_hold=True)
    study = stepwise(trial.facts)
    for number in (12, 14, 15, 22, 30):
        moment = at(day(number), 16)
        assert study.assess(as_of=moment).digest == trial.assess(moment, moment).digest
