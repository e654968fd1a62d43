"""One subject through the DLT window: the timeline cases that a single subject can show.

Case numbers are those of the project's list of tricky timelines (docs/decisions/timeline.md).
"""

from __future__ import annotations

from datetime import datetime

import pytest

from shared.contracts.assessment import Criterion
from tests.clinical.stories import PROTOCOL, Trial, at, day, end_of, subject_of


@pytest.fixture
def trial() -> Trial:
    trial = Trial()
    trial.enrol("1-01")
    return trial


def status(trial: Trial, moment: datetime) -> str:
    return subject_of(trial.assess(moment), "1-01").status


def criterion(trial: Trial, moment: datetime, name: str) -> Criterion:
    subject = subject_of(trial.assess(moment), "1-01")
    return next(one for one in subject.criteria if one.id == name)


def test_window_is_21_local_days(trial: Trial) -> None:
    window = subject_of(trial.assess(at(day(8))), "1-01").window
    assert window is not None
    assert (window.first, window.last, window.day) == (day(1), day(21), 8)


def test_completed_at_the_end_of_the_last_day_and_not_before(trial: Trial) -> None:
    trial.complete("1-01", known=at(day(21), 20))
    assert status(trial, at(day(21), 23)) == "in_window"
    assert status(trial, end_of(day(21))) == "completed"


def test_open_while_the_source_has_not_confirmed(trial: Trial) -> None:
    trial.dose("1-01", day(1), "ANLOTINIB")
    trial.dose("1-01", day(22), cycle=2)
    assessment = trial.assess(at(day(23)))
    assert subject_of(assessment, "1-01").status == "open"
    assert any("complete" in query.text for query in assessment.queries)


@pytest.mark.parametrize(
    ("platelets", "expected"),
    [("24.9", "dlt_candidate"), ("25", "in_window"), ("25.0", "in_window")],
)
def test_platelets_grade_4_boundary(trial: Trial, platelets: str, expected: str) -> None:
    trial.lab("1-01", "PLAT", platelets, day(14))
    assert status(trial, at(day(14), 16)) == expected


def test_case_8_last_day_2350_is_in(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "20", day(21), LBDTC=f"{day(21)}T23:50", known=at(day(22)))
    assert status(trial, at(day(22), 16)) == "dlt_candidate"


def test_case_9_day_22_is_late_toxicity(trial: Trial) -> None:
    trial.complete("1-01")
    trial.lab("1-01", "PLAT", "20", day(22), known=at(day(22)))
    subject = subject_of(trial.assess(at(day(22), 16)), "1-01")
    assert subject.status == "completed"
    assert [late.criterion for late in subject.late_toxicity] == ["platelets-g4"]


def test_case_5_worsening_on_treatment_counts(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "60", day(1), LBDTC=f"{day(1)}T07:00", LBLOBXFL="Y")
    trial.lab("1-01", "PLAT", "20", day(10))
    subject = subject_of(trial.assess(at(day(10), 16)), "1-01")
    assert subject.status == "dlt_candidate"
    assert next(one for one in subject.criteria if one.id == "platelets-g4").onset == day(10)


def test_case_6_same_grade_as_before_treatment_does_not(trial: Trial) -> None:
    trial.lab("1-01", "AST", "250", day(1), LBDTC=f"{day(1)}T07:00", LBLOBXFL="Y")
    trial.lab("1-01", "AST", "250", day(8))
    assert criterion(trial, at(day(8), 16), "non-haematological-g3").result == "not_met"


def test_case_7_grade_reached_after_the_window(trial: Trial) -> None:
    trial.complete("1-01")
    trial.event(
        "1-01",
        "Platelet count decreased",
        4,
        day(18),
        grade_changes=[
            {"dtc": str(day(18)), "grade": "2"},
            {"dtc": str(day(24)), "grade": "4"},
        ],
        known=at(day(25)),
    )
    subject = subject_of(trial.assess(at(day(25), 16)), "1-01")
    assert subject.status == "completed"
    assert subject.late_toxicity[0].onset == day(24)


