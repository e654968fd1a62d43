"""Adverse events of all subjects: the worst grade of each term in each subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    GRADES,
    NOT_GRADABLE,
    Rows,
    counted,
    grade_name,
    names_of,
    not_drawn,
    nothing,
    spec,
)
from shared.contracts.figures import HeatCell, StudyNumbers

NAME, TITLE = "ae-heat", "Adverse events: worst grade on treatment by term and subject"
MOST_TERMS = 40
_DARK = "datum.high >= 3"


def ae_heat(figures: StudyNumbers) -> Chart:
    """Terms by subjects, the worst term first; the grade is written in each cell."""
    names = names_of(figures.subjects)
    order = _terms(figures.heat)
    table = _table(figures, names, order)
    if not order:
        return nothing(NAME, TITLE, "No adverse event on treatment is reported.", table)
    shown = order[:MOST_TERMS]
    rows: Rows = [
        {
            "subject": names[one.usubjid],
            "term": one.term,
            "high": one.high,
            "grade": str(one.high),
            "text": grade_name(one.low, one.high).replace(" to ", "–"),
        }
        for one in figures.heat
        if one.term in shown
    ]
    drawn = spec(
        width={"step": 21},
        height={"step": 15},
        data={"values": rows},
        encoding=_places(list(names.values()), shown),
        layer=_layers(),
    )
    severe = {one.usubjid for one in figures.heat if one.low >= 3}
    alt = (
        f"{counted(len(order), 'term')} in {counted(len(names), 'subject')};"
        f" {len(severe)} with grade 3 or higher"
    )
    return Chart(NAME, TITLE, alt, drawn, table)


def _terms(heat: Sequence[HeatCell]) -> list[str]:
    """By worst grade, then by the number of subjects, then by name."""
    worst: dict[str, int] = {}
    count: dict[str, int] = {}
    for one in heat:
        worst[one.term] = max(worst.get(one.term, 0), one.high)
        count[one.term] = count.get(one.term, 0) + 1
    return sorted(worst, key=lambda term: (-worst[term], -count[term], term))


def _places(subjects: list[str], terms: list[str]) -> dict[str, Any]:
    """All subjects have a column, those without an event too."""
    axis = {"labelLimit": 240}
    return {
        "x": {
            "field": "subject",
            "type": "nominal",
            "title": None,
            "scale": {"domain": subjects},
            "axis": {"orient": "top", "labelAngle": -90, "labelFontSize": 9},
        },
        "y": {
            "field": "term",
            "type": "nominal",
            "title": None,
            "scale": {"domain": terms},
            "axis": axis,
        },
    }


def _layers() -> list[dict[str, Any]]:
    grades = {grade: look[0] for grade, look in GRADES.items() if grade not in ("0", NOT_GRADABLE)}
    color = {
        "field": "grade",
        "type": "nominal",
        "scale": {"domain": list(grades), "range": list(grades.values())},
        "legend": {"title": "worst grade", "orient": "bottom"},
    }
    white = {"condition": {"test": _DARK, "value": "white"}, "value": "black"}
    return [
        {"mark": {"type": "rect", "stroke": "white"}, "encoding": {"color": color}},
        {
            "mark": {"type": "text", "fontSize": 9},
            "encoding": {"text": {"field": "text"}, "color": white},
        },
    ]


def _table(figures: StudyNumbers, names: Mapping[str, str], order: list[str]) -> Table:
    place = {term: at for at, term in enumerate(order)}
    cells = sorted(figures.heat, key=lambda one: (place[one.term], names[one.usubjid]))
    rows = tuple(
        (one.term, one.soc or "not a CTCAE term", names[one.usubjid], grade_name(one.low, one.high))
        for one in cells
    )
    rest = len(order) - MOST_TERMS
    notes = not_drawn([("of the lowest grades", counted(rest, "term"))] if rest > 0 else [])
    columns = ("Term", "Class", "Subject", "Worst grade")
    subjects = tuple(one.usubjid for one in cells)
    return Table(TITLE, columns, rows, notes, subjects=subjects, named=2)
