"""A signal about a subject names the subject's cohort, for whoever routes by it."""

from __future__ import annotations

from datetime import timedelta

from shared.clinical import standing_signals
from tests.clinical.stories import DAY_1, Trial, at


def test_signals_of_a_subject_name_its_cohort_and_others_none() -> None:
    trial = Trial()
    trial.enrol("1-01")
    trial.event("1-01", "Death NOS", 5, DAY_1 + timedelta(days=3))
    assessment = trial.assess(at(DAY_1 + timedelta(days=4)))
    (subject,) = assessment.subjects
    assert subject.cohort is not None
    found = {(one.subject, one.cohort) for one in standing_signals(assessment)}
    assert {cohort for name, cohort in found if name == "1-01"} == {subject.cohort}
    assert {cohort for name, cohort in found if name is None} == {None}
