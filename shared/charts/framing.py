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
    """The same chart for a phone: views below each other instead of side by side. What has a step
    for each of many stays as wide as it is."""
    config = spec["config"]
    legend = {**config["legend"], "columns": 2}
    told = {**spec, "config": {**config, "legend": legend, "padding": _PHONE_PADDING}}
    views = told.pop("hconcat", None)
    if views is None:
        return _slim(told)
    if any("width" in view and not isinstance(view["width"], int) for view in views):
        return {**told, "hconcat": views}
    first = views[0]["encoding"]["y"]
    return {**told, "vconcat": [_slim(_with_axis(view, first["axis"])) for view in views]}


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
