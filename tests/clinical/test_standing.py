"""What stands where a record is odd: a date in the future, a change left unsaid, the last day."""

from __future__ import annotations

import pytest

from tests.clinical.stories import PROTOCOL, Trial, at, day, end_of, subject_of


@pytest.fixture
def trial() -> Trial:
    trial = Trial()
    trial.enrol("1-01")
    return trial


def test_an_event_dated_after_it_was_known_may_have_begun_on_any_day(trial: Trial) -> None:
    trial.event("1-01", "Platelet count decreased", 4, day(12), known=at(day(5)))
    subject = subject_of(trial.assess(at(day(5), 20)), "1-01")
    assert subject.status == "dlt_candidate"
    assert "date_uncertain" in subject.flags


def test_a_grade_over_time_that_a_change_leaves_out_stands_beside_it(trial: Trial) -> None:
    worse = [{"dtc": str(day(7)), "grade": "2"}]
    for revision, changes in ((1, worse), (2, [])):
        trial.event(
            "1-01", "Vomiting", 3, day(5), recordid="AE/1", revision=revision,
            known=at(day(8 + revision)), grade_changes=changes,
        )  # fmt: skip
    assert "conflict" in subject_of(trial.assess(at(day(10), 20)), "1-01").flags


def test_an_outcome_of_death_is_a_death(trial: Trial) -> None:
    trial.event("1-01", "Vomiting", 3, day(5), AEOUT="FATAL")
    assessment = trial.assess(at(day(5), 20))
    assert assessment.status == "on_hold"
    assert [one.grade for one in subject_of(assessment, "1-01").severe] == [5]


def test_a_hold_outlives_a_value_that_came_late_and_broke_the_stretch() -> None:
    """Neutrophils of grade 4 for more than 7 days, seen on days 3 and 11; day 7 comes last."""
    trial = Trial()
    for subject in ("1-01", "1-02"):
        trial.enrol(subject)
        for number in (3, 11):
            trial.lab(subject, "NEUT", "0.4", day(number))
    assert trial.assess(at(day(11), 20)).status == "on_hold"
    trial.lab("1-01", "NEUT", "2.0", day(7), known=at(day(12)))
    assessment = trial.assess(at(day(12), 20))
    assert subject_of(assessment, "1-01").status == "in_window"
    assert assessment.status == "on_hold"


def test_a_hold_outlives_the_rejection_of_a_candidate() -> None:
    trial = Trial()
    for subject in ("1-01", "1-02"):
        trial.enrol(subject)
        trial.lab(subject, "PLAT", "20", day(9))
    trial.review("1-01", "NOT_DLT", at(day(10)))
    assessment = trial.assess(at(day(10), 20))
    assert subject_of(assessment, "1-01").status == "in_window"
    assert assessment.status == "on_hold"


def test_what_is_missing_for_a_criterion_is_asked_for(trial: Trial) -> None:
    trial.lab("1-01", "PLAT", "20", day(9), LBORRESU=None)
    asked = [one.text for one in trial.assess(at(day(9), 20)).queries if one.kind == "missing"]
    assert any(text.startswith("platelets-g4: ") for text in asked)


@pytest.mark.parametrize(("number", "late"), [(20, False), (21, False), (22, True)])
def test_the_last_day_of_the_window_is_inside(trial: Trial, number: int, late: bool) -> None:
    trial.lab("1-01", "PLAT", "20", day(number))
    subject = subject_of(trial.assess(at(day(number), 20)), "1-01")
    assert bool(subject.late_toxicity) is late
    assert (subject.status == "dlt_candidate") is not late
    assert "date_uncertain" not in subject.flags


@pytest.mark.parametrize(("number", "status"), [(21, "not_evaluable"), (22, "completed")])
def test_who_leaves_on_the_last_day_left_within_the_window(number: int, status: str) -> None:
    trial = Trial()
    trial.clean("1-01")
    gone = {"DSDECOD": "WITHDRAWAL BY SUBJECT", "DSSTDTC": str(day(number))}
    trial.record("disposition", "1-01", gone, known=at(day(number), 20))
    assert subject_of(trial.assess(end_of(day(23))), "1-01").status == status


@pytest.mark.parametrize(("given", "status"), [("120", "completed"), ("121", "not_evaluable")])
def test_just_as_much_as_the_limit_counts(given: str, status: str) -> None:
    text = PROTOCOL.read_text().replace(
        "minimum_percent_of_planned_dose: 75",
        "minimum_percent_of_planned_dose: 75\n  maximum_percent_of_planned_dose: 120",
    )
    trial = Trial(text)
    trial.enrol("1-01")
    trial.complete("1-01")
    trial.dose("1-01", day(1), given=given)
    dose = trial.facts.pop()
    trial.facts = [one for one in trial.facts if one.recordid != dose.recordid] + [dose]
    assert subject_of(trial.assess(end_of(day(22))), "1-01").status == status


@pytest.mark.parametrize(("number", "status"), [(23, "open"), (24, "completed")])
def test_silence_counts_only_after_the_days_of_grace(number: int, status: str) -> None:
    assumed = "completeness: {mode: assumed, grace_days: 3}"
    trial = Trial(PROTOCOL.read_text().replace("completeness: {mode: reported}", assumed))
    trial.enrol("1-01")
    trial.dose("1-01", day(1), "ANLOTINIB")
    trial.dose("1-01", day(22), cycle=2)
    assert subject_of(trial.assess(at(day(number), 20)), "1-01").status == "open"
    assert subject_of(trial.assess(end_of(day(number))), "1-01").status == status
