"""The packet's charts as Vega-Lite: the data is in each specification, nothing is fetched.

Colours are told apart by the colour-blind, and each has a shape or a word beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from services.console.packet.blocks import Chart, Spec
from services.console.words import SUBJECT_STATES
from shared.contracts.assessment import SubjectAssessment
from shared.contracts.packet import LabSeries, Packet

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_STATES = {  # Paul Tol's bright scheme
    "DLT": "#aa3377",
    "DLT candidate": "#ee6677",
    "Open: not known": "#ccbb44",
    "In window": "#66ccee",
    "Completed": "#228833",
    "Not evaluable": "#bbbbbb",
    "Not started": "#dddddd",
}
_GRADES = {"0": "#777777", "1": "#fee08b", "2": "#fdae61", "3": "#f46d43", "4": "#a50026"}
_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross"]
_DAYS = {"type": "quantitative", "axis": {"tickMinStep": 1}}


def dlt_board(packet: Packet) -> Chart:
    """Each assessed subject's DLT window: how far it is, its status, and where a DLT set in."""
    rows = [row for subject in packet.assessment.subjects for row in _windows(packet, subject)]
    onsets = [row for row in rows if row["onset"] is not None]
    states = [state for state in _STATES if any(row["status"] == state for row in rows)]
    color = {
        "field": "status",
        "scale": {"domain": states, "range": [_STATES[state] for state in states]},
        "legend": {"title": None, "orient": "top"},
    }
    day = {"field": "day", **_DAYS, "title": "day of the DLT window"}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "height": 9}, "encoding": {"x": day, "color": color}},
        {
            "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 9},
            "encoding": {"x": day, "text": {"field": "status"}},
        },
        {
            "data": {"values": onsets},
            "mark": {"type": "point", "shape": "diamond", "filled": True, "color": "black"},
            "encoding": {"x": {"field": "onset", **_DAYS}},
        },
    ]
    alt = "; ".join(f"{row['subject']}: {row['status']}, day {row['day']}" for row in rows)
    encoding = {"y": {"field": "subject", "type": "nominal", "sort": None, "title": None}}
    spec = _chart(
        width=520, height={"step": 15}, data={"values": rows}, encoding=encoding, layer=layers
    )
    return Chart("DLT board (a diamond is the onset of a criterion that is met)", alt, spec)


def _windows(packet: Packet, subject: SubjectAssessment) -> Iterator[dict[str, Any]]:
    window = subject.window
    if window is None or subject.status == "not_assessed":
        return
    length = (window.last - window.first).days + 1
    today = (packet.assessment.as_of.date() - window.first).days + 1
    onsets = [
        (one.onset - window.first).days + 1
        for one in subject.criteria
        if one.onset and one.result in ("met", "needs_review")
    ]
    yield {
        "subject": f"{_dose(packet, subject.dose_level)} · {subject.subject}",
        "status": SUBJECT_STATES[subject.status].text,
        "day": window.day or max(0, min(length, today)),
        "onset": min(onsets, default=None),
    }


