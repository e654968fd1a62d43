"""A stopping rule: from how many events on it stops, and how the count has gone so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.charts.blocks import Chart, Table
from shared.charts.parts import (
    INK,
    LINE,
    Rows,
    counted,
    looks,
    names_of,
    not_drawn,
    nothing,
    number,
    spec,
)
from shared.contracts.figures import CountPoint, StoppingFigure, StudyNumbers

_KINDS = {
    "event": ("#8c0f26", "diamond"),
    "to be judged": ("#ffffff", "diamond"),
    "no event": ("#4477aa", "circle"),
}
_COUNTED = {"events": "subjects with an event", "non_responses": "subjects without a response"}
_WHOLE = {"axis": {"tickMinStep": 1}}


def stopping(figures: StudyNumbers) -> list[Chart]:
    """A chart for each rule of the protocol."""
    names = names_of(figures.subjects)
    return [_chart(f"stopping-{at}", one, names) for at, one in enumerate(figures.stopping, 1)]


def _chart(name: str, one: StoppingFigure, names: Mapping[str, str]) -> Chart:
    title = f"Stopping rule {one.id}: {_COUNTED[one.counted]} against the boundary"
    table = _table(title, one, names)
    if not one.path and not any(point.stop_at is not None for point in one.boundary):
        return nothing(name, title, "Nobody is final yet, and the rule has no boundary.", table)
    last = one.path[-1] if one.path else None
    now = f"{last.events} of {last.n}" if last else "nobody is final yet"
    alt = f"{one.status}: {now}{_limit(one, last)}; {one.pending} pending"
    drawn = spec(width=460, height=220, layer=_layers(one))
    return Chart(name, title, alt, drawn, table)


def _limit(one: StoppingFigure, last: CountPoint | None) -> str:
    if last is None:
        return ""
    at = {point.n: point.stop_at for point in one.boundary}.get(last.n)
    return ", no number of them stops yet" if at is None else f", {at} or more stop"


def _layers(one: StoppingFigure) -> list[dict[str, Any]]:
    boundary: Rows = [
        {"n": point.n, "count": point.stop_at}
        for point in one.boundary
        if point.stop_at is not None
    ]
    path: Rows = [{"n": point.n, "count": point.events, "what": _kind(point)} for point in one.path]
    place = {
        "x": number("n", "subjects who are final", **_WHOLE),
        "y": number("count", _COUNTED[one.counted], **_WHOLE, scale={"zero": True}),
    }
    step = {"type": "line", "interpolate": "step-after"}
    return [
        {
            "data": {"values": boundary},
            "mark": {**step, "color": INK, "strokeDash": [5, 3], "strokeWidth": 2},
            "encoding": place,
        },
        {
            "data": {"values": boundary[-1:]},
            "mark": {"type": "text", "align": "right", "dy": -8, "fontSize": 10},
            "encoding": {**place, "text": {"value": "stops from here"}},
        },
        {"data": {"values": path}, "mark": {**step, "color": LINE}, "encoding": place},
        {
            "data": {"values": path},
            "mark": {
                "type": "point",
                "filled": True,
                "size": 60,
                "stroke": INK,
                "strokeWidth": 0.8,
                "opacity": 1,
            },
            "encoding": {**place, **looks("what", _KINDS)},
        },
    ]


def _kind(point: CountPoint) -> str:
    if point.candidate:
        return "to be judged"
    return "event" if point.is_event else "no event"


def _table(title: str, one: StoppingFigure, names: Mapping[str, str]) -> Table:
    at = {point.n: point.stop_at for point in one.boundary}
    rows = tuple(
        (
            str(point.n),
            # Of whom nothing else is told there is still a name, never the same for two.
            names.get(point.usubjid, point.usubjid),
            _kind(point),
            str(point.events),
            "none stops" if at.get(point.n) is None else str(at[point.n]),
        )
        for point in one.path
    )
    waiting = [("not final yet", counted(one.pending, "subject"))] if one.pending else []
    notes = (one.text, f"Source: {one.source}", _ahead(one), *not_drawn(waiting))
    columns = ("Final", "Subject", "What", _COUNTED[one.counted].capitalize(), "Stops from")
    subjects = tuple(point.usubjid for point in one.path)
    return Table(title, columns, rows, notes, subjects=subjects, named=1)


def _ahead(one: StoppingFigure) -> str:
    """The boundary where it rises, as text."""
    steps: list[str] = []
    before: int | None = None
    for point in one.boundary:
        if point.stop_at is not None and point.stop_at != before:
            steps.append(f"from {point.n}: {point.stop_at}")
            before = point.stop_at
    return f"Stops by number of subjects: {', '.join(steps) or 'never'}."
