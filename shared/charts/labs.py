"""One test over time, each value with the grade it had by its own range and baseline.

Of many subjects a line each would hide those that matter: then who reached grade 3 is drawn value
by value, and the others as their range by week. Every value of grade 2 or higher has its mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from shared.charts.blocks import Chart, Spec, Table
from shared.charts.parts import (
    GRADES,
    HOLLOW,
    INK,
    LINE,
    PALE,
    Rows,
    counted,
    dose_name,
    grade_name,
    looks,
    nothing,
    number,
    spec,
)
from shared.contracts.assessment import Assessment
from shared.contracts.packet import LabSeries, LabValue

MOST_LINES = 24
"""Subjects of whom each has a line: about as many as an escalation has."""
SEVERE, MARKED = 3, 2
"""Of more, who reached the first grade keeps a line, and each value of the second its mark."""
_NARROW, _WIDE, _ABREAST = 125, 240, 900
_WEEK = 7
_DAYS = {"tickMinStep": 1, "tickCount": 5, "grid": False}
_DARKER = "#666666"
_BOX = {
    "x": {"value": 0},
    "x2": {"value": "width"},
    "y": {"field": "low", "type": "quantitative"},
    "y2": {"field": "high"},
    "fill": {"field": "fill", "type": "nominal", "scale": None},
}


def lab_trend(
    said: Assessment,
    series: Sequence[LabSeries],
    name: str = "lab",
    table: Table | None = None,
    apart: Sequence[str] = (),
) -> Chart:
    """One test in one unit by dose level; behind the values the CTCAE bands, where all subjects of
    the dose level have the same. ``table`` instead of that of all values; ``apart``: the units of
    results that another chart has."""
    test, unit = series[0].test, unit_name(series[0].axis)
    title = f"{test} ({unit}): {series[0].term}"
    table = table or _table(said, title, series)
    values = [value for one in series for value in one.values if value.number is not None]
    if not values:
        return nothing(name, title, f"No value of {test} is a number.", table)
    levels = sorted({one.dose_level or 0 for one in series})
    top = max(float(value.number) for value in values if value.number is not None)
    width = max(_NARROW, min(_WIDE, _ABREAST // len(levels)))
    subjects, severe = {one.usubjid for one in series}, severe_of(series)
    many = len(subjects) > MOST_LINES
    lined = severe if many else subjects
    panels = [
        _panel(
            said, [one for one in series if (one.dose_level or 0) == level], width, top, many, lined
        )
        for level in levels
    ]
    panels[0]["encoding"]["y"]["axis"] = {"title": f"{test} ({unit})"}
    for panel in panels[1:]:
        panel["encoding"]["y"]["axis"] = {"labels": False, "ticks": False}
    alt = (
        f"{counted(len(values), 'value')} of {counted(len(subjects), 'subject')};"
        f" {len(severe)} reached grade {SEVERE} or may have"
    )
    if many:
        alt += (
            f" and have a line each; marked is each value of grade {MARKED} or higher, or not"
            " gradable, of anybody; grey: the others, lowest to highest of each week and the median"
        )
    alt += _converted(series)
    if apart:
        alt += f"; results in {', '.join(apart)} do not convert and have a chart of their own"
    return Chart(name, title, alt, spec(hconcat=panels), table)


def unit_name(unit: str | None) -> str:
    return unit or "no unit"


def severe_of(series: Sequence[LabSeries]) -> set[str]:
    """USUBJID of those who have a value of grade 3 or higher, or one that may be."""
    return {
        one.usubjid
        for one in series
        if any((value.grade_high or 0) >= SEVERE for value in one.values)
    }


def _converted(series: Sequence[LabSeries]) -> str:
    """Whose values were reported in another unit than the chart's, in words."""
    found: dict[str, list[str]] = {}
    for one in series:
        if one.drawn_in is not None:
            found.setdefault(unit_name(one.unit), []).append(one.subject)
    each = "; ".join(f"{unit} ({', '.join(who)})" for unit, who in sorted(found.items()))
    return f"; converted from {each}" if each else ""


def _panel(
    said: Assessment,
    series: Sequence[LabSeries],
    width: int,
    top: float,
    many: bool,
    lined: set[str],
) -> dict[str, Any]:
    """Subjects of one dose level, of whom some have a line; up to ``top`` in all panels, so that
    they can be compared."""
    lines = [row for one in series if one.usubjid in lined for row in _rows(one)]
    marks = [row for one in series for row in _rows(one, MARKED)] if many else lines
    weeks = list(_weeks([one for one in series if one.usubjid not in lined]))
    bottom = min([0.0, *(row["value"] for row in lines), *(week["low"] for week in weeks)])
    shown = {grade: look for grade, look in GRADES.items() if not many or grade not in ("0", "1")}
    line = {"type": "line", "color": _DARKER if many else LINE, "strokeWidth": 0.8}
    mark = {"type": "point", "filled": True, "stroke": INK, "strokeWidth": 0.6, "opacity": 1}
    return {
        "title": dose_name(said.doses, series[0].dose_level),
        "width": width,
        "height": 150,
        "encoding": {
            "x": number("day", "day", axis=_DAYS),
            "y": number("value", None, scale={"domain": [bottom, top]}),
        },
        "layer": [
            *_bands(series, top),
            *_quiet(weeks),
            {
                "data": {"values": lines},
                "mark": line,
                "encoding": {"detail": {"field": "subject"}},
            },
            {
                "data": {"values": marks},
                "mark": mark,
                "encoding": {**looks("grade", shown, "grade"), "fillOpacity": HOLLOW},
            },
        ],
    }


