"""Charts of designs as Vega-Lite, drawn offline: the data is in the specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.output import UNAVAILABLE, USAGE, fail
from shared.charts.blocks import Spec
from shared.charts.parts import SCREEN, spec

if TYPE_CHECKING:
    from shared.clinical.designs import Characteristics, DecisionTable, Estimate

_LETTERS = {"E": "#a6dba0", "S": "#e8e4c9", "D": "#fdb863", "U": "#e08070"}
_MEANING = {"E": "escalate", "S": "stay", "D": "de-escalate", "U": "eliminate"}
_LINE = "#aa3377"
_DESIGNS = ["#4477aa", "#ee8866", "#228833", "#aa3377"]


def save(chart: Spec, file: Path) -> None:
    """Write a chart as SVG, PNG or Vega-Lite, as the file is named."""
    if file.suffix not in (".svg", ".png", ".json"):
        fail(f"--plot {file}: the name has to end in .svg, .png or .json", USAGE)
    try:
        file.write_bytes(_drawn(chart, file.suffix))
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}", UNAVAILABLE)


def _drawn(chart: Spec, suffix: str) -> bytes:
    if suffix == ".json":
        return json.dumps(chart, indent=1).encode() + b"\n"
    from shared.charts.drawing import as_png, draw  # 33 MB for a drawing alone

    return draw(chart, SCREEN).encode() + b"\n" if suffix == ".svg" else as_png(chart)


def characteristics_chart(found: Mapping[str, Characteristics]) -> Spec:
    """How often each dose is selected, and how many are treated there, side by side."""
    panels = []
    for title, member, scale in (
        ("selected as MTD (%)", "selected", 100),
        ("patients", "patients", 1),
        ("DLTs", "dlts", 1),
    ):
        rows = []
        for name, one in found.items():
            values: list[Estimate] = list(getattr(one, member))
            labels = [f"{dose} ({rate:g})" for dose, rate in enumerate(one.rates, start=1)]
            if member == "selected":
                values, labels = [*values, one.none], [*labels, "none"]
            rows += [_bar(name, *each, scale) for each in zip(labels, values, strict=True)]
        panels.append(_panel(title, rows, list(found)))
    return spec(hconcat=panels)


def _bar(design: str, dose: str, estimate: Estimate, scale: int) -> Spec:
    value, error = estimate.value * scale, 1.96 * estimate.se * scale
    ends = {"low": round(max(0.0, value - error), 4), "high": round(value + error, 4)}
    return {"design": design, "dose": dose, "value": round(value, 4), **ends}


def _panel(title: str, rows: list[Spec], designs: list[str]) -> Spec:
    place = {"field": "dose", "type": "ordinal", "sort": None, "title": "dose (true DLT rate)"}
    beside = {"field": "design", "sort": designs}
    color = {**beside, "scale": {"domain": designs, "range": _DESIGNS[: len(designs)]}}
    legend: Spec = {"title": None, "orient": "top"}
    height = {"field": "value", "type": "quantitative", "title": title}
    ends = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    return {
        "width": 45 * len({row["dose"] for row in rows}),
        "height": 180,
        "data": {"values": rows},
        "encoding": {"x": {**place, "axis": {"labelAngle": -40}}, "xOffset": beside},
        "layer": [
            {"mark": "bar", "encoding": {"y": height, "color": {**color, "legend": legend}}},
            {"mark": {"type": "rule"}, "encoding": ends},
        ],
    }


def table_chart(table: DecisionTable, title: str) -> Spec:
    """The letters of a decision table over patients and DLTs."""
    if "decisions" not in table.columns:
        fail("--plot: only tables of one dose's counts are drawn; this one is to be read", USAGE)
    rows = [
        {"n": row["n"], "dlt": dlt, "decision": _MEANING[letter], "letter": letter}
        for row in table.as_json()
        for dlt, letter in enumerate(row["decisions"])
    ]
    color = {
        "field": "decision",
        "scale": {"domain": list(_MEANING.values()), "range": list(_LETTERS.values())},
        "legend": {"title": None, "orient": "top"},
    }
    encoding = {
        "x": {"field": "n", "type": "ordinal", "title": "evaluable patients at the dose"},
        "y": {"field": "dlt", "type": "ordinal", "sort": "descending", "title": "DLTs"},
    }
    return spec(
        title=title,
        width={"step": 24},
        height={"step": 20},
        data={"values": rows},
        encoding={**encoding, "x": {**encoding["x"], "axis": {"labelAngle": 0}}},
        layer=[
            {"mark": {"type": "rect", "stroke": "white"}, "encoding": {"color": color}},
            {"mark": {"type": "text"}, "encoding": {"text": {"field": "letter"}}},
        ],
    )


def boundary_chart(limits: list[tuple[int, int | None]], title: str, event: str) -> Spec:
    """From how many events on a rule stops, at each number of subjects."""
    whole = {"type": "quantitative", "axis": {"tickMinStep": 1}}
    rows = [{"n": n, "stop_at": stop_at} for n, stop_at in limits if stop_at is not None]
    return spec(
        title=title,
        width=360,
        height=200,
        data={"values": rows},
        mark={
            "type": "line",
            "interpolate": "step-after",
            "point": {"color": _LINE},
            "color": _LINE,
        },
        encoding={
            "x": {**whole, "field": "n", "title": "subjects"},
            "y": {**whole, "field": "stop_at", "title": f"subjects with {event} that stop"},
        },
    )


def two_stage_chart(designs: list[tuple[int, float]]) -> Spec:
    """Designs from minimax to optimal: the subjects at most, and those expected at p0."""
    whole = {"type": "quantitative", "scale": {"zero": False}, "axis": {"tickMinStep": 1}}
    return spec(
        width=300,
        height=200,
        data={"values": [{"n": n, "expected": round(mean, 4)} for n, mean in designs]},
        mark={"type": "line", "point": {"color": _LINE}, "color": _LINE},
        encoding={
            "x": {**whole, "field": "n", "title": "subjects at most"},
            "y": {**whole, "field": "expected", "title": "expected subjects at p0"},
        },
    )
