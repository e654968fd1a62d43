"""What all charts share: their colours with the shape or word beside each, and how a Vega-Lite
specification is put together.

Grades go from light to dark and never by hue alone, so that they are told apart in black and white
too. A mark that is hollow is not certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from shared.charts.blocks import Chart, Spec, Table
from shared.contracts.assessment import DoseAssessment
from shared.contracts.envelope import sha256
from shared.contracts.figures import Treated

PAPER = "Libertinus Serif"
SCREEN = "Arial, Liberation Sans, Helvetica, sans-serif"
"""Fonts: the PDF's own, and those of a reader's screen."""
VEGA_LITE = "6.1"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
NOT_GRADABLE = "not gradable"
LONGEST_TEXT = 120
_DIGITS = re.compile("([0-9]+)")
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
"""What the engine takes for the end of a text, or cannot draw: it describes each mark by an
expression, puts titles into it, and escapes nothing there but quotation marks."""
MOST_NAMED = 12
"""Marks with their subject beside them: the names of more would cover each other."""
INK, LINE, PALE = "#333333", "#999999", "#dddddd"

# Colour and shape; the colours of grades after ColorBrewer's YlOrRd.
GRADES: Mapping[str, tuple[str, str]] = {
    "0": ("#f0f0f0", "circle"),
    "1": ("#fee391", "square"),
    "2": ("#fdae61", "triangle-up"),
    "3": ("#c2410c", "diamond"),
    "4": ("#8c0f26", "cross"),
    "5": ("#1a1a1a", "triangle-down"),
    NOT_GRADABLE: ("#ffffff", "triangle-right"),
}
# Paul Tol's bright scheme.
KINDS: Sequence[tuple[str, str]] = (
    ("#4477aa", "circle"),
    ("#ee6677", "diamond"),
    ("#228833", "triangle-up"),
    ("#ccbb44", "square"),
    ("#aa3377", "cross"),
    ("#66ccee", "triangle-down"),
)
HOLLOW = {"condition": {"test": "datum.certain", "value": 1}, "value": 0}
"""How far a mark is filled: not where its row is not ``certain``."""
TOP = {"title": None, "orient": "top", "labelLimit": 320}

_CONFIG = {
    "view": {"stroke": "#cccccc"},
    "legend": {"columnPadding": 18},
    # A reader's font may be wider than the one that was measured.
    "axis": {"titleFontWeight": "normal", "titlePadding": 10},
    "padding": {"left": 24, "right": 24, "top": 10, "bottom": 14},
}

Rows = list[dict[str, Any]]


def spec(**members: Any) -> Spec:
    """A whole specification; its data is in it, nothing is fetched."""
    return {"$schema": SCHEMA, "background": "white", "config": _CONFIG, **short(members)}


def short(value: Any) -> Any:
    """All text within, cut where no picture could show it and its width takes long to measure, and
    without what is unsafe: the tables have it whole. What differs still differs."""
    match value:
        case int() | float() | None:  # first, for data holds mostly numbers
            return value
        case str() if len(value) > LONGEST_TEXT or _UNSAFE.search(value):
            return f"{_UNSAFE.sub(' ', value[:LONGEST_TEXT])}… ({sha256(value)[:6]})"
        case Mapping():
            return {name: short(one) for name, one in value.items()}
        case list() | tuple():
            return [short(one) for one in value]
    return value


def nothing(name: str, title: str, why: str, table: Table | None = None) -> Chart:
    """Where there is nothing to draw: in words why."""
    return Chart(name, title, why, None, table or Table(title, (), ()))


def number(field: str, title: str | None, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, **more}


def days(field: str, title: str = "day (the first dose is day 1)") -> dict[str, Any]:
    return number(field, title, axis={"tickMinStep": 1})


def lanes(field: str = "subject") -> dict[str, Any]:
    """One lane each, in the order of the data."""
    axis = {"labelLimit": 220}
    return {"field": field, "type": "nominal", "sort": None, "title": None, "axis": axis}


def looks(field: str, kinds: Mapping[str, tuple[str, str]], title: str | None = None) -> Spec:
    """Colour and shape of a category, and one legend for both."""
    legend = {**TOP, "title": title, "symbolStrokeColor": INK}
    colours, shapes = zip(*kinds.values(), strict=True)
    return {
        "color": {
            "field": field,
            "type": "nominal",
            "scale": {"domain": list(kinds), "range": list(colours)},
            "legend": legend,
        },
        "shape": {
            "field": field,
            "type": "nominal",
            "scale": {"domain": list(kinds), "range": list(shapes)},
            "legend": legend,
        },
    }


def grade_name(low: int | None, high: int | None) -> str:
    """A grade, the range it lies in, or that there is none.

    >>> grade_name(2, 2), grade_name(0, 3), grade_name(None, None)
    ('2', '0 to 3', 'not gradable')
    """
    if high is None:
        return NOT_GRADABLE if low is None else f"{low} or more"
    return str(high) if low in (high, None) else f"{low} to {high}"


def dose_name(doses: Sequence[DoseAssessment], level: int | None) -> str:
    """A dose level in the protocol's words."""
    labels = {dose.level: dose.label for dose in doses}
    return "no dose level" if level is None else labels.get(level, f"dose level {level}")


def lane_name(doses: Sequence[DoseAssessment], level: int | None, subject: str) -> str:
    return f"{dose_name(doses, level)} · {subject}"


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "subject"), counted(0, "subject")
    ('1 subject', '0 subjects')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def names_of(subjects: Sequence[Treated]) -> dict[str, str]:
    """The lane of each subject by USUBJID, in the order of dose and subject."""
    ordered = sorted(subjects, key=_by_dose)
    return {one.usubjid: f"{one.dose} · {one.subject}" for one in ordered}


def _by_dose(one: Treated) -> tuple[bool, int, list[tuple[int, str]]]:
    """Lowest first, and subject 2-01 before 10-01."""
    words = [
        (int(word), "") if word.isdecimal() else (-1, word) for word in _DIGITS.split(one.subject)
    ]
    return one.dose_level is None, one.dose_level or 0, words


def text_of(value: Decimal | date | int | str | None, unknown: str = "not known") -> str:
    return unknown if value is None else str(value)


def rule(
    axis: Literal["x", "y"], at: float, words: str, title: str, *, right: bool = False
) -> list[dict[str, Any]]:
    """A dashed line at a limit, named above it or at an end; ``title`` is that of the axis."""
    data = {"values": [{"limit": at, "words": words}]}
    place = {axis: number("limit", title)}
    text: dict[str, Any] = {"type": "text", "fontSize": 9, "color": INK, "align": "left"}
    if axis == "x":
        text |= {"y": -5, "align": "center"}
    elif right:
        text |= {"x": {"expr": "width"}, "dx": -3, "dy": -6, "align": "right"}
    else:
        text |= {"x": 3, "dy": -6}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]},
            "encoding": place,
        },
        {"data": data, "mark": text, "encoding": {**place, "text": {"field": "words"}}},
    ]


def not_drawn(lacking: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The note that lists what a chart lacks, each with its reason; none where it lacks nothing.

    >>> not_drawn([("no ULN was sent", "1-01"), ("not done", "1-02"), ("no ULN was sent", "1-03")])
    ('Not drawn: no ULN was sent (1-01, 1-03); not done (1-02).',)
    """
    found: dict[str, list[str]] = {}
    for why, what in lacking:
        found.setdefault(why, []).append(what)
    reasons = "; ".join(f"{why} ({', '.join(what)})" for why, what in found.items())
    return (f"Not drawn: {reasons}.",) if found else ()