def _rows(series: LabSeries, least: int = 0) -> Rows:
    """The values that can be drawn of this grade or higher, as far as their grade is known."""
    return [
        {
            "subject": series.subject,
            "day": value.day,
            "value": float(value.number),
            "grade": grade_name(None, value.grade_high),
            "certain": value.grade_low == value.grade_high,
        }
        for value in series.values
        if value.number is not None and (value.grade_high is None or value.grade_high >= least)
    ]


def _weeks(series: Sequence[LabSeries]) -> Iterator[dict[str, Any]]:
    """Of each week of treatment that has a value the lowest, the highest and their median."""
    found: dict[int, list[float]] = {}
    for one in series:
        for value in one.values:
            if value.number is not None:
                found.setdefault((value.day - 1) // _WEEK, []).append(float(value.number))
    for week, values in sorted(found.items()):
        span = {"from": week * _WEEK + 1, "to": (week + 1) * _WEEK + 1}
        yield {**span, "low": min(values), "high": max(values), "median": median(values)}


def _quiet(weeks: Rows) -> Iterator[Spec]:
    """The range of a week, and its median across."""
    if not weeks:
        return
    span = {"x": number("from", "day"), "x2": {"field": "to"}}
    data = {"values": weeks}
    yield {
        "data": data,
        "mark": {"type": "rect", "color": PALE, "opacity": 0.8},
        "encoding": {**span, "y": number("low", None), "y2": {"field": "high"}},
    }
    yield {
        "data": data,
        "mark": {"type": "rule", "color": INK, "strokeWidth": 0.8},
        "encoding": {**span, "y": number("median", None)},
    }


def _bands(series: Sequence[LabSeries], top: float) -> Iterator[Spec]:
    """The areas of the grades; none where subjects differ in range or baseline."""
    if len({one.bands for one in series}) != 1:
        return
    rows: Rows = []
    for band in series[0].bands:
        low, high = float(band.lower or 0), float(band.upper or top)
        if low < min(high, top):
            fill = GRADES[str(band.grade)][0]
            rows.append({"low": low, "high": min(high, top), "fill": fill})
    if rows:
        mark = {"type": "rect", "opacity": 0.3}
        yield {"data": {"values": rows}, "mark": mark, "encoding": _BOX}


def _table(said: Assessment, title: str, series: Sequence[LabSeries]) -> Table:
    rows = tuple(
        (
            one.subject,
            dose_name(said.doses, one.dose_level),
            str(value.day),
            value.on.isoformat(),
            value.result,
            unit_name(one.unit),
            grade_name(value.grade_low, value.grade_high),
        )
        for one in series
        for value in one.values
    )
    columns = ("Subject", "Dose", "Day", "Date", "Result", "Unit", "Grade")
    subjects = tuple(one.usubjid for one in series for _ in one.values)
    return Table(title, columns, rows, tuple(_not_drawn(series)), subjects=subjects)


def _not_drawn(series: Sequence[LabSeries]) -> Iterator[str]:
    words: list[tuple[str, LabValue]] = [
        (one.subject, value) for one in series for value in one.values if value.number is None
    ]
    if words:
        each = ", ".join(f"{subject} day {value.day}: {value.result}" for subject, value in words)
        yield f"Not drawn, for they are no plain number: {each}."
    if len({one.bands for one in series}) > len({one.dose_level for one in series}):
        yield "Where subjects of a dose level differ in range or baseline no band is drawn."


def lab_trends(said: Assessment, labs: Sequence[LabSeries]) -> list[Chart]:
    """A chart for each test, term and unit that does not convert to another: ``lab-1`` and so on,
    in the order of their names."""
    return [
        lab_trend(said, series, f"lab-{at}", apart=apart)
        for at, (series, apart) in enumerate(charted(labs), 1)
    ]


def charted(labs: Sequence[LabSeries]) -> Iterator[tuple[list[LabSeries], list[str]]]:
    """What belongs on one chart each, values of one test by one term that one axis can hold; and
    the units of those that are apart for their unit alone."""
    found: dict[tuple[str, str], dict[str, list[LabSeries]]] = {}
    for one in sorted(labs, key=lambda one: (one.test, one.term, one.dose_level or 0)):
        axes = found.setdefault((one.test, one.term), {})
        axes.setdefault(unit_name(one.axis), []).append(one)
    for axes in found.values():
        for unit, series in axes.items():
            yield series, [other for other in axes if other != unit]