def swimmer(packet: Packet) -> Chart:
    """Each subject on treatment, with doses, events of grade 3 and higher, and responses."""
    bars: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for course in packet.courses:
        name = f"{_dose(packet, course.dose_level)} · {course.subject}"
        end = course.left_on or packet.assessment.as_of.date()
        bars.append({"subject": name, "day": (end - course.first).days + 1})
        marks += [{"subject": name, "day": day, "what": "dose"} for day in course.doses]
        marks += [
            {"subject": name, "day": one.day, "what": "grade 3 or higher"}
            for one in packet.events
            if one.usubjid == course.usubjid and one.grade >= 3
        ]
        marks += [
            {"subject": name, "day": (one.on - course.first).days + 1, "what": "response assessed"}
            for one in course.responses
        ]
    kinds = ["dose", "grade 3 or higher", "response assessed"]
    legend = {"title": None, "orient": "top"}
    look = {
        "color": {
            "field": "what",
            "scale": {"domain": kinds, "range": ["#4477aa", "#aa3377", "#228833"]},
            "legend": legend,
        },
        "shape": {
            "field": "what",
            "scale": {"domain": kinds, "range": ["stroke", "diamond", "triangle-up"]},
            "legend": legend,
        },
    }
    day = {"field": "day", **_DAYS, "title": "days since the first dose"}
    spec = _chart(
        width=560,
        height={"step": 12},
        encoding={
            "y": {"field": "subject", "type": "nominal", "sort": None, "title": None},
            "x": day,
        },
        layer=[
            {"data": {"values": bars}, "mark": {"type": "bar", "height": 7, "color": "#dddddd"}},
            {
                "data": {"values": marks},
                "mark": {"type": "point", "filled": True, "size": 26},
                "encoding": look,
            },
        ],
    )
    alt = (
        f"{len(bars)} subjects on treatment, the longest for {max(one['day'] for one in bars)} days"
    )
    return Chart("Subjects on treatment", alt, spec)


def lab_trend(packet: Packet, test: str, series: Sequence[LabSeries]) -> Chart:
    """One test over time by dose level, each value with the grade it had; behind it the CTCAE
    bands, where all subjects of the dose level have the same."""
    levels = sorted({one.dose_level or 0 for one in series})
    panels = [
        _panel(packet, test, level, [one for one in series if (one.dose_level or 0) == level])
        for level in levels
    ]
    title = f"{test} ({series[0].unit or 'no unit'}): {series[0].term}"
    return Chart(title, f"{test} of {len(series)} subjects", _chart(hconcat=panels))


def _panel(packet: Packet, test: str, level: int, series: Sequence[LabSeries]) -> Spec:
    points: list[dict[str, Any]] = [
        {
            "subject": one.subject,
            "day": value.day,
            "value": float(value.number),
            "grade": "not gradable" if value.grade_high is None else str(value.grade_high),
        }
        for one in series
        for value in one.values
        if value.number is not None
    ]
    grades = {**_GRADES, "not gradable": "#ffffff"}
    scale = {"domain": list(grades), "range": list(grades.values())}
    shapes = {"domain": list(grades), "range": [*_SHAPES, "circle"]}
    look = {
        "color": {"field": "grade", "scale": scale, "legend": {"title": "grade"}},
        "shape": {"field": "grade", "scale": shapes, "legend": {"title": "grade"}},
    }
    y = {"field": "value", "type": "quantitative", "title": test}
    line = {"type": "line", "color": "#999999", "strokeWidth": 0.8}
    return {
        "title": _dose(packet, level or None),
        "width": 125,
        "height": 150,
        "encoding": {"x": {"field": "day", "type": "quantitative", "title": "day"}, "y": y},
        "layer": [
            *_bands(series, max((row["value"] for row in points), default=1.0)),
            {
                "data": {"values": points},
                "mark": line,
                "encoding": {"detail": {"field": "subject"}},
            },
            {
                "data": {"values": points},
                "mark": {"type": "point", "filled": True, "stroke": "#333333", "strokeWidth": 0.4},
                "encoding": look,
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
                "mark": {"type": "rect", "color": _GRADES[str(band.grade)], "opacity": 0.25},
                "encoding": {
                    "x": {"value": 0},
                    "x2": {"value": "width"},
                    "y": {"field": "low", "type": "quantitative"},
                    "y2": {"field": "high"},
                },
            }


def _dose(packet: Packet, level: int | None) -> str:
    labels = {dose.level: dose.label for dose in packet.assessment.doses}
    return "no dose level" if level is None else labels.get(level, f"dose level {level}")


def _chart(**members: Any) -> Spec:
    config = {"font": "Libertinus Serif", "view": {"stroke": "#cccccc"}}
    return {"$schema": SCHEMA, "background": "white", "config": config, **members}
