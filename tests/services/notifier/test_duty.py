"""Who is on duty when, over midnights, weekends, absences and the nights in which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import pytest

from services.notifier.routing import (
    Occasion,
    Routing,
    gaps,
    holes,
    load_routing,
    next_time,
    on_duty,
    unmanned_severities,
    who_is_next,
    who_is_told,
)
from services.notifier.routing.forecast import forecast
from shared.contracts.signals import SignalType
from tests.services.notifier.ladder_support import CLIMB, LADDERED
from tests.services.notifier.support import STUDY

BERLIN = ZoneInfo("Europe/Berlin")
SHIFTS = f"""\
study: {STUDY}
time_zone: Europe/Berlin
recipients:
  - {{name: dr-a, channel: email, address: a@example.org}}
  - {{name: dr-b, channel: email, address: b@example.org}}
  - {{name: phone, channel: email, address: phone@example.org}}
rosters:
  - name: duty
    people: [dr-a, dr-b]
    shifts:
      - {{people: [dr-a], days: [mon, tue, wed, thu, fri], from: 08:00, to: 20:00}}
      - {{people: [dr-b], days: [mon, tue, wed, thu], from: 20:00, to: 08:00}}
absences:
  - {{name: dr-b, first: 2026-01-13, last: 2026-01-14}}
rules:
  - {{name: all, tell: [duty]}}
