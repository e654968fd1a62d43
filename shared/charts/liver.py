"""eDISH: the highest transaminase against the highest bilirubin, each in multiples of its ULN.

Source of the limits (3 x ULN and 2 x ULN): FDA, Guidance for Industry, Drug-Induced Liver Injury:
Premarketing Clinical Evaluation, July 2009. Of the plot: Watkins et al., Hepatology 2011.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    HOLLOW,
    INK,
    MOST_NAMED,
    Rows,
    counted,
    looks,
    names_of,
    not_drawn,
    nothing,
    number,
    rule,
    spec,
    text_of,
)
from shared.contracts.figures import LiverPeak, LiverPoint, StudyNumbers

NAME, TITLE = "edish", "Liver: highest transaminase and bilirubin (eDISH, Hy’s law)"
_SOURCE = "Limits: FDA, Drug-Induced Liver Injury: Premarketing Clinical Evaluation, July 2009."
_LOOK = (
    "Who is in the Hy’s law range is a case to look at: Hy’s law also takes that there is no"
    " cholestasis (see ALP) and no other cause."
)
_BOTH, _TRANSAMINASE, _BILIRUBIN, _NEITHER, _UNKNOWN = (
    "both limits reached",
    "transaminase only",
    "bilirubin only",
    "neither",
    "not known",
)
_KINDS = {
    _BOTH: ("#8c0f26", "diamond"),
    _TRANSAMINASE: ("#ee8866", "triangle-up"),
    _BILIRUBIN: ("#ccbb44", "square"),
    _NEITHER: ("#4477aa", "circle"),
    _UNKNOWN: ("#ffffff", "cross"),
}
_FAR, _LOW = {"expr": "width"}, {"expr": "height"}
_QUADRANTS: Mapping[tuple[bool | None, bool | None], str] = {
    (True, True): _BOTH,
    (True, False): _TRANSAMINASE,
    (False, True): _BILIRUBIN,
    (False, False): _NEITHER,
}
# After Watkins et al. On the left a line nearer to the middle: a narrow chart has no room beside.
_QUARTERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    _BOTH: ("Hy’s law range", {"x": _FAR, "y": 0, "dx": -5, "dy": 11, "align": "right"}),
    _TRANSAMINASE: (
        "Temple’s corollary",
        {"x": _FAR, "y": _LOW, "dx": -5, "dy": -7, "align": "right"},
    ),
    _BILIRUBIN: ("hyperbilirubinemia range", {"x": 0, "y": 0, "dx": 5, "dy": 25, "align": "left"}),
    _NEITHER: ("normal or near it", {"x": 0, "y": _LOW, "dx": 5, "dy": -21, "align": "left"}),
}


def edish(figures: StudyNumbers) -> Chart:
    """Log axes with both limits; hollow where a peak may have been higher."""
    names = names_of(figures.subjects)
    rows: Rows = []
    missing: list[tuple[str, str]] = []
    for one in figures.liver:
        first, second = _peak(one, one.transaminase or "ALT"), _peak(one, "BILI")
        if first is None or second is None or not first.peak or not second.peak:
            missing.append((" and ".join(_why(first, second)), names[one.usubjid]))
        else:
            rows.append(_row(names[one.usubjid], one, first, second))
    table = _table(figures, names, missing)
    if not rows:
        why = "No subject has both a transaminase and a bilirubin in multiples of ULN."
        return nothing(NAME, TITLE, why, table)
    both = [row["subject"] for row in rows if row["quadrant"] == _BOTH]
    alt = f"{counted(len(rows), 'subject')}; both limits reached: {', '.join(both) or 'nobody'}"
    drawn = spec(width=460, height=300, layer=_layers(rows))
    return Chart(NAME, TITLE, alt, drawn, table)


def _layers(rows: Rows) -> list[dict[str, Any]]:
    mark = {"type": "point", "filled": True, "size": 60, "stroke": INK, "strokeWidth": 0.8}
    across, upwards = "highest ALT or AST (x ULN, log)", "highest bilirubin (x ULN, log)"
    encoding = {
        "x": number("transaminase", across, scale=_scale(rows, 0)),
        "y": number("bilirubin", upwards, scale=_scale(rows, 1)),
    }
    raised = [row for row in rows if row["quadrant"] not in (_NEITHER, _UNKNOWN)]
    if len(raised) > MOST_NAMED:
        raised = [row for row in raised if row["quadrant"] == _BOTH]
    return [
        *_quarters(rows),
        *rule("x", 3, "3 x ULN", across),
        *rule("y", 2, "2 x ULN", upwards),
        {
            "data": {"values": rows},
            "mark": {**mark, "opacity": 1},
            "encoding": {**encoding, **looks("quadrant", _KINDS), "fillOpacity": HOLLOW},
        },
        {
            "data": {"values": raised},
            "mark": {"type": "text", "align": "left", "dx": 7, "fontSize": 9},
            "encoding": {**encoding, "text": {"field": "subject"}},
        },
    ]


def _quarters(rows: Rows) -> Iterator[dict[str, Any]]:
    """What each quarter of the plot is called, and how many are known to be in it."""
    for quadrant, (name, corner) in _QUARTERS.items():
        count = sum(row["quadrant"] == quadrant for row in rows)
        yield {
            "data": {"values": [{"words": f"{name}: {count}"}]},
            "mark": {"type": "text", "fontSize": 10, "color": INK, **corner},
            "encoding": {"text": {"field": "words"}},
        }


def _scale(rows: Rows, axis: int) -> dict[str, Any]:
    """Both limits in sight, whatever the values."""
    values = [row[("transaminase", "bilirubin")[axis]] for row in rows]
    return {"type": "log", "domain": [min(0.1, *values), max(10, *values)]}


def _row(name: str, one: LiverPoint, first: LiverPeak, second: LiverPeak) -> dict[str, Any]:
    assert first.peak is not None
    assert second.peak is not None
    return {
        "subject": name,
        "transaminase": float(first.peak),
        "bilirubin": float(second.peak),
        "quadrant": _quadrant(one),
        "certain": not (first.open_above or second.open_above),
    }


def _quadrant(one: LiverPoint) -> str:
    return _QUADRANTS.get((one.transaminase_raised, one.bilirubin_raised), _UNKNOWN)


def _peak(one: LiverPoint, test: str | None) -> LiverPeak | None:
    return next((peak for peak in one.peaks if peak.test == test), None)


def _why(first: LiverPeak | None, second: LiverPeak | None) -> Iterator[str]:
    for peak, what in ((first, "transaminase"), (second, "bilirubin")):
        if peak is None or peak.peak is None:
            why = peak.why_none if peak else None
            yield f"no {what}{f': {why}' if why else ''}"
        elif not peak.peak:
            yield f"{what} 0, which a log axis does not have"


def _table(
    figures: StudyNumbers, names: Mapping[str, str], missing: list[tuple[str, str]]
) -> Table:
    tests = ("ALT", "AST", "BILI", "ALP")
    rows = tuple(
        (
            names[one.usubjid],
            *(_cell(_peak(one, test)) for test in tests),
            _quadrant(one),
            text_of(one.days_apart, "–"),
            ", ".join(one.rules) or "–",
        )
        for one in figures.liver
    )
    strong = frozenset(at for at, one in enumerate(figures.liver) if _quadrant(one) == _BOTH)
    hollow = "Hollow, or with +: may have been higher (a comparator, or no ULN)."
    notes = (_SOURCE, _LOOK, hollow, *not_drawn(missing))
    columns = (
        *("Subject", *(f"{test} (x ULN)" for test in tests)),
        *("Limits reached", "Days apart", "Rules of the protocol"),
    )
    subjects = tuple(one.usubjid for one in figures.liver)
    return Table(TITLE, columns, rows, notes, strong, subjects=subjects)


def _cell(peak: LiverPeak | None) -> str:
    """The peak with its day, and the baseline where it was raised."""
    if peak is None or peak.peak is None:
        return (peak and peak.why_none) or "not known"
    more = "+" if peak.open_above else ""
    day = "" if peak.day is None else f" (day {peak.day})"
    before = f", baseline raised: {peak.baseline}" if peak.baseline_raised else ""
    return f"{peak.peak}{more}{day}{before}"
