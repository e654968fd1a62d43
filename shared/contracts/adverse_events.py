"""Reported adverse events as a committee reads them: a listing, and the tables a paper prints.

Everything counts subjects, not events: the worst of each subject in each line.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.assessment import Evidence

Measure = Literal[
    "any_grade",
    "grade_3_or_higher",
    "related",
    "related_grade_3_or_higher",
    "serious",
    "led_to_discontinuation",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReportedEvent(_Part):
    """One adverse event record that began or worsened on treatment, as it stands.

    ``grade`` is the worst it may be on treatment; ``day`` counts from the first dose (day 1), by
    the earliest date the onset may have; ``soc`` is None for a term CTCAE does not have, ``end``
    while the event is not over. ``serious`` and ``discontinued`` where any standing version says
    so; ``action`` is AEACN as stated.
    """

    subject: str
    usubjid: str
    part: str
    dose_level: int | None
    term: str
    soc: str | None
    grade: int
    onset: date
    day: int
    end: date | None
    related: Literal["yes", "no", "unknown"]
    serious: bool
    discontinued: bool
    action: str | None
    outcome: str | None
    evidence: tuple[Evidence, ...]


class Group(_Part):
    """One column: the subjects treated at a dose level, or all (``dose_level`` and ``label`` say
    which); ``treated`` is the denominator."""

    label: str
    dose_level: int | None
    treated: int


class Line(_Part):
    """Subjects by measure, a number for each group. ``soc`` and ``term`` are None in the line of
    all events, ``term`` in the line of a system organ class."""

    soc: str | None
    term: str | None
    subjects: dict[Measure, tuple[int, ...]]


class AdverseEventSummary(_Part):
    """The tables; ``lines`` go from all events to a class to its terms. ``notes`` say what the
    numbers rest on."""

    ctcae: str
    groups: tuple[Group, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def percent(number: int, of: int) -> Decimal | None:
    """In per cent to two decimals, halves up; None of nobody.

    >>> percent(24, 39), percent(0, 0)
    (Decimal('61.54'), None)
    """
    if not of:
        return None
    return (Decimal(100 * number) / of).quantize(Decimal("0.01"), ROUND_HALF_UP)
