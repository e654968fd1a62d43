"""A move to a site in another time zone leaves the days as they were that are counted already."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.clinical import Study
from shared.clinical.moves import clock_of, moved
from shared.clinical.protocol import day_ends, day_starts, local_day
from shared.contracts.assessment import SubjectAssessment
from tests.clinical.stories import STUDY, Trial, day, protocol_with, subject_of

ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "America/Los_Angeles", "Europe/Berlin")]
SHANGHAI, LOS_ANGELES, _ = ZONES
FAR = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12")
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: MARCH + timedelta(minutes=minutes))
PAIRS = st.permutations([*ZONES, *FAR]).map(lambda found: (found[0], found[1]))
SITES = protocol_with(
    ("time_zone: Asia/Shanghai", "time_zone: Asia/Shanghai\nsites: {US: America/Los_Angeles}")
)
LAST = day(21)


# -- the clock -------------------------------------------------------------------------------------


@given(zones=PAIRS, since=MOMENTS, moment=MOMENTS)
def test_a_moment_is_told_at_the_place_and_found_again(
    zones: tuple[ZoneInfo, ZoneInfo], since: datetime, moment: datetime
) -> None:
    there = zones[moment >= since]
    local, told = moment.astimezone(moved(zones[0], since, zones[1])), moment.astimezone(there)
    assert local.replace(tzinfo=None) == told.replace(tzinfo=None)
    assume(not told.fold and not (told + timedelta(hours=2)).fold)
    assert local.astimezone(UTC) == moment


@given(zones=PAIRS, since=MOMENTS, moment=MOMENTS)
def test_days_follow_one_another_and_begin_when_the_one_before_ends(
    zones: tuple[ZoneInfo, ZoneInfo], since: datetime, moment: datetime
) -> None:
    clock = moved(zones[0], since, zones[1])
    today = local_day(moment, clock)
    assert day_starts(today, clock) <= moment <= day_ends(today, clock)
    assert local_day(day_ends(today, clock), clock) == today
    if moment < since:
        assert today == local_day(moment, zones[0])
        assert day_starts(today, clock) == day_starts(today, zones[0])


def test_the_same_moves_make_the_same_clock_also_in_another_process() -> None:
    stays = [(MARCH, SHANGHAI), (MARCH + timedelta(days=3), LOS_ANGELES)]
    back = [*stays, (MARCH + timedelta(days=9), SHANGHAI)]
    assert clock_of(stays) is clock_of(stays)
    assert clock_of(back) is pickle.loads(pickle.dumps(clock_of(back)))  # noqa: S301
    assert clock_of(back).key == "Asia/Shanghai"
    assert clock_of([(MARCH, SHANGHAI), (MARCH, SHANGHAI)]) is SHANGHAI


# -- the subject -----------------------------------------------------------------------------------


def _arrives(trial: Trial, site: str, known: datetime, revision: int, **how: str) -> None:
    data = {"SUBJID": "1-01", "RFICDTC": str(day(-6)), "SITEID": site}
    record = how.get("recordid", "1-01/DM")
    trial.record("subject", "1-01", data, recordid=record, known=known, revision=revision)


def _treated(site: str) -> Trial:
    """A subject of a site who completed the window there without anything."""
    trial = Trial(SITES)
    trial.clean("1-01")
    _arrives(trial, site, day_starts(day(-6), SHANGHAI), revision=2)
    return trial


def _seen(trial: Trial, moment: datetime, known_at: datetime | None = None) -> SubjectAssessment:
    """The subject, by a study asked before and after each version as by one asked once."""
    once = trial.assess(moment, known_at)
    study = Study(STUDY)
    for fact in sorted(trial.facts, key=lambda one: one.known_at):
        study.add([fact])
        study.assess(as_of=fact.known_at)
        study.assess(as_of=min(moment, fact.known_at), known_at=fact.known_at)
    assert study.assess(as_of=moment, known_at=known_at).digest == once.digest
    return subject_of(once, "1-01")


@pytest.mark.parametrize("how", [{}, {"recordid": "US/1-01/DM"}])
def test_a_closed_window_does_not_open_again(how: dict[str, str]) -> None:
    trial = _treated("CN")
    closed = day_starts(day(22), SHANGHAI)
    move = closed + timedelta(hours=2)
    assert _seen(trial, closed).status == "completed"
    before = _seen(trial, closed - timedelta(minutes=1))
    if how:
        trial.delete(trial.facts[-1], move)
    _arrives(trial, "US", move, revision=3, **how)
    for later in (0, 1, 14, 15):
        moment = move + timedelta(hours=later)
        assert _seen(trial, moment).status == "completed"
        assert _seen(trial, closed, moment).status == "completed"
        assert _seen(trial, closed - timedelta(minutes=1), moment).window == before.window
    assert before.window is not None
    assert before.window.day == 21


@pytest.mark.parametrize(("hours", "inside"), [(-2, True), (2, False)])
def test_a_window_ends_where_the_subject_is_on_its_last_day(hours: int, inside: bool) -> None:
    """Moved before its end, it ends with the day of the new site."""
    trial = _treated("CN")
    ended = day_starts(day(22), SHANGHAI)
    _arrives(trial, "US", ended + timedelta(hours=hours), revision=3)
    window = _seen(trial, ended + timedelta(hours=3)).window
    assert window is not None
    assert (window.day == 21) is inside


@pytest.mark.parametrize(("hour", "onset"), [(23, LAST), (25, day(22))])
def test_an_onset_stays_on_the_day_of_the_site_it_was_at(hour: int, onset: object) -> None:
    """In Los Angeles it was the last day of the window, which in Shanghai had ended."""
    trial = _treated("US")
    moment = day_starts(LAST, LOS_ANGELES) + timedelta(hours=hour)
    known = moment + timedelta(hours=1)
    trial.event("1-01", "Febrile neutropenia", 3, moment.isoformat(), known=known)
    before = _seen(trial, known)
    _arrives(trial, "CN", known + timedelta(days=2), revision=3)
    after = _seen(trial, known + timedelta(days=3))
    assert (before.status == "dlt_candidate") is (onset == LAST)
    assert after.criteria == before.criteria
    assert [one.onset for one in after.late_toxicity] == ([] if onset == LAST else [onset])


def test_a_site_that_is_named_late_was_the_site_all_along() -> None:
    trial = Trial(SITES)
    trial.clean("1-01")
    ended = day_starts(day(22), LOS_ANGELES)
    assert _seen(trial, ended - timedelta(minutes=1)).status == "completed"
    _arrives(trial, "US", ended - timedelta(days=1), revision=2)
    assert _seen(trial, ended - timedelta(minutes=1)).status == "in_window"
    assert _seen(trial, ended).status == "completed"
