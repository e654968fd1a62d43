"""One test over time, each value with the grade it had by its own range and baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from services.console.blocks import Chart, Spec, Table
from services.console.charts.parts import (
    GRADES,
    HOLLOW,
    INK,
    LINE,
    Rows,
    counted,
    days,
    dose_name,
    grade_name,
    looks,
    nothing,
    number,
    spec,
)
from shared.contracts.assessment import Assessment
from shared.contracts.packet import LabSeries, LabValue

_NARROW, _WIDE, _ABREAST = 125, 240, 900
_BOX = {
    "x": {"value": 0},
    "x2": {"value": "width"},
    "y": {"field": "low", "type": "quantitative"},
    "y2": {"field": "high"},
}


def lab_trend(said: Assessment, series: Sequence[LabSeries], name: str = "lab") -> Chart:
    """One test by dose level; behind the values the CTCAE bands, where all subjects of the dose
    level have the same."""
    test = series[0].test
    title = f"{test} ({series[0].unit or 'no unit'}): {series[0].term}"
    table = _table(said, title, series)
    points = [value for one in series for value in one.values if value.number is not None]
    if not points:
        return nothing(name, title, f"No value of {test} is a number.", table)
    levels = sorted({one.dose_level or 0 for one in series})
    top = max(float(value.number) for value in points if value.number is not None)
    width = max(_NARROW, min(_WIDE, _ABREAST // len(levels)))
    panels = [
        _panel(said, [one for one in series if (one.dose_level or 0) == level], width, top)
        for level in levels
    ]
    severe = {
        one.usubjid for one in series if any((value.grade_high or 0) >= 3 for value in one.values)
    }
    alt = (
        f"{counted(len(points), 'value')} of {counted(len(series), 'subject')};"
        f" {len(severe)} reached grade 3 or may have"
    )
    return Chart(name, title, alt, spec(hconcat=panels), table)


def _panel(said: Assessment, series: Sequence[LabSeries], width: int, top: float) -> Spec:
    """Subjects of one dose level; up to ``top`` in all panels, so that they can be compared."""
    points: Rows = [
        {
            "subject": one.subject,
            "day": value.day,
            "value": float(value.number),
            "grade": grade_name(None, value.grade_high),
            "certain": value.grade_low == value.grade_high,
        }
        for one in series
        for value in one.values
        if value.number is not None
    ]
    axis = f"{series[0].test} ({series[0].unit or 'no unit'})"
    bottom = min((row["value"] for row in points), default=0.0)
    line = {"type": "line", "color": LINE, "strokeWidth": 0.8}
    mark = {"type": "point", "filled": True, "stroke": INK, "strokeWidth": 0.6, "opacity": 1}
    return {
        "title": dose_name(said.doses, series[0].dose_level),
        "width": width,
        "height": 150,
        "encoding": {
            "x": days("day", "day"),
            "y": number("value", axis, scale={"domain": [min(0.0, bottom), top]}),
        },
        "layer": [
            *_bands(series, top),
            {
                "data": {"values": points},
                "mark": line,
                "encoding": {"detail": {"field": "subject"}},
            },
            {
                "data": {"values": points},
                "mark": mark,
                "encoding": {**looks("grade", GRADES, "grade"), "fillOpacity": HOLLOW},
            },
        ],
    }


def _bands(series: Sequence[LabSeries], top: float) -> Iterator[Spec]:
    """The areas of the grades; none where subjects differ in range, baseline or unit."""
    if len({(one.unit, one.bands) for one in series}) != 1:
        return
    for band in series[0].bands:
        low, high = float(band.lower or 0), float(band.upper or top)
        if low < min(high, top):
            yield {
                "data": {"values": [{"low": low, "high": min(high, top)}]},
                "mark": {"type": "rect", "color": GRADES[str(band.grade)][0], "opacity": 0.3},
                "encoding": _BOX,
            }


def _table(said: Assessment, title: str, series: Sequence[LabSeries]) -> Table:
    rows = tuple(
        (
            one.subject,
            dose_name(said.doses, one.dose_level),
            str(value.day),
            value.on.isoformat(),
            value.result,
            one.unit or "no unit",
            grade_name(value.grade_low, value.grade_high),
        )
        for one in series
        for value in one.values
    )
    columns = ("Subject", "Dose", "Day", "Date", "Result", "Unit", "Grade")
    return Table(title, columns, rows, tuple(_not_drawn(series)))


def _not_drawn(series: Sequence[LabSeries]) -> Iterator[str]:
    words: list[tuple[str, LabValue]] = [
        (one.subject, value) for one in series for value in one.values if value.number is None
    ]
    if words:
        each = ", ".join(f"{subject} day {value.day}: {value.result}" for subject, value in words)
        yield f"Not drawn, for they are no plain number: {each}."
    if len({(one.unit, one.bands) for one in series}) > len({one.dose_level for one in series}):
        yield "Where subjects of a dose level differ in range or baseline no band is drawn."


def lab_trends(said: Assessment, labs: Sequence[LabSeries]) -> list[Chart]:
    """A chart for each test and term: ``lab-1`` and so on, in the order of their names."""
    found: dict[tuple[str, str], list[LabSeries]] = {}
    for one in sorted(labs, key=_place):
        found.setdefault((one.test, one.term), []).append(one)
    return [lab_trend(said, series, f"lab-{at}") for at, series in enumerate(found.values(), 1)]


def _place(one: LabSeries) -> Any:
    return one.test, one.term, one.dose_level or 0
