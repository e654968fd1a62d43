"""Tumour size: the best change of each subject (waterfall) and its course (spider).

The lines are those of RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009;45:228): a response from
-30 % of the baseline, a progression from +20 %, there counted from the smallest sum, not from the
baseline drawn here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    INK,
    LINE,
    MOST_NAMED,
    Rows,
    counted,
    days,
    names_of,
    not_drawn,
    nothing,
    number,
    rule,
    spec,
    text_of,
)
from shared.contracts.figures import StudyNumbers

WATERFALL = "waterfall", "Best change of tumour size from baseline (%)"
SPIDER = "spider", "Tumour size over time, change from baseline (%)"
_RECIST = (
    "Lines at -30 % and +20 %: RECIST 1.1. There a progression counts from the smallest sum; here"
    " all is from baseline."
)
_START = "Each line begins with the last size before treatment, drawn at day 1."
_BASIS = {"measured": "#4477aa", "stated": "#dddddd"}
_LIMITS = ((-30, "-30 %"), (20, "+20 %"))
_ROOM = {"padding": 14}
"""Pixels beyond the outermost number, for the words beside it."""


def waterfall(figures: StudyNumbers) -> Chart:
    """Bars from the largest growth to the largest reduction; pale where only stated."""
    names = names_of(figures.subjects)
    rows: Rows = [
        {
            "subject": names[one.usubjid],
            "change": float(one.best_change),
            "basis": one.basis or "stated",
            "response": one.best_response or "",
        }
        for one in figures.tumour
        if one.best_change is not None
    ]
    rows.sort(key=lambda row: (-row["change"], row["subject"]))
    table = _best_table(figures, names)
    if not rows:
        return nothing(*WATERFALL, "No record has a measured or stated change of size.", table)
    place = {"field": "subject", "type": "nominal", "sort": None, "title": None}
    change = number("change", WATERFALL[1], scale=_ROOM)
    color = {
        "field": "basis",
        "scale": {"domain": list(_BASIS), "range": list(_BASIS.values())},
        "legend": {"title": None, "orient": "top"},
    }
    limits = [
        part for at, words in _LIMITS for part in rule("y", at, words, WATERFALL[1], right=at > 0)
    ]
    for part in limits:
        part["encoding"]["x"] = None
    bar = {"type": "bar", "stroke": INK, "strokeWidth": 0.5}
    drawn = spec(
        width={"step": 24},
        height=240,
        data={"values": rows},
        encoding={"x": place},
        layer=[
            {"mark": bar, "encoding": {"y": change, "color": color}},
            *(
                {
                    "data": {"values": [row for row in rows if (row["change"] < 0) is down]},
                    "mark": {"type": "text", "fontSize": 9, "dy": 8 if down else -7},
                    "encoding": {"y": change, "text": {"field": "response"}},
                }
                for down in (True, False)
            ),
            *limits,
        ],
    )
    best = rows[-1]
    alt = (
        f"{counted(len(rows), 'subject')}; at -30 % or less:"
        f" {sum(row['change'] <= -30 for row in rows)}; the best {best['change']:g} %"
        f" ({best['subject']})"
    )
    return Chart(*WATERFALL, alt, drawn, table)


def _best_table(figures: StudyNumbers, names: Mapping[str, str]) -> Table:
    rows = tuple(
        (
            names[one.usubjid],
            text_of(one.best_change),
            one.basis or "–",
            one.best_response or "not stated",
            one.why_none or "–",
        )
        for one in figures.tumour
    )
    missing = [
        (one.why_none or "not known", names[one.usubjid])
        for one in figures.tumour
        if one.best_change is None
    ]
    notes = (_RECIST, *not_drawn(missing))
    columns = ("Subject", "Best change (%)", "Basis", "Best response", "Lacking")
    subjects = tuple(one.usubjid for one in figures.tumour)
    return Table(WATERFALL[1], columns, rows, notes, subjects=subjects)


def spider(figures: StudyNumbers) -> Chart:
    """A line each from the size before treatment through the measured sums, named at its end; of
    many the extremes."""
    names = names_of(figures.subjects)
    rows: Rows = [
        {"subject": names[one.usubjid], "day": point.day, "change": float(point.change)}
        for one in figures.tumour
        for point in one.points
        if point.change is not None
    ]
    table = _course_table(figures, names)
    if not rows:
        return nothing(*SPIDER, "No record has measured sums of diameters after baseline.", table)
    ends: dict[str, dict[str, Any]] = {row["subject"]: row for row in rows}
    starts = [{"subject": subject, "day": 1, "change": 0.0} for subject in ends]
    named = sorted(ends.values(), key=lambda row: (row["change"], row["subject"]))
    if len(named) > MOST_NAMED:
        named = [*named[: MOST_NAMED // 2], *named[-MOST_NAMED // 2 :]]
    place = {
        "x": days("day") | {"scale": {"zero": True}},
        "y": number("change", SPIDER[1], scale=_ROOM),
    }
    limits = [part for at, words in _LIMITS for part in rule("y", at, words, SPIDER[1])]
    line = {"type": "line", "color": LINE, "point": {"color": INK, "size": 18}}
    drawn = spec(
        width=440,
        height=260,
        layer=[
            *limits,
            {
                "data": {"values": [*starts, *rows]},
                "mark": line,
                "encoding": {**place, "detail": {"field": "subject"}},
            },
            {
                "data": {"values": named},
                "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 9},
                "encoding": {**place, "text": {"field": "subject"}},
            },
        ],
    )
    alt = f"{counted(len(rows), 'measurement')} of {counted(len(ends), 'subject')} after baseline"
    return Chart(*SPIDER, alt, drawn, table)


def _course_table(figures: StudyNumbers, names: Mapping[str, str]) -> Table:
    rows = tuple(
        (
            names[one.usubjid],
            str(point.day),
            point.on.isoformat(),
            str(point.sum_of_diameters),
            text_of(point.change),
        )
        for one in figures.tumour
        for point in one.points
    )
    columns = ("Subject", "Day", "Date", "Sum of diameters (mm)", "Change (%)")
    subjects = tuple(one.usubjid for one in figures.tumour for _ in one.points)
    return Table(SPIDER[1], columns, rows, (_RECIST, _START), subjects=subjects)
