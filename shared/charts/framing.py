"""A chart narrow enough for a phone; and one as a picture that stands alone, as in a mail, with its
moment and its versions drawn into it, because nothing around it can be relied on or corrected."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from shared.charts.blocks import Chart, Spec
from shared.charts.parts import short

WIDTH = 300
"""Of what is drawn, without the axes; the widest phone in common use shows 430 pixels."""
_LINE = 56
_LINES = 3
"""Characters a line and lines a title: a name that somebody made long must not widen it all."""
PHONE_WIDTH = 200
"""Of what is drawn, on a page whose margins and axes take the rest of 390 pixels."""
_PHONE_LINE = 38
_PHONE_PADDING = {"left": 20, "right": 16, "top": 6, "bottom": 8}
_ABREAST = 5
"""Columns of a square that has room beside another one."""
_MAP = 270
"""Of a map, which has no names beside it."""
_SQUEEZED = 0.7
"""Of a step: what is written in it still has room."""
_FRAME = ("$schema", "background", "config")
_APART = {"color": "independent", "shape": "independent"}


def framed(charts: Sequence[Chart], titles: Sequence[str], notes: Sequence[str]) -> Spec:
    """The charts one under another, each under its title, and the notes beneath the first."""
    drawn = [
        _narrow(chart.spec, title)
        for chart, title in zip(charts, titles, strict=True)
        if chart.spec is not None
    ]
    drawn[0]["title"]["subtitle"] = [line for note in notes for line in _wrapped(note)]
    first = drawn[0]
    frame = {name: first[name] for name in _FRAME}
    frame["config"] = {**first["config"], "padding": 10, "legend": {"columns": 4}}
    if len(drawn) == 1:
        return {**first, **frame}
    parts = [{name: one for name, one in part.items() if name not in _FRAME} for part in drawn]
    return {**frame, "vconcat": parts, "resolve": {"scale": _APART}}


def _narrow(spec: Spec, title: str) -> dict[str, Any]:
    head = {"text": _wrapped(title), "anchor": "start", "frame": "bounds", "offset": 8}
    look = {"fontSize": 13, "subtitleFontSize": 10.5, "subtitleColor": "#333333"}
    return {**spec, "width": WIDTH, "title": {**head, **look}}


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(short(text), _LINE, max_lines=_LINES, placeholder="…") or [""]


def narrow(spec: Spec) -> Spec:
    """The same chart for a phone: views below each other instead of side by side, squares at most
    two abreast, and in a map the name of each row above it. What has a step for each of many gets
    narrower ones, and may still be wider than a phone."""
    config = spec["config"]
    legend = {**config["legend"], "columns": 2}
    told = {**spec, "config": {**config, "legend": legend, "padding": _PHONE_PADDING}}
    if squares := told.get("concat"):
        return {**told, "columns": 2 if _columns(squares[0]) <= _ABREAST else 1, "spacing": 16}
    views = told.pop("hconcat", None)
    if views is None:
        return _slim(_named_above(told))
    axis = views[0]["encoding"]["y"]["axis"]
    return {**told, "vconcat": [_slim(_closer(_with_axis(view, axis))) for view in views]}


def _columns(part: Spec) -> int:
    """Of a view that has a step for each."""
    x = part["encoding"]["x"]
    found = x.get("scale", {}).get("domain") or {row[x["field"]] for row in part["data"]["values"]}
    return len(found)


def _closer(part: Spec, room: int = PHONE_WIDTH) -> Spec:
    """The steps of a view as narrow as its room asks for and as their texts allow."""
    match part.get("width"):
        case {"step": step}:
            least = _SQUEEZED * step
            return {**part, "width": {"step": min(step, max(least, room / _columns(part)))}}
    return part


def _named_above(part: Spec) -> Spec:
    """A map with the name of each row above it instead of beside it."""
    if not isinstance(part.get("width"), dict) or not isinstance(part.get("height"), dict):
        return part
    encoding, row = part["encoding"], part["height"]["step"]
    x, y = encoding["x"], encoding["y"]
    inside = {"labelAlign": "left", "labelPadding": -3, "labelOffset": -row, "labelLimit": _MAP}
    halves = {"paddingInner": 0.5, "paddingOuter": 0.25, "align": 1}
    names = {**y, "scale": {**y["scale"], **halves}, "axis": {**inside, "ticks": False}}
    lines = {**x, "axis": {**x["axis"], "grid": True, "tickBand": "extent", "ticks": False}}
    taller = {"height": {"step": 2 * row}, "encoding": {**encoding, "x": lines, "y": names}}
    return _closer({**part, **taller}, _MAP)


def _with_axis(view: Spec, axis: Spec) -> Spec:
    """Side by side only the first says what is measured."""
    encoding = view["encoding"]
    return {**view, "encoding": {**encoding, "y": {**encoding["y"], "axis": axis}}}


def _slim(part: Spec) -> dict[str, Any]:
    slim = {"width": PHONE_WIDTH} if isinstance(part.get("width"), int) else {}
    return {name: _title_wrapped(one) for name, one in {**part, **slim}.items()}


def _title_wrapped(value: Any, name: str = "") -> Any:
    """Titles of axes in lines no longer than the axis."""
    match value:
        case {"title": str(title), "field": _} if name == "x" and len(title) > _PHONE_LINE:
            return {**value, "title": textwrap.wrap(title, _PHONE_LINE)}
        case Mapping():
            return {key: _title_wrapped(one, key) for key, one in value.items()}
        case list() | tuple():
            return [_title_wrapped(one) for one in value]
    return value
