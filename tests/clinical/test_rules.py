"""The corners of the rules: what is missing, stated oddly, or comes from a person."""

from __future__ import annotations

import pytest

from tests.clinical.stories import at, criterion, day, end_of, one, protocol_with, subject_of

# -- completeness ---------------------------------------------------------------------------------


def test_assumed_completeness_is_provisional_after_its_grace() -> None:
    trial = one(protocol_with(("{mode: reported}", "{mode: assumed, grace_days: 3}")))
    trial.dose("1-01", day(1), "ANLOTINIB")
    trial.dose("1-01", day(22), cycle=2)
    assert subject_of(trial.assess(end_of(day(23))), "1-01").status == "open"
    subject = subject_of(trial.assess(end_of(day(24))), "1-01")
    assert subject.status == "completed"
    assert "provisional" in subject.flags


def test_one_domain_missing_keeps_the_subject_open() -> None:
    trial = one()
    trial.dose("1-01", day(1), "ANLOTINIB")
    for domain in ("AE", "LB", "EX"):
        data = {"domain": domain, "complete_through": str(day(21))}
        trial.record("review_complete", "1-01", data, known=at(day(21), 23))
    assessment = trial.assess(end_of(day(21)))
    assert subject_of(assessment, "1-01").status == "open"
    assert any("CM records" in query.text for query in assessment.queries)


def test_the_source_says_not_evaluable() -> None:
    trial = one()
    data = {"domain": "ALL", "complete_through": str(day(21)), "evaluable": False}
    trial.record("review_complete", "1-01", data, known=at(day(21), 23))
    assert subject_of(trial.assess(at(day(21), 23, 30)), "1-01").status == "in_window"
    assert subject_of(trial.assess(end_of(day(21))), "1-01").status == "not_evaluable"


def test_a_reviewer_may_reject_and_call_not_evaluable() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.review("1-01", "NOT_DLT", at(day(10)), evaluable=False)
    assert subject_of(trial.assess(at(day(10), 16)), "1-01").status == "not_evaluable"


def test_an_unknown_dose_keeps_the_subject_open() -> None:
    trial = one()
    trial.record(
        "review_complete",
        "1-01",
        {"domain": "ALL", "complete_through": str(day(21))},
        known=at(day(21), 23),
    )
    assessment = trial.assess(end_of(day(21)))
    assert subject_of(assessment, "1-01").status == "open"
    assert any("ANLOTINIB" in query.text for query in assessment.queries)


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ({"DSDECOD": "PROGRESSIVE DISEASE", "DSSCAT": "STUDY TREATMENT"}, "in_window"),
        ({"DSDECOD": "ADVERSE EVENT"}, "in_window"),
        ({"DSDECOD": "COMPLETED"}, "in_window"),
        ({"DSDECOD": "WITHDRAWAL BY SUBJECT"}, "not_evaluable"),
    ],
)
def test_leaving(disposition: dict[str, str], expected: str) -> None:
    trial = one()
    trial.record("disposition", "1-01", {**disposition, "DSSTDTC": str(day(9))}, known=at(day(9)))
    assert subject_of(trial.assess(at(day(9), 16)), "1-01").status == expected


def test_leaving_after_the_window_changes_nothing() -> None:
    trial = one()
    trial.complete("1-01")
    left = {"DSDECOD": "PROGRESSIVE DISEASE", "DSSTDTC": str(day(30))}
    trial.record("disposition", "1-01", left, known=at(day(30)))
    assert subject_of(trial.assess(at(day(30), 16)), "1-01").status == "completed"


# -- toxicities -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "result"), [("MILD", "not_met"), ("MODERATE", "not_met"), ("SEVERE", "open")]
)
def test_severity_alone_does_not_tell_grade_3_from_4(severity: str, result: str) -> None:
    trial = one()
    trial.record(
        "adverse_event",
        "1-01",
        {
            "AETERM": "Platelet count decreased",
            "AESTDTC": str(day(9)),
            "AESER": "N",
            "AESEV": severity,
            "AEREL": "RELATED",
        },
        known=at(day(9)),
    )
    assert criterion(trial, at(day(9), 16), "platelets-g4").result == result


def test_a_term_outside_the_dictionary_is_anything_else_and_asked_about() -> None:
    trial = one()
    trial.event("1-01", "Purple spots", 3, day(9))
    assessment = trial.assess(at(day(9), 16))
    assert subject_of(assessment, "1-01").status == "dlt_candidate"
    assert any("not in CTCAE" in query.text for query in assessment.queries)


def test_platelets_grade_3_with_bleeding_dates_from_the_bleeding() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "43", day(15))
    trial.event("1-01", "Epistaxis", 2, day(17))
    found = criterion(trial, at(day(17), 16), "platelets-g3-bleeding")
    assert (found.result, found.onset) == ("met", day(17))


def test_bleeding_of_grade_1_or_after_recovery_is_not_together() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "43", day(10))
    trial.lab("1-01", "PLAT", "90", day(12))
    trial.event("1-01", "Epistaxis", 1, day(11))
    trial.event("1-01", "Hematuria", 2, day(14))
    trial.complete("1-01")
    assert criterion(trial, end_of(day(21)), "platelets-g3-bleeding").result == "not_met"


@pytest.mark.parametrize(
    ("concomitant", "result"),
    [
        ({"CMTRT": "Platelets", "category": "transfusion"}, "met"),
        ({"CMTRT": "RED CELLS", "category": "transfusion"}, "open"),
        ({"CMTRT": "PLATELETS", "category": "other"}, "open"),
    ],
)
def test_which_treatment_counts(concomitant: dict[str, str], result: str) -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "43", day(15))
    trial.record("concomitant", "1-01", {**concomitant, "CMSTDTC": str(day(16))}, known=at(day(16)))
    assert criterion(trial, at(day(16), 16), "platelets-g3-bleeding").result == result