def test_case_10_neutropenia_outlasts_the_window(trial: Trial) -> None:
    trial.complete("1-01")
    trial.lab("1-01", "NEUT", "0.3", day(18))
    trial.lab("1-01", "NEUT", "0.3", day(21))
    assert status(trial, end_of(day(21))) == "open"
    trial.lab("1-01", "NEUT", "0.4", day(25))
    assert criterion(trial, at(day(25), 16), "neutrophils-g4-over-7-days").result == "met"


@pytest.mark.parametrize(("recovered", "result"), [(15, "not_met"), (16, "met")])
def test_case_11_seven_days_are_not_more_than_seven(
    trial: Trial, recovered: int, result: str
) -> None:
    trial.lab("1-01", "NEUT", "0.3", day(8))
    trial.lab("1-01", "NEUT", "1.4", day(recovered))
    found = criterion(trial, at(day(recovered), 16), "neutrophils-g4-over-7-days")
    assert found.result == result
    assert "unobserved" in subject_of(trial.assess(at(day(recovered), 16)), "1-01").flags


def test_case_12_partial_date_is_a_candidate_with_a_query(trial: Trial) -> None:
    trial.event("1-01", "Platelet count decreased", 4, "2026-03", known=at(day(15)))
    assessment = trial.assess(at(day(15), 16))
    subject = subject_of(assessment, "1-01")
    assert subject.status == "dlt_candidate"
    assert "date_uncertain" in subject.flags
    assert any(query.kind == "doubtful" for query in assessment.queries)


def test_case_13_left_for_progression(trial: Trial) -> None:
    left = {"DSDECOD": "PROGRESSIVE DISEASE", "DSSTDTC": str(day(9))}
    trial.record("disposition", "1-01", left, known=at(day(9)))
    assert status(trial, at(day(9), 16)) == "not_evaluable"


def test_case_13_a_dlt_before_leaving_stands(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "20", day(6))
    left = {"DSDECOD": "PROGRESSIVE DISEASE", "DSSTDTC": str(day(9))}
    trial.record("disposition", "1-01", left, known=at(day(9)))
    assert status(trial, at(day(9), 16)) == "dlt_candidate"


@pytest.mark.parametrize(
    ("given", "reason", "expected"),
    [
        ("75", None, "completed"),
        ("74", "FLU", "not_evaluable"),
        ("74", "ADVERSE EVENT", "completed"),
    ],
)
def test_case_16_dose_intensity(
    trial: Trial, given: str, reason: str | None, expected: str
) -> None:
    trial.dose("1-01", day(2), "ANLOTINIB", given=given, ECADJ=reason)
    trial.record(
        "review_complete",
        "1-01",
        {"domain": "ALL", "complete_through": str(day(21))},
        known=at(day(21), 23),
    )
    assert status(trial, end_of(day(21))) == expected


def test_case_18_death_is_a_candidate_and_halts_enrolment(trial: Trial) -> None:
    trial.record(
        "disposition", "1-01", {"DSDECOD": "DEATH", "DSSTDTC": str(day(11))}, known=at(day(11))
    )
    assessment = trial.assess(at(day(11), 16))
    assert subject_of(assessment, "1-01").status == "dlt_candidate"
    assert assessment.status == "on_hold"
    assert assessment.recommendation.action == "hold"


@pytest.mark.parametrize("number", [11, 21, 23, 40])
def test_case_18_a_death_of_the_disease_is_not_evaluable(trial: Trial, number: int) -> None:
    trial.event("1-01", "Disease progression", 5, day(11), related="NOT RELATED", AEOUT="FATAL")
    assessment = trial.assess(end_of(day(number)))
    assert subject_of(assessment, "1-01").status == "not_evaluable"
    assert (assessment.status, assessment.doses[0].not_evaluable) == ("open", 1)


