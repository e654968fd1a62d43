"""Clocks to the microsecond: warnings at 50 and 80 %, the last moment in time and the next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clinical.protocol.safety import Region
from shared.clinical.safety.clocks import Clock, Span, within_days, within_hours

START = datetime(2026, 3, 9, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
DUE = START + 24 * HOUR


def clock(ended: Span | None = None, *, sure: bool = True, doubt: timedelta = timedelta()) -> Clock:
    return within_hours("site", "t", 24, (START, START + doubt), "b", ended, not sure)


@pytest.mark.parametrize(
    ("moment", "status", "since"),
    [
        (START, "running", START),
        (START + 12 * HOUR - TICK, "running", START),
        (START + 12 * HOUR, "at_50", START + 12 * HOUR),
        (START + timedelta(hours=19.2) - TICK, "at_50", START + 12 * HOUR),
        (START + timedelta(hours=19.2), "at_80", START + timedelta(hours=19.2)),
        (DUE, "at_80", START + timedelta(hours=19.2)),
        (DUE + TICK, "overdue", DUE + TICK),
        (DUE + 1000 * HOUR, "overdue", DUE + TICK),
    ],
)
def test_where_a_clock_stands(moment: datetime, status: str, since: datetime) -> None:
    seen = clock().at(moment)
    assert (seen.status, seen.since, seen.due) == (status, since, DUE)


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        ((DUE, DUE), "met"),
        ((DUE, DUE + TICK), "perhaps_late"),
        ((DUE + TICK, DUE + TICK), "late"),
    ],
)
def test_how_it_ended(ended: Span, status: str) -> None:
    assert clock(ended).at(ended[1]).status == status


def test_the_earliest_moment_counts_until_it_has_ended() -> None:
    ended = (DUE + HOUR, DUE + HOUR)
    assert clock(doubt=2 * HOUR).at(DUE + TICK).status == "overdue"
    assert clock(ended, doubt=2 * HOUR).at(DUE + HOUR).status == "perhaps_late"
    assert clock(ended, doubt=HOUR - TICK).at(DUE + HOUR).status == "late"


def test_what_is_counted_from_an_unstated_moment_is_never_called_met() -> None:
    assert clock((START, START), sure=False).at(START).status == "perhaps_late"


def test_what_is_not_done_yet_does_not_end_it() -> None:
    ended = (START + 13 * HOUR, START + 13 * HOUR)
    assert clock(ended).at(ended[0] - TICK).status == "at_50"
    assert clock(ended).at(ended[0]).status == "met"


def test_once_it_has_ended_nothing_turns_it() -> None:
    half = START + 12 * HOUR
    ended = (half + HOUR, half + HOUR)
    assert list(clock(ended).turns()) == [half, ended[0]]


@pytest.mark.parametrize(
    ("zone", "day_0", "days", "midnight"),
    [
        ("Europe/Brussels", date(2026, 3, 9), 7, datetime(2026, 3, 16, 23, tzinfo=UTC)),
        ("America/New_York", date(2026, 3, 9), 15, datetime(2026, 3, 25, 4, tzinfo=UTC)),
        # The clocks go forward on 29 March: the last day ends an hour earlier by the sun.
        ("Europe/Brussels", date(2026, 3, 23), 7, datetime(2026, 3, 30, 22, tzinfo=UTC)),
    ],
)
def test_calendar_days_end_with_the_last_one_in_the_region(
    zone: str, day_0: date, days: int, midnight: datetime
) -> None:
    region = Region(time_zone=zone)
    found = within_days(("EU", "7"), "t", days, day_0, "b", False, None, region)
    assert found.at(midnight - TICK).status == "at_80"
    assert found.at(midnight).status == "overdue"
    assert found.at(midnight).last_day == day_0 + timedelta(days=days)
    assert found.at(midnight).region == "EU"


moments = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=60))


@given(moments, moments, st.none() | moments)
def test_only_its_turns_change_it(early: timedelta, late: timedelta, end: timedelta | None) -> None:
    ended = (START + end, START + end) if end is not None else None
    first, second = sorted((START + early, START + late))
    found = clock(ended)
    if not any(first < turn <= second for turn in found.turns()):
        assert found.at(first) == found.at(second)
