"""A chart as a picture that stands alone, as in a mail: narrow enough for a phone, and with its
moment and its versions drawn into it, because nothing around it can be relied on or corrected."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from shared.charts.blocks import Chart, Spec
from shared.charts.parts import short

WIDTH = 300
"""Of what is drawn, without the axes; the widest phone in common use shows 430 pixels."""
_LINE = 56
_LINES = 3
"""Characters a line and lines a title: a name that somebody made long must not widen it all."""
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