@pytest.mark.parametrize(("number", "expected"), [(21, "not_evaluable"), (22, "completed")])
def test_case_18_only_a_death_in_the_window_takes_a_subject_out(
    trial: Trial, number: int, expected: str
) -> None:
    trial.complete("1-01")
    trial.event("1-01", "Disease progression", 5, day(number), related="NOT RELATED")
    assert status(trial, end_of(day(22))) == expected


@pytest.mark.parametrize(
    ("related", "status_said", "held"),
    [
        ("RELATED", "in_window", True),
        (None, "in_window", True),
        ("UNRELATED", "not_evaluable", False),
    ],
)
def test_case_18_a_death_that_no_criterion_names(
    related: str | None, status_said: str, held: bool
) -> None:
    """Grade 5 that may be related is never waited for, whatever the criteria say."""
    text = PROTOCOL.read_text()
    first, last = text.index("    - id: platelets-g3-bleeding"), text.index("design:\n")
    trial = Trial(text[:first] + text[last:])
    trial.enrol("1-01")
    trial.event("1-01", "Sepsis", 5, day(11), related=related, AEOUT="FATAL")
    assert status(trial, at(day(11), 16)) == status_said
    assert (trial.assess(at(day(11), 16)).status == "on_hold") == held
    trial.decide("stay", 1, at(day(12)), lifts_hold=True)
    assert trial.assess(at(day(12), 16)).status == "open"


def test_case_18_a_death_that_a_person_puts_down_to_the_disease(trial: Trial) -> None:
    death = {"DSDECOD": "DEATH", "DSSTDTC": str(day(11))}
    trial.record("disposition", "1-01", death, known=at(day(11)))
    for criterion_id in ("grade-5", "non-haematological-g3"):
        trial.review("1-01", "NOT_DLT", at(day(13)), criterion_id)
    assert status(trial, at(day(13), 16)) == "not_evaluable"
    assert trial.assess(at(day(13), 16)).status == "on_hold"


def test_case_19_downgraded_attribution_does_not_end_a_candidate(trial: Trial) -> None:
    trial.event("1-01", "Febrile neutropenia", 3, day(9))
    trial.event(
        "1-01",
        "Febrile neutropenia",
        3,
        day(9),
        related="NOT RELATED",
        known=at(day(12)),
        revision=2,
        reason="investigator's update",
    )
    assert status(trial, at(day(12), 16)) == "dlt_candidate"


def test_reported_as_unrelated_from_the_start_is_not_met(trial: Trial) -> None:
    trial.event("1-01", "Febrile neutropenia", 3, day(9), related="NOT RELATED")
    assert criterion(trial, at(day(9), 16), "febrile-neutropenia").result == "not_met"


def test_missing_attribution_counts_until_answered(trial: Trial) -> None:
    trial.event("1-01", "Febrile neutropenia", 3, day(9), related=None)
    subject = subject_of(trial.assess(at(day(9), 16)), "1-01")
    assert subject.status == "dlt_candidate"
    assert "attribution_missing" in subject.flags


