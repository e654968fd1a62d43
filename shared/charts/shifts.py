"""Shift tables: how many subjects went from which baseline grade to which worst grade."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from shared.charts.blocks import Chart, Spec, Table
from shared.charts.parts import GRADES, INK, Rows, not_drawn, nothing, short, spec
from shared.contracts.figures import Shift, ShiftGrade, StudyNumbers

NAME, TITLE = "shifts", "Laboratory shifts: grade before treatment to worst grade on treatment"
MOST_PANELS = 12
_ABREAST = 3
_TERM = 24
"""Characters a line of a term above its square."""
_WORDS: dict[ShiftGrade, str] = {
    "uncertain": "uncertain",
    "not_gradable": "not gradable",
    "none": "no value",
}
_ORDER: Sequence[ShiftGrade] = (
    *("0", "1", "2", "3", "4", "5"),
    *("uncertain", "not_gradable", "none"),
)


def shifts(figures: StudyNumbers) -> Chart:
    """A square each, baseline across and worst upwards; above the diagonal somebody got worse, and
    where it is dark, to grade 3 or higher."""
    drawn = sorted(
        (one for one in figures.shifts if _worse(one)),
        key=lambda one: (-_worst(one), -_worse(one), one.test, one.term),
    )
    table = _table(figures, len(drawn))
    if not drawn:
        return nothing(NAME, TITLE, "Nobody’s grade is known to have become worse.", table)
    worst = drawn[0]
    severe = sum(_worst(one) >= 3 for one in drawn)
    alt = (
        f"In {len(drawn)} of {len(figures.shifts)} tests and terms somebody became worse,"
        f" in {severe} to grade 3 or higher; most severe: {worst.test} ({worst.term})"
    )
    shown = _shown(drawn[:MOST_PANELS])
    panels = [_panel(one, shown) for one in drawn[:MOST_PANELS]]
    return Chart(NAME, TITLE, alt, spec(concat=panels, columns=_ABREAST, spacing=32), table)


def _worse(shift: Shift) -> int:
    """Subjects whose worst grade is certainly above that before treatment."""
    return sum(
        cell.subjects
        for cell in shift.cells
        if cell.worst.isdigit() and cell.baseline.isdigit() and cell.worst > cell.baseline
    )


def _worst(shift: Shift) -> int:
    return max((int(cell.worst) for cell in shift.cells if cell.worst.isdigit()), default=0)


def _word(grade: ShiftGrade) -> str:
    return _WORDS.get(grade, grade)


def _shown(drawn: Sequence[Shift]) -> list[str]:
    """The grades up to the worst of all, and of the unknown those that occur."""
    worst = max(map(_worst, drawn))
    met = {grade for one in drawn for cell in one.cells for grade in (cell.baseline, cell.worst)}
    return [
        _word(grade)
        for grade in _ORDER
        if grade in met or (grade.isdigit() and int(grade) <= worst)
    ]


def _panel(shift: Shift, shown: list[str]) -> Spec:
    rows: Rows = [
        {
            "baseline": _word(cell.baseline),
            "worst": _word(cell.worst),
            "subjects": cell.subjects,
            "worse": worse,
            "severe": worse and cell.worst >= "3",
        }
        for cell in shift.cells
        for worse in (cell.worst.isdigit() and cell.worst > cell.baseline,)
    ]
    place = {"type": "nominal", "scale": {"domain": shown}}
    fill = {"condition": [_when("severe", GRADES["3"][0]), _when("worse", GRADES["2"][0])]}
    ink = {"condition": _when("severe", "white"), "value": INK}
    slant = 0 if all(grade.isdigit() for grade in shown) else -60
    return {
        "title": {
            "text": [shift.test, *textwrap.wrap(short(shift.term), _TERM)],
            "fontSize": 10,
            "anchor": "start",
            "limit": 260,
        },
        "width": {"step": 22},
        "height": {"step": 17},
        "data": {"values": rows},
        "encoding": {
            "x": {**place, "field": "baseline", "title": "before", "axis": {"labelAngle": slant}},
            "y": {
                **place,
                "field": "worst",
                "title": "worst",
                "scale": {"domain": shown[::-1]},
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "stroke": "white"},
                "encoding": {"color": {**fill, "value": "#e6e6e6"}},
            },
            {"mark": "text", "encoding": {"text": {"field": "subjects"}, "color": ink}},
        ],
    }


def _when(field: str, colour: str) -> Spec:
    return {"test": f"datum.{field}", "value": colour}


def _table(figures: StudyNumbers, worse: int) -> Table:
    rows = tuple(
        (one.test, one.term, _word(cell.baseline), _word(cell.worst), str(cell.subjects))
        for one in figures.shifts
        for cell in sorted(one.cells, key=lambda cell: (cell.baseline, cell.worst))
    )
    better = len(figures.shifts) - worse
    lacking = (
        [("nobody is known to have become worse", f"{better} of the tests and terms")]
        if better
        else []
    )
    if worse > MOST_PANELS:
        lacking.append(("of lower grades", f"{worse - MOST_PANELS} of the tests and terms"))
    columns = ("Test", "Term", "Grade before", "Worst grade on treatment", "Subjects")
    return Table(TITLE, columns, rows, not_drawn(lacking))
