"""Who was treated for how long and with how much: the swimmer plot, and the dose intensity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    INK,
    KINDS,
    LINE,
    PALE,
    Rows,
    counted,
    days,
    lane_name,
    lanes,
    looks,
    not_drawn,
    nothing,
    number,
    spec,
)
from shared.contracts.adverse_events import ReportedEvent
from shared.contracts.assessment import Assessment
from shared.contracts.figures import Course, Exposure

SWIMMER = "swimmer", "Subjects on treatment (a tick is a dose)"
INTENSITY = "dose-intensity", "Dose given of the dose planned (%)"
_MARKS = {
    "grade 3 or higher": ("#aa3377", "diamond"),
    "response assessed": ("#228833", "triangle-up"),
    "still on treatment": (INK, "triangle-right"),
}
_FULL = Decimal(100)
_UNKNOWN = "units do not compare, or a record lacks its planned or given dose"


def swimmer(said: Assessment, courses: Sequence[Course], events: Sequence[ReportedEvent]) -> Chart:
    """Each subject on treatment, with doses, events of grade 3 and higher, and responses."""
    table = _course_table(said, courses, events)
    if not courses:
        return nothing(*SWIMMER, "No dose is on record.", table)
    bars: Rows = []
    doses: Rows = []
    marks: Rows = []
    for course in courses:
        name = lane_name(said.doses, course.dose_level, course.subject)
        end = _length(said, course)
        bars.append({"subject": name, "day": end})
        doses += [{"subject": name, "day": day} for day in course.doses]
        marks += [
            {"subject": name, "day": one.day, "what": "grade 3 or higher"}
            for one in _severe(course, events)
        ]
        marks += [
            {
                "subject": name,
                "day": (one.on - course.first).days + 1,
                "what": "response assessed",
                "result": one.result,
            }
            for one in course.responses
        ]
        if course.left is None:
            marks.append({"subject": name, "day": end, "what": "still on treatment"})
    drawn = spec(
        width=450,
        height={"step": 14},
        encoding={"y": lanes(), "x": days("day")},
        layer=[
            {"data": {"values": bars}, "mark": {"type": "bar", "height": 7, "color": PALE}},
            {
                "data": {"values": doses},
                "mark": {"type": "tick", "thickness": 2, "height": 9, "color": "#4477aa"},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "point", "filled": True, "size": 28, "opacity": 1},
                "encoding": looks("what", _MARKS),
            },
            {
                "data": {"values": [mark for mark in marks if "result" in mark]},
                "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 8},
                "encoding": {"text": {"field": "result"}},
            },
        ],
    )
    going = sum(course.left is None for course in courses)
    longest = max(bar["day"] for bar in bars)
    alt = (
        f"{counted(len(bars), 'subject')}, {going} of them still on treatment;"
        f" the longest for {longest} days"
    )
    return Chart(*SWIMMER, alt, drawn, table)


def _length(said: Assessment, course: Course) -> int:
    return ((course.left_on or said.as_of.date()) - course.first).days + 1


def _severe(course: Course, events: Sequence[ReportedEvent]) -> list[ReportedEvent]:
    return [one for one in events if one.usubjid == course.usubjid and one.grade >= 3]


def _course_table(
    said: Assessment, courses: Sequence[Course], events: Sequence[ReportedEvent]
) -> Table:
    rows = tuple(
        (
            lane_name(said.doses, one.dose_level, one.subject),
            str(_length(said, one)),
            f"{one.left}, {one.left_on}" if one.left else "still on treatment",
            ", ".join(map(str, one.doses)),
            ", ".join(f"{event.day} {event.term}" for event in _severe(one, events)) or "–",
            ", ".join(f"{(each.on - one.first).days + 1} {each.result}" for each in one.responses)
            or "–",
        )
        for one in courses
    )
    columns = (
        *("Subject", "Days", "Ended", "Doses (days)"),
        *("Grade 3 or higher (days)", "Responses (days)"),
    )
    subjects = tuple(one.usubjid for one in courses)
    return Table(SWIMMER[1], columns, rows, subjects=subjects)


def dose_intensity(said: Assessment, exposures: Sequence[Exposure]) -> Chart:
    """Per cent of the planned dose given, by subject and treatment, and what was changed."""
    table = _intensity_table(said, exposures)
    rows = [_share(said, one) for one in exposures if one.percent_of_planned is not None]
    if not rows:
        return nothing(*INTENSITY, "No dose record has both its planned and given dose.", table)
    treatments = sorted({row["treatment"] for row in rows})
    kinds = {name: KINDS[at % len(KINDS)] for at, name in enumerate(treatments)}
    apart = {"yOffset": {"field": "treatment"}}
    drawn = spec(
        width=420,
        height={"step": 20, "for": "position"},
        data={"values": rows},
        encoding={"y": lanes()},
        layer=[
            {
                "data": {"values": [{"full": 100}]},
                "mark": {"type": "rule", "color": LINE, "strokeDash": [4, 3]},
                "encoding": {"x": number("full", INTENSITY[1]), "y": None},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
                "encoding": {
                    **apart,
                    "x": number("percent", INTENSITY[1], scale={"zero": True}),
                    **looks("treatment", kinds),
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 9},
                "encoding": {
                    **apart,
                    "x": number("percent", INTENSITY[1]),
                    "text": {"field": "changes"},
                },
            },
        ],
    )
    less = sum(Decimal(one.percent_of_planned or 100) < _FULL for one in exposures)
    alt = f"{counted(len(rows), 'course')} of treatment; {less} with less than planned"
    return Chart(*INTENSITY, alt, drawn, table)


def _share(said: Assessment, one: Exposure) -> dict[str, Any]:
    return {
        "subject": lane_name(said.doses, one.dose_level, one.subject),
        "treatment": one.treatment,
        "percent": float(one.percent_of_planned or 0),
        "changes": ", ".join(_changes(one)),
    }


def _changes(one: Exposure) -> Iterator[str]:
    for how, times in (
        ("not given", one.not_given),
        ("reduced", one.reduced),
        ("delayed", one.delayed),
    ):
        if times:
            yield f"{times} {how}"


def _intensity_table(said: Assessment, exposures: Sequence[Exposure]) -> Table:
    rows = tuple(
        (
            lane_name(said.doses, one.dose_level, one.subject),
            one.treatment,
            "not known" if one.percent_of_planned is None else one.percent_of_planned,
            *map(str, (one.given, one.not_given, one.reduced, one.delayed)),
        )
        for one in exposures
    )
    unknown = [
        (_UNKNOWN, f"{one.subject} {one.treatment}")
        for one in exposures
        if one.percent_of_planned is None
    ]
    columns = ("Subject", "Treatment", "% of planned", "Given", "Not given", "Reduced", "Delayed")
    subjects = tuple(one.usubjid for one in exposures)
    return Table(INTENSITY[1], columns, rows, not_drawn(unknown), subjects=subjects)
