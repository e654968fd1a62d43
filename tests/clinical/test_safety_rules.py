"""Reviews, dates and the language: where an answer could be given that nobody had the facts for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.clinical import DocumentError, Study, load_protocol, standing_signals
from tests.clinical.designs.test_three_plus_three import ask
from tests.clinical.stories import PROTOCOL, STUDY, Trial, at, day, end_of, one, subject_of


def status(trial: Trial, number: int) -> str:
    return subject_of(trial.assess(at(day(number), 20)), "1-01").status


def result(trial: Trial, moment: datetime, name: str) -> str:
    subject = subject_of(trial.assess(moment), "1-01")
    return next(found.result for found in subject.criteria if found.id == name)


def types(trial: Trial, moment: datetime) -> list[str]:
    return [signal.type.value for signal in standing_signals(trial.assess(moment))]


# -- reviews --------------------------------------------------------------------------------------


def test_a_rejection_of_what_was_still_open_does_not_cover_what_it_became() -> None:
    trial = one()
    trial.lab("1-01", "NEUT", "0.3", day(8))
    trial.review("1-01", "NOT_DLT", at(day(10)), criterion="neutrophils-g4-over-7-days")
    assert status(trial, 10) == "in_window"
    trial.lab("1-01", "NEUT", "1.4", day(20))
    assert status(trial, 20) == "dlt_candidate"


def test_a_rejection_written_anew_does_not_cover_what_came_between() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    first = trial.review("1-01", "NOT_DLT", at(day(10)))
    trial.lab("1-01", "PLAT", "15", day(12))
    again = {**first.data, "rationale": "spelling"}
    again = {key: value for key, value in again.items() if key not in ("STUDYID", "USUBJID")}
    trial.record(
        "dlt_review", "1-01", again, known=at(day(14)), recordid=first.recordid, revision=2
    )
    assert status(trial, 14) == "dlt_candidate"


def test_of_two_contents_of_one_review_the_confirmation_counts() -> None:
    for order in (("DLT", "NOT_DLT"), ("NOT_DLT", "DLT")):
        trial = one()
        trial.lab("1-01", "PLAT", "20", day(9))
        for hour, decision in zip((10, 11), order, strict=True):
            first = trial.review("1-01", decision, at(day(10), hour))
            trial.facts[-1] = first.model_copy(update={"recordid": "review"})
        assert status(trial, 11) == "dlt"


# -- dates ----------------------------------------------------------------------------------------


def test_a_slip_of_the_year_may_have_been_in_the_window() -> None:
    trial = one()
    trial.complete("1-01")
    trial.lab("1-01", "PLAT", "20", day(10) + timedelta(days=365), known=at(day(25)))
    assert status(trial, 25) == "dlt_candidate"


def test_a_first_dose_without_a_day_is_asked_about() -> None:
    trial = Trial()
    data = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": "2026-03", "cycle": 1}
    trial.record("dose", "1-01", data, known=at(day(3)))
    assert any("first dose" in query.text for query in trial.assess(at(day(3), 20)).queries)


@pytest.mark.parametrize(
    ("given", "expected"), [("2026-04", "open"), ("2026-03", "not_met"), ("2026-05", "met")]
)
def test_a_second_cycle_without_a_day(given: str, expected: str) -> None:
    """Planned for 23 March 2026, too late from 7 April on."""
    trial = one()
    trial.dose("1-01", day(70), cycle=2, ECSTDTC=given, ECADJ="ADVERSE EVENT")
    assert result(trial, at(day(80)), "cycle-2-delay") == expected


def test_a_reason_in_other_words_is_still_toxicity() -> None:
    trial = one()
    trial.dose("1-01", day(22), cycle=2, given="0", ECREASOC="Adverse event: thrombocytopenia")
    assert result(trial, at(day(40)), "cycle-2-delay") == "met"


def test_days_turn_at_the_site_not_at_the_study() -> None:
    text = PROTOCOL.read_text().replace(
        "time_zone: Asia/Shanghai", "time_zone: Asia/Shanghai\nsites: {B: Europe/Berlin}"
    )
    trial = one(text)
    trial.record(
        "subject",
        "1-01",
        {"SUBJID": "1-01", "RFICDTC": str(day(-7)), "SITEID": "B"},
        known=at(day(1)),
        recordid="1-01/DM",
        revision=2,
    )
    study = Study(STUDY)
    study.add(trial.facts)
    for hour in (5, 9, 23):
        moment = at(day(5), hour)
        assert study.assess(as_of=moment).digest == trial.assess(moment).digest


def test_a_correction_to_a_later_date_changes_what_had_happened_before() -> None:
    trial = one()
    trial.lab("1-01", "PLAT", "20", day(9))
    trial.decide("stay", 1, at(day(10)))
    how = {"revision": 2, "reason": "wrong date", "recordid": f"1-01/LB/PLAT/{day(9)}"}
    trial.lab("1-01", "PLAT", "20", day(15), known=at(day(16)), **how)  # type: ignore[arg-type]
    assessment = trial.assess(at(day(16)))
    assert assessment.decisions[0].basis == "changed"


def test_each_moment_is_seen_by_the_protocol_in_force_then() -> None:
    trial = one()
    text = PROTOCOL.read_text().replace("last_day: 21", "last_day: 28")
    how = {"recordid": "protocol", "revision": 2}
    data = {"version": "2", "document": text}
    trial.record("protocol", None, data, known=at(day(12)), **how)
    study = Study(STUDY)
    study.add(trial.facts)
    for known in (11, 13, 11):
        view = study.assess(as_of=at(day(13)), known_at=at(day(known)))
        assert view.digest == trial.assess(at(day(13)), at(day(known))).digest


def test_an_older_revision_of_the_protocol_that_comes_late_is_not_in_force() -> None:
    trial = Trial()
    for revision, known in ((3, 5), (2, 9)):
        text = PROTOCOL.read_text().replace('version: "1"', f'version: "{revision}"')
        data = {"version": str(revision), "document": text}
        how = {"recordid": "protocol", "revision": revision}
        trial.record("protocol", None, data, known=at(day(known)), **how)
    assert trial.assess(at(day(10))).protocol_version == "3"


# -- signals --------------------------------------------------------------------------------------


def test_two_late_toxicities_of_one_day_are_two_signals() -> None:
    trial = one()
    trial.complete("1-01")
    trial.event("1-01", "Dyspnea", 3, day(25))
    trial.event("1-01", "Pain", 3, day(25))
    assert types(trial, at(day(25), 20)).count("toxicity.late") == 2


def test_a_window_that_has_not_begun_is_not_closed() -> None:
    trial = Trial()
    trial.enrol("1-01")
    data = {"ECTRT": "LVGN6051", "ECOCCUR": "Y", "ECSTDTC": str(day(30)), "cycle": 1}
    trial.record("dose", "1-02", data, known=at(day(3)))
    assert "window.closed" not in types(trial, at(day(3), 20))


# -- the design -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doses", "current", "variant", "action"),
    [
        (("3.0 p1", "3.0"), 2, "deescalate", "wait"),
        (("6.0 p1", "3.0"), 2, "deescalate", "finish"),
        (("3.0 p1", "6.0", "3.2"), 3, "deescalate", "hold"),
        (("3.0", "0.0", "3.2"), 3, "plain", "deescalate"),
        (("3.0", "3.1", "3.2"), 3, "plain", "deescalate"),
    ],
)
def test_go_waits_for_what_may_still_come_below(
    doses: tuple[str, ...], current: int, variant: str, action: str
) -> None:
    assert ask(*doses, current=current, variant=variant).action == action


# -- protocols that contradict themselves ---------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("to_grade: 1, within_days", "to_grade: 3, within_days", "is no improvement"),
        ("up_to_grade: 3\n          judgement", "up_to_grade: 2\n          judgement", "never"),
        ("counted_parts: [escalation]", "counted_parts: [backfill]", "escalation"),
        ("[ADVERSE EVENT, TOXICITY]", "[]", "at least 1"),
        ("treatments: [LVGN6051, ANLOTINIB]\nc", "treatments: []\nc", "at least 1"),
        ("[NOT RELATED,", "[Related,", "in both lists"),
        ("term_groups:\n", "term_groups:\n  nothing: []\n", "holds no term"),
    ],
)
def test_refused(old: str, new: str, problem: str) -> None:
    text = PROTOCOL.read_text()
    assert old in text
    with pytest.raises(DocumentError, match=problem):
        load_protocol(text.replace(old, new))


def test_a_study_may_start_above_the_lowest_dose() -> None:
    text = PROTOCOL.read_text().replace("start_level: 1", "start_level: 2")
    trial = Trial(text)
    trial.clean("2-01", "2-02", "2-03", level=2)
    said = trial.assess(end_of(day(21))).recommendation
    assert (said.action, said.dose_level) == ("escalate", 3)
