"""A dose opened above one with too few evaluable subjects: the hold ends by a record alone."""

from __future__ import annotations

from datetime import datetime

from tests.clinical.stories import Trial, at, day, end_of


def said(trial: Trial, moment: datetime) -> tuple[str, str]:
    found = trial.assess(moment)
    return found.status, found.recommendation.action


def went_up_on_two() -> Trial:
    """Two of three evaluable at dose 1 when a record opens dose 2; the third is followed still."""
    trial = Trial()
    trial.clean("1-01", "1-02")
    trial.enrol("1-03", 1, day(5))
    trial.decide("escalate", 2, at(day(24)))
    return trial


def lifted(trial: Trial, number: int) -> Trial:
    trial.decide("stay", 2, at(day(number)), lifts_hold=True)
    return trial


def test_going_up_too_early_is_held() -> None:
    assert said(went_up_on_two(), at(day(24), 16)) == ("on_hold", "hold")


def test_who_completes_below_does_not_lift_the_hold() -> None:
    trial = went_up_on_two()
    trial.complete("1-03", day(5))
    assert said(trial, end_of(day(25))) == ("on_hold", "hold")
    assert said(lifted(trial, 26), at(day(26), 16)) == ("open", "enrol")


def test_a_record_that_goes_up_knowingly_is_no_cause() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02")
    trial.decide("escalate", 2, at(day(24)), lifts_hold=True)
    assert trial.assess(at(day(24), 16)).status == "open"


def test_what_was_lifted_stays_lifted_while_nothing_gets_worse() -> None:
    trial = lifted(went_up_on_two(), 25)
    trial.enrol("1-04", 1, day(26))
    assert trial.assess(at(day(26), 16)).status == "open"
    trial.delete(trial.facts[-1], at(day(27)))
    assert trial.assess(at(day(27), 16)).status == "open"


def test_one_evaluable_subject_less_after_the_lift_holds_anew() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    trial.decide("escalate", 2, at(day(24)), lifts_hold=True)
    assert trial.assess(at(day(24), 16)).status == "open"
    trial.review("1-03", "NOT_DLT", at(day(26)), evaluable=False)
    assert said(trial, at(day(26), 16)) == ("on_hold", "hold")


def test_deleting_a_dose_neither_lifts_nor_hides_a_hold() -> None:
    trial = Trial()
    trial.clean("1-01", "1-02", "1-03")
    trial.decide("escalate", 2, at(day(24)), lifts_hold=True)
    gone = [one for one in trial.facts if one.kind == "dose" and one.subject.endswith("1-03")]
    for fact in gone:
        trial.delete(fact, at(day(26)))
    assert trial.assess(at(day(26), 16)).status == "on_hold"
    for fact in gone:
        trial.record(
            "dose", "1-03", fact.data, recordid=fact.recordid, revision=3, known=at(day(27)),
            reason="deleted in error",
        )  # fmt: skip
    assert said(trial, at(day(27), 16)) == ("on_hold", "hold")
    assert said(lifted(trial, 28), at(day(28), 16)) == ("open", "enrol")


def test_a_judgement_taken_back_by_another_does_not_lift_the_hold() -> None:
    """Two confirmations that no record suggested, then a rejection of one of them."""
    trial = Trial()
    for subject in ("1-01", "1-02", "1-03"):
        trial.enrol(subject)
    trial.review("1-01", "DLT", at(day(5)))
    trial.review("1-02", "DLT", at(day(5), 16))
    assert trial.assess(at(day(5), 17)).status == "on_hold"
    trial.review("1-02", "NOT_DLT", at(day(6)))
    assert trial.assess(at(day(6), 16)).status == "on_hold"
