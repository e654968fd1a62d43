"""Partial dates: what is refused, and the interval each stands for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.dates import parse_dtc

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "first", "last", "precision"),
    [
        ("2026", "2026-01-01T00:00:00", "2026-12-31T23:59:59", "year"),
        ("2026-02", "2026-02-01T00:00:00", "2026-02-28T23:59:59", "month"),
        ("2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59", "month"),
        ("2026-03-09", "2026-03-09T00:00:00", "2026-03-09T23:59:59", "day"),
        ("2026-03-09T08", "2026-03-09T08:00:00", "2026-03-09T08:59:59", "hour"),
        ("2026-03-09T08:15", "2026-03-09T08:15:00", "2026-03-09T08:15:59", "minute"),
        ("2026-03-09T08:15:07", "2026-03-09T08:15:07", "2026-03-09T08:15:07", "second"),
        ("2026-03-09T08:15:07.25", "2026-03-09T08:15:07", "2026-03-09T08:15:07", "second"),
        ("2026---15", "2026-01-15T00:00:00", "2026-12-15T23:59:59", "year"),
        ("2026-02--", "2026-02-01T00:00:00", "2026-02-28T23:59:59", "month"),
        ("2026-03-09T-:15", "2026-03-09T00:15:00", "2026-03-09T23:15:59", "day"),
    ],
)
def test_interval(text: str, first: str, last: str, precision: str) -> None:
    read = parse_dtc(text)
    assert read.text == text
    assert read.earliest == datetime.fromisoformat(first)
    assert read.latest == datetime.fromisoformat(last)
    assert read.precision == precision


@pytest.mark.parametrize(
    "text",
    [
        "", " 2026", "2026 ", "26", "2026-3", "2026-13", "2026-00", "2026-03-00", "2026-02-30",
        "2025-02-29", "0000", "2026-03-09 08:15", "2026-03-09T25", "2026-03-09T08:60",
        "2026-03T08:15", "2026T08", "09/03/2026", "09-MAR-2026", "UNK", "2026-03-09T08:15+15:00",
        "2026-03-09T08:15+01:60", "2026-03-09T08:15+1", "2026-03-09Z", "２０２６", "2026-03-09\n",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_dtc(text)


def test_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(ValueError) as refused:
        parse_dtc("2026-02-30T08:15")
    assert "02-30" not in str(refused.value)


def test_offset_moves_the_instant_and_the_local_date() -> None:
    read = parse_dtc("2026-03-09T20:30+00:00")
    assert read.instants(SHANGHAI)[0] == datetime(2026, 3, 9, 20, 30, tzinfo=UTC)
    assert read.local_dates(SHANGHAI) == (date(2026, 3, 10), date(2026, 3, 10))
    assert parse_dtc("2026-03-09T20:30Z").instants(SHANGHAI) == read.instants(SHANGHAI)
    west = parse_dtc("2026-03-09T20:30-05:30")
    assert west.instants(SHANGHAI)[0] == datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


def test_without_offset_the_time_is_local() -> None:
    read = parse_dtc("2026-03-09T20:30")
    assert read.local_dates(SHANGHAI) == (date(2026, 3, 9), date(2026, 3, 9))
    assert read.instants(SHANGHAI)[0] == datetime(2026, 3, 9, 12, 30, tzinfo=UTC)


def test_a_day_stays_the_day_wherever_it_is_read() -> None:
    read = parse_dtc("2026-03-09")
    assert read.local_dates(NEW_YORK) == read.local_dates(SHANGHAI) == (date(2026, 3, 9),) * 2


@pytest.mark.parametrize("text", ["9999", "9999-12-31", "0001-01-01", "1849-12-31", "2200"])
def test_placeholder_years_are_refused(text: str) -> None:
    """Some systems write 9999 for "unknown"; in UTC its end lies beyond the calendar."""
    with pytest.raises(ValueError, match="not a year that can be meant"):
        parse_dtc(text)


@pytest.mark.parametrize("text", ["1850", "2199-12-31T23:59:59-14:00"])
def test_every_accepted_date_has_an_instant(text: str) -> None:
    first, last = parse_dtc(text).instants(NEW_YORK)
    assert first <= last


DATES = st.dates(date(1900, 1, 1), date(2100, 12, 31))
TIMES = st.sampled_from(["", "T08", "T08:15", "T08:15:30", "T-:15", "T08:15Z", "T08:15-03:30"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    day = draw(DATES)
    shape = draw(st.sampled_from(["%Y", "%Y-%m", "%Y---%d", "%Y-%m--", "%Y-%m-%d"]))
    text = day.strftime(shape)
    return text + draw(TIMES) if shape == "%Y-%m-%d" else text


@given(texts(), st.sampled_from([NEW_YORK, SHANGHAI]))
def test_earliest_is_never_after_latest(text: str, zone: ZoneInfo) -> None:
    read = parse_dtc(text)
    assert read.earliest <= read.latest
    assert read.instants(zone)[0] <= read.instants(zone)[1]
    assert read.local_dates(zone)[0] <= read.local_dates(zone)[1]


@given(DATES, st.integers(0, 86_399))
def test_every_moment_lies_in_each_of_its_truncations(day: date, second: int) -> None:
    moment = datetime.combine(day, time.min) + timedelta(seconds=second)
    whole = moment.isoformat()
    for length in (4, 7, 10, 13, 16, 19):
        read = parse_dtc(whole[:length])
        assert read.earliest <= moment <= read.latest