@pytest.mark.parametrize(("last_value", "result"), [(14, "open"), (15, "met")])
def test_an_unfinished_duration_needs_a_value_on_the_eighth_day(
    last_value: int, result: str
) -> None:
    trial = one()
    trial.lab("1-01", "NEUT", "0.3", day(8))
    trial.lab("1-01", "NEUT", "0.3", day(last_value))
    assert criterion(trial, at(day(20)), "neutrophils-g4-over-7-days").result == result


def test_a_reported_event_counts_by_days_only_without_measurements() -> None:
    trial = one()
    trial.event("1-01", "Neutrophil count decreased", 4, day(5), AEENDTC=str(day(13)))
    assert criterion(trial, at(day(13)), "neutrophils-g4-over-7-days").result == "met"
    trial.lab("1-01", "NEUT", "0.3", day(5))
    trial.lab("1-01", "NEUT", "0.8", day(8))
    assert criterion(trial, at(day(13)), "neutrophils-g4-over-7-days").result == "not_met"


@pytest.mark.parametrize(
    ("start", "end", "result"),
    [
        ("T08:00", "T07:59", "not_met"),
        ("T08:00", "T08:01", "met"),
        ("", "T08:00", "open"),
    ],
)
def test_grade_3_nausea_back_within_72_hours(start: str, end: str, result: str) -> None:
    """Begins day 5, down to grade 1 on day 8 by a change of grade with a time of day."""
    trial = one()
    trial.event(
        "1-01",
        "Nausea",
        3,
        f"{day(5)}{start}",
        grade_changes=[
            {"dtc": f"{day(5)}{start}", "grade": "3"},
            {"dtc": f"{day(8)}{end}", "grade": "1"},
        ],
        known=at(day(9)),
    )
    assert criterion(trial, at(day(9), 16), "non-haematological-g3").result == result


@pytest.mark.parametrize(("ends", "result"), [(7, "not_met"), (8, "open"), (9, "met")])
def test_grade_3_vomiting_by_dates_only(ends: int, result: str) -> None:
    trial = one()
    trial.event("1-01", "Vomiting", 3, day(5), AEENDTC=str(day(ends)), known=at(day(12)))
    assert criterion(trial, at(day(12), 16), "non-haematological-g3").result == result


def test_recovery_nobody_measured_is_asked_for() -> None:
    trial = one()
    trial.lab("1-01", "ALT", "20", day(1), LBDTC=f"{day(1)}T07:00", LBLOBXFL="Y")
    trial.lab("1-01", "ALT", "248", day(8))
    assessment = trial.assess(at(day(18)))
    assert criterion(trial, at(day(18)), "non-haematological-g3").result == "open"
    assert any("Alanine" in query.text for query in assessment.queries)
    trial.lab("1-01", "ALT", "248", day(15), known=at(day(18)))
    assert criterion(trial, at(day(18), 16), "non-haematological-g3").result == "met"


def test_grade_4_is_beyond_the_transaminase_exemption() -> None:
    trial = one()
    trial.lab("1-01", "AST", "20", day(1), LBDTC=f"{day(1)}T07:00", LBLOBXFL="Y")
    trial.lab("1-01", "AST", "801", day(8))
    trial.lab("1-01", "AST", "30", day(10))
    assert criterion(trial, at(day(10), 16), "non-haematological-g3").result == "met"


def test_hypertension_is_for_a_person() -> None:
    trial = one()
    trial.event("1-01", "Hypertension", 3, day(9))
    found = criterion(trial, at(day(9), 16), "non-haematological-g3")
    assert found.result == "needs_review"
    assert "controlled by drugs" in found.why


def test_result_not_done_is_no_result() -> None:
    trial = one()
    trial.record(
        "lab",
        "1-01",
        {"LBTESTCD": "PLAT", "LBDTC": str(day(8)), "LBSTAT": "NOT DONE", "LBREASND": "lost"},
        known=at(day(8)),
    )
    assert criterion(trial, at(day(8), 16), "platelets-g4").result == "not_met"


def test_a_future_date_is_seen_at_once_and_counts() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(40), known=at(day(10)))
    subject = subject_of(trial.assess(at(day(10), 16)), "1-01")
    assert subject.status == "dlt_candidate"
    assert "date_uncertain" in subject.flags


# -- cycle 2 --------------------------------------------------------------------------------------


def test_delay_counts_from_the_planned_date_where_one_is_stated() -> None:
    trial = one()
    trial.dose(
        "1-01",
        day(40),
        cycle=2,
        planned_dtc=str(day(30)),
        ECADJ="ADVERSE EVENT",
    )
    assert criterion(trial, at(day(40), 16), "cycle-2-delay").result == "not_met"


@pytest.mark.parametrize(
    ("reason", "result"),
    [("ADVERSE EVENT", "met"), ("PROGRESSIVE DISEASE", "not_met"), (None, "open")],
)
def test_never_dosed_again(reason: str | None, result: str) -> None:
    trial = one()
    if reason:
        data = {"DSDECOD": reason, "DSSCAT": "STUDY TREATMENT", "DSSTDTC": str(day(20))}
        trial.record("disposition", "1-01", data, known=at(day(20)))
    assert criterion(trial, at(day(40)), "cycle-2-delay").result == result
