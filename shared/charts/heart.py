"""QTcF outliers: the longest of each subject, its rise, and the categories of ICH E14 (2005),
section 3.2.2: above 450, 480 and 500 ms, and a rise above 30 and 60 ms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    HOLLOW,
    INK,
    counted,
    lanes,
    looks,
    names_of,
    not_drawn,
    nothing,
    number,
    rule,
    spec,
    text_of,
)
from shared.contracts.figures import QtPoint, StudyNumbers

_AXIS = "QTcF (ms)"
NAME, TITLE = "qtcf", "Longest QTcF on treatment"
_SOURCE = "Categories: ICH E14, section 3.2.2 (absolute and change from baseline)."
_KINDS = {
    "450 ms or less": ("#d9d9d9", "circle"),
    "above 450 ms": ("#fdae61", "square"),
    "above 480 ms": ("#c2410c", "triangle-up"),
    "above 500 ms": ("#8c0f26", "diamond"),
    "not known": ("#ffffff", "cross"),
}


def qtcf(figures: StudyNumbers) -> Chart:
    """A lane each: the longest value, a tick at the baseline, and the rise in words."""
    names = names_of(figures.subjects)
    place = {name: at for at, name in enumerate(names.values())}
    rows = [_row(names[one.usubjid], one) for one in figures.qt if one.longest is not None]
    rows.sort(key=lambda row: place[row["subject"]])
    table = _table(figures, names)
    if not rows:
        return nothing(NAME, TITLE, "No QTcF on treatment is on record.", table)
    most = max(row["longest"] for row in rows)
    alt = (
        f"{counted(len(rows), 'subject')}, the longest {most:g} ms;"
        f" above 500 ms: {sum(row['category'] == 'above 500 ms' for row in rows)},"
        f" a rise above 60 ms: {sum(one.rise_above == 60 for one in figures.qt)}"
    )
    drawn = spec(width=460, height={"step": 16}, encoding={"y": lanes()}, layer=_layers(rows))
    return Chart(NAME, TITLE, alt, drawn, table)


def _layers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    scale = {"zero": False, "nice": True}
    longest = {"x": number("longest", _AXIS, scale=scale)}
    mark = {"type": "point", "filled": True, "size": 55, "stroke": INK, "strokeWidth": 0.8}
    limits = [part for at in (450, 480, 500) for part in rule("x", at, str(at), _AXIS)]
    for part in limits:
        part["encoding"]["y"] = None
    return [
        *limits,
        {
            "data": {"values": [row for row in rows if row["baseline"] is not None]},
            "mark": {"type": "tick", "color": INK, "thickness": 2, "height": 10},
            "encoding": {"x": number("baseline", _AXIS, scale=scale)},
        },
        {
            "data": {"values": rows},
            "mark": {**mark, "opacity": 1},
            "encoding": {**longest, **looks("category", _KINDS), "fillOpacity": HOLLOW},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 9},
            "encoding": {**longest, "text": {"field": "change"}},
        },
    ]


def _row(name: str, one: QtPoint) -> dict[str, Any]:
    assert one.longest is not None
    return {
        "subject": name,
        "longest": float(one.longest),
        "baseline": None if one.baseline is None else float(one.baseline),
        "category": _category(one),
        "certain": not one.open_above,
        "change": _rise(one),
    }


def _category(one: QtPoint) -> str:
    if one.above is None:
        return "not known"
    return f"above {one.above} ms" if one.above else "450 ms or less"


def _rise(one: QtPoint) -> str:
    if one.rise is None:
        return "rise not known"
    over = f", above {one.rise_above}" if one.rise_above else ""
    return f"{one.rise:+} ms{over}"


def _table(figures: StudyNumbers, names: Mapping[str, str]) -> Table:
    rows = tuple(
        (
            names[one.usubjid],
            text_of(one.longest) + ("+" if one.open_above else ""),
            text_of(one.day, "–"),
            text_of(one.baseline),
            text_of(one.rise),
            _category(one),
            "not known" if one.rise_above is None else str(one.rise_above),
            "Fridericia, from QT and heart rate" if one.derived else "as reported",
        )
        for one in figures.qt
    )
    missing = [
        (one.why_none or "not known", names[one.usubjid])
        for one in figures.qt
        if one.longest is None
    ]
    hollow = "Hollow, or with +: may have been longer. A tick is the baseline."
    notes = (_SOURCE, hollow, *not_drawn(missing))
    columns = (
        *("Subject", "Longest (ms)", "Day", "Baseline (ms)", "Rise (ms)"),
        *("Category", "Rise above (ms)", "QTcF"),
    )
    subjects = tuple(one.usubjid for one in figures.qt)
    return Table(TITLE, columns, rows, notes, subjects=subjects)
