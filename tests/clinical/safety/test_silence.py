"""A study of which nothing arrives any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.clinical import compare, standing_signals
from tests.clinical.safety.telling import asking, day, turning
from tests.clinical.stories import Trial, at, end_of
from tests.clinical.test_deadlines import check

SILENT = "silent_after_days: 3"
TICK = timedelta(microseconds=1)


def is_stale(trial: Trial, moment: datetime) -> bool:
    return any(one.type == "study.stale" for one in standing_signals(trial.assess(moment)))


def test_stale_when_the_days_have_passed_while_somebody_is_pending() -> None:
    trial = asking(SILENT)
    last = at(day(1), 10)
    assert turning(trial, last) == last + timedelta(days=3)
    assert not is_stale(trial, last + timedelta(days=3) - TICK)
    assert is_stale(trial, last + timedelta(days=3))
    assert trial.assess(last + timedelta(days=5)).stale_since == last + timedelta(days=3)


def test_a_record_of_any_subject_ends_it_and_a_decision_does_not() -> None:
    trial = asking(SILENT)
    stale = compare((), trial.assess(at(day(5))), lambda _: 0)
    trial.decide("stay", 1, at(day(6)))
    assert is_stale(trial, at(day(6), 16))
    trial.lab("1-01", "PLAT", "200", day(7))
    sent = compare(stale, trial.assess(at(day(7))), lambda _: 0)
    assert [one.type for one in sent if one.ends and one.rule == "stale"] == ["signal.withdrawn"]


def test_nobody_pending_or_not_asked_for_is_never_stale() -> None:
    trial = asking(SILENT)
    trial.complete("1-01")
    assert not is_stale(trial, end_of(day(60)))
    assert not is_stale(asking(""), end_of(day(60)))


def test_as_it_was_known_then() -> None:
    trial = asking(SILENT)
    trial.lab("1-01", "PLAT", "200", day(2), known=at(day(9)))
    assert trial.assess(at(day(5)), at(day(5))).stale_since is not None
    assert trial.assess(at(day(5)), at(day(10))).stale_since is not None
    assert trial.assess(at(day(10)), at(day(10))).stale_since is None


def test_between_two_deadlines_nothing_changes() -> None:
    trial = asking(f"{SILENT}, expected_labs: [{{tests: [PLAT], days: [8, 15]}}]")
    check(trial.facts, at(day(1), 11), end_of(day(40)), timedelta(hours=11))
