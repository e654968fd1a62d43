"""The DLT board as a chart: how far each window is, and where a DLT set in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    PALE,
    TOP,
    Rows,
    counted,
    days,
    lane_name,
    lanes,
    not_drawn,
    nothing,
    spec,
)
from shared.charts.words import SUBJECT_STATUS
from shared.contracts.assessment import Assessment, SubjectAssessment

NAME, TITLE = "dlt-board", "DLT board"
_DAYS = "day of the DLT window (diamond: onset of a criterion met; hollow: to be judged)"
STATES = {  # after Paul Tol's bright scheme; the word stands beside each bar
    "DLT": "#aa3377",
    "DLT candidate": "#ee6677",
    "Open: not known": "#ccbb44",
    "In window": "#66ccee",
    "Completed": "#228833",
    "Not evaluable": "#bbbbbb",
    "Not started": "#dddddd",
}


def dlt_board(said: Assessment) -> Chart:
    """Each assessed subject's window: its length, how far it is, the status, and an onset."""
    assessed = [one for one in said.subjects if one.status != "not_assessed"]
    rows = [row for one in assessed for row in _window(said, one)]
    table = _table(said, rows, assessed)
    if not rows:
        return nothing(NAME, TITLE, "No subject has begun a DLT window.", table)
    drawn = spec(
        width=420,
        height={"step": 16},
        data={"values": rows},
        encoding={"y": lanes()},
        layer=_layers(rows),
    )
    return Chart(NAME, TITLE, _finding(rows), drawn, table)


def _finding(rows: Rows) -> str:
    """How many of each status, and whose onset is when."""
    present = [row["status"] for row in rows]
    counts = ", ".join(f"{present.count(state)} {state}" for state in STATES if state in present)
    onsets = ", ".join(
        f"{row['subject']} on day {row['onset']}" for row in rows if row["onset"] is not None
    )
    return f"{counted(len(rows), 'window')}: {counts}; onset of {onsets or 'no criterion'}"


def _layers(rows: Rows) -> list[dict[str, Any]]:
    present = [state for state in STATES if any(row["status"] == state for row in rows)]
    scale = {"domain": present, "range": [STATES[state] for state in present]}
    onset = {"type": "point", "shape": "diamond", "size": 60, "color": "black", "opacity": 1}
    sure = [row for row in rows if row["onset"] is not None and row["status"] == "DLT"]
    judged = [row for row in rows if row["onset"] is not None and row["status"] != "DLT"]
    return [
        {"mark": {"type": "bar", "height": 3, "color": PALE}, "encoding": {"x": _day("length")}},
        {
            "mark": {"type": "bar", "height": 9},
            "encoding": {
                "x": _day("day"),
                "color": {"field": "status", "scale": scale, "legend": TOP},
            },
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 9},
            "encoding": {"x": _day("length"), "text": {"field": "status"}},
        },
        {
            "data": {"values": sure},
            "mark": {**onset, "filled": True},
            "encoding": {"x": _day("onset")},
        },
        {
            "data": {"values": judged},
            "mark": {**onset, "filled": True, "color": "white", "stroke": "black"},
            "encoding": {"x": _day("onset")},
        },
    ]


def _day(field: str) -> dict[str, Any]:
    return days(field, _DAYS)


def _window(said: Assessment, subject: SubjectAssessment) -> Iterator[dict[str, Any]]:
    window = subject.window
    if window is None:
        return
    length = (window.last - window.first).days + 1
    today = (said.as_of.date() - window.first).days + 1
    onsets = [
        (one.onset - window.first).days + 1
        for one in subject.criteria
        if one.onset and one.result in ("met", "needs_review")
    ]
    yield {
        "subject": lane_name(said.doses, subject.dose_level, subject.subject),
        "status": SUBJECT_STATUS[subject.status],
        "day": window.day or max(0, min(length, today)),
        "length": length,
        "onset": min(onsets, default=None),
    }


def _table(said: Assessment, rows: Rows, assessed: list[SubjectAssessment]) -> Table:
    cells = tuple(
        (
            row["subject"],
            row["status"],
            str(row["day"]),
            str(row["length"]),
            "–" if row["onset"] is None else str(row["onset"]),
        )
        for row in rows
    )
    waiting = [
        ("no dose given, so no window", one.subject) for one in assessed if one.window is None
    ]
    others = len(said.subjects) - len(assessed)
    if others:
        waiting.append(("other parts of the study", f"{others}, not assessed for DLT"))
    columns = ("Subject", "Status", "Day of window", "Length", "Day of onset")
    subjects = tuple(one.usubjid for one in assessed if one.window is not None)
    return Table(TITLE, columns, cells, not_drawn(waiting), subjects=subjects)