ladders: [{{name: all}}]
"""


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def _on_duty(routing: Routing, at: datetime) -> tuple[str, ...]:
    return on_duty(routing, routing.rosters[0], at)


def _asked(at: datetime) -> Occasion:
    return Occasion(type=SignalType.DEATH, severity="critical", at=at)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-01-12T07:59", ()),
        ("2026-01-12T08:00", ("dr-a",)),
        ("2026-01-12T19:59", ("dr-a",)),
        ("2026-01-12T20:00", ("dr-b",)),
        ("2026-01-12T23:59", ("dr-b",)),
        ("2026-01-13T00:00", ()),
        ("2026-01-14T23:59", ()),
        ("2026-01-15T00:00", ("dr-b",)),
        ("2026-01-16T07:59", ("dr-b",)),
        ("2026-01-16T08:00", ("dr-a",)),
        ("2026-01-16T20:00", ()),
        ("2026-01-17T12:00", ()),
    ],
)
def test_shifts_and_absences_begin_and_end_on_the_minute(
    local: str, expected: tuple[str, ...]
) -> None:
    assert _on_duty(load_routing(SHIFTS), _local(local)) == expected


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_night_in_which_clocks_change_has_no_hole_and_no_overlap(day: str) -> None:
    """A shift handed over at 02:30, a time that day has twice or not at all."""
    text = SHIFTS.replace(
        "[dr-a], days: [mon, tue, wed, thu, fri], from: 08:00, to: 20:00",
        "[dr-a], from: 02:30, to: 14:30",
    ).replace(
        "[dr-b], days: [mon, tue, wed, thu], from: 20:00, to: 08:00",
        "[dr-b], from: 14:30, to: 02:30",
    )
    routing = load_routing(text)
    start = _local(f"{day}T00:00")
    for minutes in range(0, 26 * 60, 10):
        assert len(_on_duty(routing, start + timedelta(minutes=minutes))) == 1


def test_without_shifts_the_first_who_is_there_is_on_duty() -> None:
    start = SHIFTS.index("    shifts:")
    text = SHIFTS[:start] + SHIFTS[SHIFTS.index("absences:") :]
    routing = load_routing(text.replace("name: dr-b, first", "name: dr-a, first"))
    assert _on_duty(routing, _local("2026-01-12T12:00")) == ("dr-a",)
    assert _on_duty(routing, _local("2026-01-13T12:00")) == ("dr-b",)


def test_the_first_stretch_without_anybody_is_found() -> None:
    routing = load_routing(SHIFTS)
    monday = _local("2026-01-12T09:00")
    (hole,) = holes(routing, monday, monday + timedelta(days=14))
    assert (hole.roster, hole.first, hole.until) == (
        "duty",
        _local("2026-01-13T00:00"),
        _local("2026-01-13T08:00"),
    )
    assert gaps(routing, monday)[-1] == (
        "nobody is on duty in duty from 2026-01-12 23:00 to 2026-01-13 07:00 UTC"
    )
    assert list(holes(routing, monday, monday + timedelta(hours=3))) == []


@pytest.mark.parametrize(
    ("local", "severities"),
    [("2026-01-12T09:00", ()), ("2026-01-17T12:00", ("critical", "urgent"))],
)
def test_a_severity_without_anybody_on_duty_is_known(
    local: str, severities: tuple[str, ...]
) -> None:
    assert unmanned_severities(load_routing(SHIFTS), _local(local)) == severities


def test_while_nobody_is_on_duty_everybody_of_the_roster_is_told() -> None:
    found = who_is_told(load_routing(SHIFTS), _asked(_local("2026-01-17T12:00")))
    assert [one.subscriber for one in found.told] == ["dr-a", "dr-b"]
    assert found.warnings == ("nobody is on duty in duty: everybody on it is told",)


def test_while_nobody_is_on_duty_the_fallback_is_told() -> None:
    text = SHIFTS.replace("    shifts:", "    otherwise: [phone]\n    shifts:")
    found = who_is_told(load_routing(text), _asked(_local("2026-01-17T12:00")))
    assert [one.subscriber for one in found.told] == ["phone"]
    assert found.warnings == ("nobody is on duty in duty: its fallback is told",)


def test_the_deputy_stands_in_for_somebody_absent() -> None:
    text = SHIFTS.replace("address: b@example.org", "address: b@example.org, deputy: phone")
    at = _local("2026-01-13T22:00")
    by_roster = who_is_told(load_routing(text), _asked(at))
    assert "phone" in {one.subscriber for one in by_roster.told}
    direct = who_is_told(load_routing(text.replace("tell: [duty]", "tell: [dr-b]")), _asked(at))
    assert {one.subscriber for one in direct.told} == {"dr-b", "phone"}


@pytest.mark.parametrize(
    ("local", "told_so_far", "next_one"),
    [
        ("2026-01-12T09:00", [], "dr-a"),
        ("2026-01-12T09:00", ["dr-a"], "dr-b"),
        ("2026-01-13T09:00", ["dr-a"], "dr-c"),
        ("2026-01-13T09:00", ["dr-a", "dr-c"], "dr-b"),
    ],
)
def test_the_next_of_a_roster_is_somebody_present_while_there_is_one(
    local: str, told_so_far: list[str], next_one: str
) -> None:
    text = SHIFTS.replace("people: [dr-a, dr-b]", "people: [dr-a, dr-b, dr-c]").replace(
        "  - {name: phone,",
        "  - {name: dr-c, channel: email, address: c@example.org}\n  - {name: phone,",
    )
    routing = load_routing(
        text.replace("{name: all}]", "{name: all, steps: [{after: 5m, tell: next}]}]")
    )
    found = who_is_next(routing, routing.ladders[0].steps[0], _asked(_local(local)), told_so_far)
    assert [one.subscriber for one in found.told] == [next_one]


def test_the_forecast_is_what_the_ladder_then_does() -> None:
    """`vigil route test` and the chase follow the same functions; see CLIMB in test_ladders."""
    at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    found = forecast(load_routing(LADDERED), _asked(at))
    steps = [
        (int(one.after.total_seconds() / 60), {way.subscriber for way in one.told})
        for one in found.tellings
    ]
    # A step that only repeats is shown with those it repeats.
    assert steps == CLIMB[:6]
    assert (found.ladder, found.again_every) == ("urgent", timedelta(hours=4))


@pytest.mark.parametrize(
    ("now", "clock", "expected"),
    [
        ("2026-01-15T07:59:59", "08:00", "2026-01-15T08:00"),
        ("2026-01-15T08:00:00", "08:00", "2026-01-16T08:00"),
        ("2026-03-28T12:00:00", "02:30", "2026-03-29T03:30"),
        ("2026-10-24T12:00:00", "02:30", "2026-10-25T02:30"),
        ("2026-10-25T02:30:00", "02:30", "2026-10-26T02:30"),
    ],
)
def test_the_next_time_a_local_clock_strikes(now: str, clock: str, expected: str) -> None:
    strikes = time_of_day.fromisoformat(clock)
    assert next_time(BERLIN, strikes, _local(now)) == _local(expected)


def test_the_next_time_on_a_weekday() -> None:
    thursday = _local("2026-01-15T12:00")
    for weekday, day in ((3, "2026-01-22"), (4, "2026-01-16"), (0, "2026-01-19")):
        assert next_time(BERLIN, time_of_day(9), thursday, weekday) == _local(f"{day}T09:00")
