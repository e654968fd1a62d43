"""The case document: records given, and what must stand at moments after them.

Day 1 is the first dose of the first subject; ``day 3 08:30`` is the study's time, without a time of
day it is 15:00. ``end of day 3`` is its last instant, ``end`` that of the last day told.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from shared.clinical.criteria import Part
from shared.clinical.protocol import day_ends
from shared.document import build, read_yaml

DAY_1 = date(2026, 3, 2)


class Expectation(Part):
    """What stands at a moment, by what was ``known`` then. ``doses``: confirmed, candidate,
    pending, evaluable, state. ``backfill``: levels open for it. ``stopping``:
    rules by id and how they stand.

    ``asked``: words that some query must contain. ``raised`` and ``silent``: types of signals that
    had, or had not, been raised by then."""

    at: str
    known: str | None = None
    subjects: dict[str, str | None] = Field(default_factory=dict)
    criteria: dict[str, dict[str, str]] = Field(default_factory=dict)
    onset: dict[str, dict[str, int]] = Field(default_factory=dict)
    late: dict[str, list[str]] = Field(default_factory=dict)
    flags: dict[str, list[str]] = Field(default_factory=dict)
    unflagged: dict[str, list[str]] = Field(default_factory=dict)
    doses: dict[int, tuple[int, int, int, int, str]] = Field(default_factory=dict)
    action: str | None = None
    dose_level: int | None = None
    status: str | None = None
    basis: list[str] | None = None
    backfill: list[int] | None = None
    stopping: dict[str, str] = Field(default_factory=dict)
    asked: list[str] = Field(default_factory=list)
    raised: list[str] = Field(default_factory=list)
    silent: list[str] = Field(default_factory=list)


class Case(Part):
    """One case. ``protocol`` changes the study's document: dotted path to value. Each step of
    ``given`` is one word of `shared.clinical.rehearsal.stage` with what it says; ``as`` beside it
    names the record for a later ``revise``, ``delete`` or ``again``."""

    case: int | None = None
    title: str
    why: str = ""
    protocol: dict[str, Any] = Field(default_factory=dict)
    given: list[dict[str, Any]]
    then: list[Expectation] = Field(min_length=1)


def read_case(text: str) -> Case:
    """A case from strict YAML; raises `shared.document.DocumentError`."""
    return build(read_yaml(text), Case)


def day(number: str | int) -> date:
    """The date of a day; day 1 is the first dose."""
    return DAY_1 + timedelta(days=int(number) - 1)


def moment(text: str | int, zone: ZoneInfo, hour: int = 15) -> datetime:
    """An instant told in words; ValueError for other words."""
    words = str(text).split()
    if words[0] == "end":
        return day_ends(day(words[-1]), zone)
    number = words[1] if words[0] == "day" else words[0]
    clock = time.fromisoformat(words[-1]) if ":" in words[-1] else time(hour)
    return datetime.combine(day(number), clock, zone)