def test_laboratory_grade_4_called_unrelated_goes_to_a_person(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.event("1-01", "Platelet count decreased", 4, day(9), related="NOT RELATED")
    assert criterion(trial, at(day(9), 16), "platelets-g4").result == "needs_review"
    assert status(trial, at(day(9), 16)) == "dlt_candidate"


def test_case_21_investigator_says_no_but_criteria_are_met(trial: Trial) -> None:
    trial.event("1-01", "Febrile neutropenia", 3, day(9), AEDLT="N")
    assert status(trial, at(day(9), 16)) == "dlt_candidate"


@pytest.mark.parametrize(
    ("dosed", "reason", "result"),
    [
        (22, None, "not_met"),
        (36, "ADVERSE EVENT", "not_met"),
        (37, "ADVERSE EVENT", "met"),
        (37, "HOLIDAY", "not_met"),
    ],
)
def test_case_28_cycle_2_delay(trial: Trial, dosed: int, reason: str | None, result: str) -> None:
    if reason:
        trial.dose("1-01", day(22), cycle=2, given="0", ECREASOC=reason)
    trial.dose("1-01", day(dosed), cycle=2)
    assert criterion(trial, at(day(dosed), 16), "cycle-2-delay").result == result


def test_case_28_is_open_only_after_day_22_ends_undosed(trial: Trial) -> None:
    assert criterion(trial, end_of(day(22)), "cycle-2-delay").result == "not_met"
    assert criterion(trial, at(day(23), 1), "cycle-2-delay").result == "open"


def test_case_30_three_events_one_dlt(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.event("1-01", "Febrile neutropenia", 3, day(10))
    trial.event("1-01", "Vomiting", 4, day(10))
    doses = trial.assess(at(day(10), 16)).doses
    assert (doses[0].dlt.confirmed, doses[0].dlt.candidate) == (0, 1)


def test_platelets_grade_3_waits_for_the_source_to_be_complete(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "43", day(15))
    trial.lab("1-01", "PLAT", "66", day(19))
    assert criterion(trial, at(day(19), 16), "platelets-g3-bleeding").result == "open"
    trial.complete("1-01")
    assert criterion(trial, end_of(day(21)), "platelets-g3-bleeding").result == "not_met"
    assert status(trial, end_of(day(21))) == "completed"


def test_platelets_grade_3_with_a_transfusion(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "43", day(15))
    given = {"CMTRT": "PLATELETS", "category": "transfusion", "CMSTDTC": str(day(16))}
    trial.record("concomitant", "1-01", given, known=at(day(16)))
    assert criterion(trial, at(day(16), 16), "platelets-g3-bleeding").result == "met"


@pytest.mark.parametrize(("recovered", "result"), [(15, "not_met"), (16, "met")])
def test_ast_grade_3_back_within_seven_days(trial: Trial, recovered: int, result: str) -> None:
    trial.lab("1-01", "AST", "22", day(1), LBDTC=f"{day(1)}T07:00", LBLOBXFL="Y")
    trial.lab("1-01", "AST", "248", day(8))
    assert criterion(trial, at(day(8), 16), "non-haematological-g3").result == "open"
    trial.lab("1-01", "AST", "72", day(recovered))
    assert criterion(trial, at(day(recovered), 16), "non-haematological-g3").result == result


def test_ast_without_a_baseline_is_not_certain(trial: Trial) -> None:
    trial.lab("1-01", "AST", "248", day(8))
    assert criterion(trial, at(day(16), 16), "non-haematological-g3").result == "open"


def test_hys_law(trial: Trial) -> None:
    trial.lab("1-01", "ALT", "120", day(8))
    assert criterion(trial, at(day(8), 16), "hys-law").result == "open"
    trial.lab("1-01", "BILI", "40", day(8))
    assert criterion(trial, at(day(8), 16), "hys-law").result == "needs_review"
    trial.lab("1-01", "ALP", "239", day(8))
    assert criterion(trial, at(day(8), 16), "hys-law").result == "met"


@pytest.mark.parametrize(
    ("alt", "bilirubin", "alp", "result"),
    [
        ("119", "40", "100", "not_met"),
        ("120", "39", "100", "not_met"),
        ("120", "40", "240", "not_met"),
        ("120", "40", "239", "met"),
    ],
)
def test_hys_law_boundaries(trial: Trial, alt: str, bilirubin: str, alp: str, result: str) -> None:
    trial.lab("1-01", "ALT", alt, day(8))
    trial.lab("1-01", "BILI", bilirubin, day(8))
    trial.lab("1-01", "ALP", alp, day(8))
    assert criterion(trial, at(day(8), 16), "hys-law").result == result


def test_unknown_unit_is_not_fine(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "20", day(8), LBORRESU="furlongs")
    assert criterion(trial, at(day(8), 16), "platelets-g4").result == "open"


def test_comparator_below_every_limit_is_met(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "<20", day(8))
    assert status(trial, at(day(8), 16)) == "dlt_candidate"
