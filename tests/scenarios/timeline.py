"""Reads a time line (a YAML file beside this one) and holds a telling of it against it.

A telling is anything that has a view of each day and the signals that were raised: the pure core,
the embedded default, or the services over Kafka.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict

from shared.contracts.assessment import Assessment
from shared.contracts.signals import Signal

ZONE = ZoneInfo("Asia/Shanghai")


class Row(BaseModel):
    """One day: what must be raised, what must not, and what stands at its end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: date
    says: str
    signals: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    action: str | None = None
    dose_level: int | None = None
    mtd: int | None = None
    rp2d: int | None = None
    status: str | None = None
    subjects: dict[str, str] = {}
    days: dict[str, int] = {}
    criteria: dict[str, dict[str, str]] = {}
    late: dict[int, int] = {}
    doses: dict[int, tuple[int, int, int, int, str]] = {}


@dataclass(frozen=True)
class Telling:
    """`view` is the study at the end of a day by what was known then."""

    view: Callable[[date], Assessment]
    signals: Sequence[Signal]
    final: Assessment


def rows(name: str) -> list[Row]:
    """The rows of a time line, by its file name."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    return [Row.model_validate(row) for row in yaml.safe_load(text)]


def hold_against(row: Row, telling: Telling) -> None:
    """Asserts that a telling has everything the row states."""
    raised = [one for one in telling.signals if one.known_at.astimezone(ZONE).date() == row.day]
    names = {name for one in raised for name in _names(one)}
    assert set(row.signals) <= names
    assert not set(row.silent) & {one.type.value for one in raised}
    view = telling.view(row.day)
    assert _stated(view, row) == _wanted(row)


def _names(signal: Signal) -> set[str]:
    return {
        f"{signal.type.value} subject {signal.subject}",
        f"{signal.type.value} dose {signal.dose_level}",
    }


def _wanted(row: Row) -> dict[str, Any]:
    names = ("action", "dose_level", "mtd", "rp2d", "status", "subjects", "days", "criteria")
    wanted = {name: getattr(row, name) for name in (*names, "late", "doses")}
    return {name: value for name, value in wanted.items() if value not in (None, {})}


def _stated(view: Assessment, row: Row) -> dict[str, Any]:
    """The view, cut down to what the row speaks of."""
    said = view.recommendation
    people = {one.subject: one for one in view.subjects}
    doses = {one.level: one for one in view.doses}
    whole: dict[str, Any] = {
        "action": said.action,
        "dose_level": said.dose_level,
        "mtd": said.mtd,
        "rp2d": view.rp2d,
        "status": view.status,
        "subjects": {name: people[name].status for name in row.subjects},
        "days": {name: getattr(people[name].window, "day", None) for name in row.days},
        "criteria": {
            name: {one.id: one.result for one in people[name].criteria if one.id in asked}
            for name, asked in row.criteria.items()
        },
        "late": {level: doses[level].late_toxicity for level in row.late},
        "doses": {
            level: (
                doses[level].dlt.confirmed,
                doses[level].dlt.candidate,
                doses[level].pending,
                doses[level].evaluable,
                doses[level].state,
            )
            for level in row.doses
        },
    }
    return {name: whole[name] for name in _wanted(row)}
