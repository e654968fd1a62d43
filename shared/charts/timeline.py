"""One subject's treatment and adverse events over the days, the grade changing along a bar."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    GRADES,
    INK,
    LINE,
    Rows,
    counted,
    days,
    grade_name,
    lanes,
    not_drawn,
    nothing,
    spec,
)
from shared.contracts.profile import On, Profile, ReportedCourse

NAME, TITLE = "timeline", "Doses, adverse events with their grades, and other treatments"


def timeline(profile: Profile) -> Chart:
    """A thin line is the time in which an uncertain onset may lie; an arrow: not over."""
    table = _table(profile)
    today = _today(profile)
    if today is None:
        return nothing(NAME, TITLE, "No dose is on record, so there are no days to draw.", table)
    doses = [{"lane": f"{one.treatment} (dose)", "day": one.on.day} for one in _given(profile)]
    bars = [row for one in _standing(profile) for row in _bars(one, today)]
    others: Rows = [
        {"lane": one.name, "from": one.on.day, "to": _end(one.end, today)}
        for one in profile.treatments
        if one.state != "withdrawn" and one.on.day is not None
    ]
    drawn = spec(
        width=560,
        height={"step": 17},
        encoding={"y": lanes("lane")},
        layer=list(_layers(doses, bars, others)),
    )
    severe = sum(one.low >= 3 for one in _standing(profile))
    alt = (
        f"{counted(len(doses), 'dose')}, {counted(len(_standing(profile)), 'adverse event')},"
        f" {severe} of grade 3 or higher, {counted(len(others), 'other treatment')};"
        f" up to day {today}"
    )
    return Chart(NAME, TITLE, alt, drawn, table)


def _layers(doses: Rows, bars: Rows, others: Rows) -> Iterator[dict[str, Any]]:
    grades = {grade: GRADES[grade][0] for grade in ("1", "2", "3", "4", "5")}
    color = {
        "field": "grade",
        "type": "nominal",
        "scale": {"domain": list(grades), "range": list(grades.values())},
        "legend": {"title": "grade", "orient": "top"},
    }
    span = {"x": days("from"), "x2": {"field": "to"}}
    white = {"condition": {"test": "datum.grade >= 3", "value": "white"}, "value": "black"}
    text = {"type": "text", "align": "left", "fontSize": 9}
    yield {
        "data": {"values": doses},
        "mark": {"type": "tick", "thickness": 3, "color": INK, "orient": "vertical"},
        "encoding": {"x": days("day")},
    }
    yield {
        "data": {"values": bars},
        "mark": {"type": "bar", "height": 12, "stroke": INK, "strokeWidth": 0.4},
        "encoding": {**span, "color": color},
    }
    yield {
        "data": {"values": [row for row in bars if row["sure_from"] is not None]},
        "mark": {"type": "rule", "strokeWidth": 3, "color": INK, "strokeDash": [2, 2]},
        "encoding": {"x": days("from"), "x2": {"field": "sure_from"}},
    }
    yield {
        "data": {"values": bars},
        "mark": {**text, "dx": 3},
        "encoding": {"x": days("from"), "text": {"field": "words"}, "color": white},
    }
    yield {
        "data": {"values": [row for row in bars if row["going"]]},
        "mark": {**text, "text": "→", "dx": 2},
        "encoding": {"x": days("to")},
    }
    yield {
        "data": {"values": others},
        "mark": {"type": "bar", "height": 5, "color": LINE},
        "encoding": span,
    }


def _today(profile: Profile) -> int | None:
    if profile.first_dose is None:
        return None
    return (profile.as_of.date() - profile.first_dose.first).days + 1


def _given(profile: Profile) -> list[Any]:
    return [one for one in profile.doses if one.given and one.state != "withdrawn"]


def _standing(profile: Profile) -> list[ReportedCourse]:
    return [one for one in profile.events if one.state != "withdrawn" and one.on.day is not None]


def _end(end: On | None, today: int) -> int:
    """The day after the last, so that a day has a width."""
    return today + 1 if end is None or end.day is None else end.day + 1


def _bars(event: ReportedCourse, today: int) -> Iterator[dict[str, Any]]:
    """A bar for each grade the event had."""
    steps = [step for step in event.steps if step.on.day is not None]
    ends = [after.on.day for _, after in pairwise(steps)]
    for step, end in zip(steps, [*ends, _end(event.end, today)], strict=True):
        span = (step.on.last - step.on.first).days
        assert step.on.day is not None
        yield {
            "lane": event.term,
            "from": step.on.day,
            "to": max(end or 0, step.on.day),
            "grade": str(step.high),
            "words": grade_name(step.low, step.high).replace(" to ", "–"),
            "sure_from": step.on.day + span if span else None,
            "going": event.end is None and step is steps[-1],
        }


def _table(profile: Profile) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            one.term if one.term == one.reported else f"{one.term} (reported: {one.reported})",
            one.on.stated,
            one.end.stated if one.end else "not over",
            ", ".join(f"{step.on.stated}: {grade_name(step.low, step.high)}" for step in one.steps),
            one.related,
            "yes" if one.serious else "no",
            one.state.replace("_", " "),
        )
        for one in profile.events
    ]
    rows += [
        (
            f"{one.treatment} {one.dose if one.dose is not None else '–'} {one.unit or ''}".strip(),
            one.on.stated,
            "–",
            "given" if one.given else f"not given{f': {one.why_not}' if one.why_not else ''}",
            *("–", "–", one.state.replace("_", " ")),
        )
        for one in profile.doses
    ]
    rows += [
        (
            one.name,
            one.on.stated,
            one.end.stated if one.end else "not stated",
            one.reason or "–",
            *("–", "–", one.state.replace("_", " ")),
        )
        for one in profile.treatments
    ]
    drawn = _standing(profile)
    lacking = [
        ("withdrawn" if one.state == "withdrawn" else "without a day", one.term)
        for one in profile.events
        if one not in drawn
    ]
    columns = ("What", "From", "To", "Grade by date", "Related", "Serious", "Record")
    return Table(TITLE, columns, tuple(rows), not_drawn(lacking))
