"""One subject's values over time, over the CTCAE bands that moved with its ranges and baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    GRADES,
    HOLLOW,
    INK,
    LINE,
    NOT_GRADABLE,
    Rows,
    counted,
    days,
    grade_name,
    looks,
    not_drawn,
    nothing,
    number,
    spec,
)
from shared.contracts.profile import Band, Profile, Series, Stretch, Value

_MARGIN = 0.1
_FAR = 2
_SURE, _UNSURE = 0.35, 0.12


def trend(series: Series, name: str) -> Chart:
    """A comparator's bound is a hollow mark with the result beside it; withdrawn values, words and
    undated ones are in the table only."""
    axis = f"{series.test} ({series.unit or 'no unit'})"
    title = axis
    if series.specimen:
        title += f", {series.specimen.lower()}"
    if series.formula:
        title += f": derived, {series.formula}"
    drawn = [value for value in series.values if _is_drawn(value)]
    table = _table(title, series)
    if not drawn:
        return nothing(name, title, f"No standing value of {series.test} can be drawn.", table)
    points = [_point(value) for value in drawn]
    bottom, top = _extent(series, [point["value"] for point in points])
    bands = list(_bands(series, bottom, top, axis))
    place = {"x": days("day"), "y": number("value", axis, scale={"domain": [bottom, top]})}
    mark = {"type": "point", "filled": True, "size": 45, "stroke": INK, "strokeWidth": 0.8}
    layers = [
        *bands,
        {
            "data": {"values": points},
            "mark": {"type": "line", "color": LINE, "strokeWidth": 1},
            "encoding": place,
        },
        {
            "data": {"values": points},
            "mark": {**mark, "opacity": 1},
            "encoding": {**place, **looks("grade", GRADES, "grade"), "fillOpacity": HOLLOW},
        },
        {
            "data": {"values": [point for point in points if point["words"]]},
            "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 9},
            "encoding": {**place, "text": {"field": "words"}},
        },
    ]
    worst = max((grade for value in drawn if (grade := _worst(value)) is not None), default=None)
    alt = (
        f"{counted(len(drawn), 'value')} from day {points[0]['day']} to {points[-1]['day']},"
        f" worst grade {NOT_GRADABLE if worst is None else worst}"
    )
    return Chart(name, title, alt, spec(width=480, height=180, layer=layers), table)


def _is_drawn(value: Value) -> bool:
    return value.number is not None and value.on.day is not None and value.state != "withdrawn"


def _why_not(value: Value) -> str:
    if value.state == "withdrawn":
        return "withdrawn"
    if value.result is None:
        return "not done"
    return "not a number" if value.number is None else "before any dose, so without a day"


def _worst(value: Value) -> int | None:
    grades = [grade.high for grade in value.grades if grade.high is not None]
    return max(grades) if grades else None


def _point(value: Value) -> dict[str, Any]:
    assert value.number is not None
    worst = _worst(value)
    return {
        "day": value.on.day,
        "value": float(value.number),
        "grade": NOT_GRADABLE if worst is None else str(worst),
        "certain": not value.comparator and all(one.low == one.high for one in value.grades),
        "words": value.result or "" if value.comparator else "",
    }


def _extent(series: Series, values: list[float]) -> tuple[float, float]:
    """From where to where the axis goes: to the next limit of a grade, so that one sees how far it
    is, unless it is more than twice as high; a concentration begins at 0, so that no change looks
    large by itself."""
    limits = [
        float(end)
        for stretch in series.stretches
        for band in stretch.bands
        for end in (band.lower, band.upper)
        if end is not None
    ]
    low, high = min(values), max(values)
    top = min((one for one in limits if high < one <= _FAR * high), default=high)
    bottom = max((one for one in limits if one < low), default=low)
    margin = (max(top, high) - min(bottom, low) or abs(high) or 1.0) * _MARGIN
    if series.domain == "lab":
        return min(0.0, low), top + margin
    return max(min(0.0, low), bottom - margin), top + margin


def _bands(series: Series, bottom: float, top: float, title: str) -> Iterator[dict[str, Any]]:
    rows: Rows = [
        {
            "from": first - 0.5,
            "to": last + 0.5,
            "low": bottom if band.lower is None else max(bottom, float(band.lower)),
            "high": min(top, float(top if band.upper is None else band.upper)),
            "grade": str(band.high),
            "opacity": _SURE if band.low == band.high else _UNSURE,
        }
        for stretch in series.stretches
        for first, last in _reach(series, stretch)
        for band in stretch.bands
        if band.high > 0 and _is_within(band, bottom, top)
    ]
    if rows:
        yield {
            "data": {"values": rows},
            "mark": {"type": "rect"},
            "encoding": {
                "x": days("from"),
                "x2": {"field": "to"},
                "y": number("low", title),
                "y2": {"field": "high"},
                "color": looks("grade", GRADES, "grade")["color"],
                "opacity": {"field": "opacity", "type": "quantitative", "scale": None},
            },
        }


def _is_within(band: Band, bottom: float, top: float) -> bool:
    begins_below = band.lower is None or float(band.lower) < top
    return begins_below and (band.upper is None or float(band.upper) > bottom)


def _reach(series: Series, stretch: Stretch) -> Iterator[tuple[int, int]]:
    """The days over which a stretch holds: until the next of its term begins."""
    first = series.values[stretch.first].on.day
    following = [
        series.values[one.first].on.day
        for one in series.stretches
        if (one.term, one.direction) == (stretch.term, stretch.direction)
        and one.first > stretch.last
    ]
    last = series.values[stretch.last].on.day
    until = min((day - 1 for day in following if day is not None), default=last)
    if first is not None and last is not None and until is not None:
        yield first, max(last, until)


def _table(title: str, series: Series) -> Table:
    rows = tuple(
        (
            value.on.stated,
            "–" if value.on.day is None else str(value.on.day),
            value.result or f"not done{f': {value.not_done}' if value.not_done else ''}",
            series.unit or "no unit",
            f"{value.lln or '–'} to {value.uln or '–'}",
            "; ".join(f"{one.term} {grade_name(one.low, one.high)}" for one in value.grades) or "–",
            value.state.replace("_", " "),
        )
        for value in series.values
    )
    lacking = [
        (_why_not(value), f"{value.on.stated} {value.result or ''}".strip())
        for value in series.values
        if not _is_drawn(value)
    ]
    columns = ("Date", "Day", "Result", "Unit", "Range sent", "Grade", "Record")
    notes = () if series.formula is None else (f"{series.formula}. {series.source or ''}".strip(),)
    return Table(title, columns, rows, (*notes, *not_drawn(lacking)))


def trends(profile: Profile) -> list[Chart]:
    """``series-1`` and so on, in the order of the profile."""
    return [trend(one, f"series-{at}") for at, one in enumerate(profile.series, 1)]
