"""What is left at the edges of the core: treatments by name and time, milestones, odd documents."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.clinical import DocumentError, load_protocol, standing_signals
from tests.clinical.stories import (
    DAY_1,
    PROTOCOL,
    Trial,
    at,
    day,
    end_of,
    one,
    stepwise,
    subject_of,
)


def result(trial: Trial, number: int, name: str) -> str:
    subject = subject_of(trial.assess(at(day(number), 20)), "1-01")
    return next(found.result for found in subject.criteria if found.id == name)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"CMTRT": "Platelets, leukoreduced"}, "met"),
        ({"CMTRT": "Platelets", "CMSTDTC": str(day(3)), "CMENDTC": str(day(9))}, "met"),
        ({"CMTRT": "Platelets", "CMSTDTC": str(day(3))}, "open"),
    ],
)
def test_platelets_by_any_wording_that_names_them(given: dict[str, str], expected: str) -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "43", day(8))
    trial.record("concomitant", "1-01", {"CMSTDTC": str(day(9)), **given}, known=at(day(9)))
    assert result(trial, 9, "platelets-g3-bleeding") == expected


@pytest.mark.parametrize(("category", "expected"), [("steroid", "met"), (None, "open")])
def test_a_treatment_that_goes_on_is_given_during_the_toxicity(
    category: str | None, expected: str
) -> None:
    text = PROTOCOL.read_text().replace(
        "{category: transfusion, names: [PLATELETS]}", "{category: steroid}"
    )
    trial = one(text)
    data = {"CMTRT": "Prednisolone", "CMSTDTC": str(day(3))}
    data |= {"category": category} if category else {}
    trial.record("concomitant", "1-01", data, known=at(day(3)))
    trial.lab("1-01", "PLAT", "43", day(8))
    assert result(trial, 8, "platelets-g3-bleeding") == expected


def test_a_milestone_is_no_leaving() -> None:
    trial = one()
    data = {"DSDECOD": "RANDOMIZED", "DSSTDTC": str(day(1)), "DSCAT": "PROTOCOL MILESTONE"}
    trial.record("disposition", "1-01", data, known=at(day(1)))
    assert subject_of(trial.assess(at(day(2))), "1-01").status == "in_window"


@pytest.mark.parametrize(("by_drug", "expected"), [("RELATED", "met"), ("NOT RELATED", "not_met")])
def test_related_to_one_drug_is_related(by_drug: str, expected: str) -> None:
    trial = one()
    trial.event("1-01", "Pain", 3, day(9), related="NOT RELATED", AEREL2=by_drug)
    assert result(trial, 9, "non-haematological-g3") == expected


def test_a_report_that_was_deleted_and_written_anew_keeps_its_causality() -> None:
    trial = one()
    first = trial.event("1-01", "Pain", 3, day(9))
    trial.delete(first, at(day(10)))
    trial.event("1-01", "Pain", 3, day(9), related="NOT RELATED", revision=3, known=at(day(11)))
    assert result(trial, 11, "non-haematological-g3") == "met"


def test_a_grade_stated_before_treatment_is_what_must_worsen() -> None:
    trial = one()
    changes = [{"dtc": str(day(-3)), "grade": "3"}, {"dtc": str(day(9)), "grade": "4"}]
    trial.event("1-01", "Pain", 4, day(-3), grade_changes=changes[:1] + changes[1:])
    subject = subject_of(trial.assess(at(day(21))), "1-01")
    found = next(one for one in subject.criteria if one.id == "non-haematological-g3")
    assert (found.result, found.onset) == ("met", day(9))


def test_degraded_is_a_signal() -> None:
    study = stepwise(one().facts)
    signals = standing_signals(study.assess(as_of=at(day(2)), degraded=True))
    assert "study.degraded" in {signal.type.value for signal in signals}


def test_a_death_without_any_dose_is_told() -> None:
    trial = Trial()
    gone = {"DSDECOD": "DEATH", "DSSTDTC": str(day(3))}
    trial.record("disposition", "1-01", gone, known=at(day(3)))
    assert "death" in {one.type.value for one in standing_signals(trial.assess(at(day(4))))}


def test_the_end_of_a_day_is_the_site_s() -> None:
    assert load_protocol(PROTOCOL.read_text()).end_of(day(1)) == end_of(day(1))


@pytest.mark.parametrize(
    ("text", "problem"), [("a: \x00", "not YAML"), ("? [a]\n: b", "not a word")]
)
def test_odd_documents(text: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        load_protocol(text)


def test_a_second_episode_takes_nothing_from_the_recovery_of_the_first() -> None:
    trial = one()
    for record, begin, end in (("a", 5, 6), ("b", 15, 16)):
        how = {"AEENDTC": str(day(end)), "recordid": record, "known": at(day(end))}
        trial.event("1-01", "Nausea", 3, day(begin), **how)  # type: ignore[arg-type]
    assert result(trial, 18, "non-haematological-g3") == "not_met"


@pytest.mark.parametrize(("changed", "onset"), [(12, 9), (9, 9)])
def test_a_worst_grade_that_no_change_states_counts_from_the_start(
    changed: int, onset: int
) -> None:
    trial = one()
    changes = [{"dtc": str(day(changed)), "grade": "1"}]
    trial.event("1-01", "Pain", 3, day(9), known=at(day(13)), grade_changes=changes)
    subject = subject_of(trial.assess(at(day(13), 20)), "1-01")
    found = next(one for one in subject.criteria if one.id == "non-haematological-g3")
    assert (found.result, found.onset) == ("met", day(onset))


def test_a_disposition_completed_is_no_reason_for_a_delay() -> None:
    trial = one()
    data = {"DSDECOD": "COMPLETED", "DSSTDTC": str(day(20))}
    trial.record("disposition", "1-01", data, known=at(day(20)))
    assert result(trial, 40, "cycle-2-delay") == "open"


def test_a_dose_without_its_plan_keeps_the_subject_open() -> None:
    trial = one()
    trial.complete("1-01")
    data = {"ECTRT": "ANLOTINIB", "ECOCCUR": "Y", "ECSTDTC": str(day(3)), "ECDOSE": "1"}
    trial.record("dose", "1-01", data, known=at(day(3)))
    assert subject_of(trial.assess(at(day(23))), "1-01").status == "open"


def test_exceptions_belong_to_a_toxicity() -> None:
    old = "hys_law: {transaminase_at_least"
    new = "unless: [{judgement: x}]\n      " + old
    with pytest.raises(DocumentError, match="belong to a toxicity"):
        load_protocol(PROTOCOL.read_text().replace(old, new))


def test_corrections_from_before_there_was_a_protocol() -> None:
    trial = Trial()
    early = at(DAY_1 - timedelta(days=90))
    for revision in (1, 2):
        data = {"SUBJID": "1-01", "RFICDTC": str(early.date())}
        how = {"recordid": "1-01/DM", "revision": revision}
        trial.record("subject", "1-01", data, known=early + timedelta(days=revision), **how)
    assert trial.assess(at(day(2))).status == "open"
