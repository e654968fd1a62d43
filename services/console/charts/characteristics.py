"""What the study's design does where the truth is known: how often it finds the right dose, and who
is treated where meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from services.console.charts.simulating import SEED, WorkedOut
from shared.charts.blocks import Chart, Spec, Table
from shared.charts.parts import Rows, counted, nothing, spec
from shared.clinical.designs.characteristics import Characteristics, Estimate
from shared.contracts.figures import EscalationDesign

NAME, TITLE = "operating-characteristics", "Operating characteristics of the design"
WAITING = (
    "The trials are being simulated. Open this chart on a page of its own, or load the page again."
)
_NONE = "none"
_SOURCE = (
    "The true DLT rates are assumptions, not data of this study: one curve with the right dose at"
    " each place in turn (Lee and Cheung, Clin Trials 2009;6:227). A frame marks the right answer."
)
_WHITE_ABOVE = 0.77
"""Of the darkest: below it black is read better."""


def characteristics(design: EscalationDesign, worked_out: WorkedOut | None) -> Chart:
    """Squares of dose by scenario: true rate, selected, patients, DLTs. None: not found out yet."""
    title = f"{TITLE} ({design.kind})"
    if worked_out is None:
        return nothing(NAME, title, WAITING)
    if worked_out.why_none is not None:
        return nothing(NAME, title, f"It cannot be simulated: {worked_out.why_none}.")
    cells = [
        cell
        for right, one in zip(worked_out.rights, worked_out.found, strict=True)
        for cell in _cells(design.doses, right, one)
    ]
    most = max(cell["dlts"] for cell in cells if cell["dlts"] is not None)
    panels = [
        _panel(cells, "rate", "true DLT rate (%)", 100, labelled=True),
        _panel(cells, "selected", "selected as MTD (%)", 100),
        _panel(cells, "patients", "patients treated there (%)", 100),
        _panel(cells, "dlts", "DLTs (mean number)", most),
    ]
    table = _table(title, design, worked_out)
    return Chart(NAME, title, _finding(worked_out), spec(hconcat=panels, spacing=14), table)


def _scenario(doses: Sequence[str], right: int) -> str:
    if right == 0:
        return "all too toxic"
    return f"MTD {doses[right - 1]}" if right <= len(doses) else "all below target"


def _answer(doses: Sequence[str], right: int) -> str:
    """What ought to be selected."""
    return _NONE if right == 0 else doses[min(right, len(doses)) - 1]


def _cells(doses: Sequence[str], right: int, found: Characteristics) -> Iterator[dict[str, Any]]:
    scenario, answer = _scenario(doses, right), _answer(doses, right)
    total = found.total_patients
    for dose, rate, selected, patients, dlts in zip(
        doses, found.rates, found.selected, found.patients, found.dlts, strict=True
    ):
        yield {
            "scenario": scenario,
            "dose": dose,
            "rate": round(100 * rate),
            "selected": round(100 * selected.value, 1),
            "patients": round(100 * patients.value / total, 1),
            "dlts": round(dlts.value, 2),
            "right": dose == answer,
        }
    yield {
        "scenario": scenario,
        "dose": _NONE,
        "rate": None,
        "selected": round(100 * found.none.value, 1),
        "patients": None,
        "dlts": None,
        "right": answer == _NONE,
    }


def _panel(cells: Rows, field: str, title: str, most: float, *, labelled: bool = False) -> Spec:
    rows = [
        {
            **{name: cell[name] for name in ("scenario", "dose", "right")},
            "value": cell[field],
            "words": f"{cell[field]:.3g}",
            "dark": cell[field] > _WHITE_ABOVE * most,
        }
        for cell in cells
        if cell[field] is not None
    ]
    axis = {"labelLimit": 160} if labelled else None
    shade = {"domain": [0, most], "range": ["#ffffff", "#1f4e79"], "interpolate": "rgb"}
    frame = {"type": "rect", "fillOpacity": 0, "stroke": "black", "strokeWidth": 2.5}
    return {
        "title": {"text": title, "fontSize": 11, "fontWeight": "normal"},
        "width": {"step": 40},
        "height": {"step": 24},
        "data": {"values": rows},
        "encoding": {
            "x": {
                "field": "dose",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"labelAngle": -40, "labelLimit": 120},
            },
            "y": {
                "field": "scenario",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": axis,
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "stroke": "#cccccc"},
                "encoding": {
                    "color": {
                        "field": "value",
                        "type": "quantitative",
                        "scale": shade,
                        "legend": None,
                    }
                },
            },
            {
                "mark": {"type": "text", "fontSize": 10},
                "encoding": {
                    "text": {"field": "words"},
                    "color": {
                        "condition": {"test": "datum.dark", "value": "white"},
                        "value": "black",
                    },
                },
            },
            {"data": {"values": [row for row in rows if row["right"]]}, "mark": frame},
        ],
        "resolve": {"scale": {"color": "independent"}},
    }


def _finding(worked_out: WorkedOut) -> str:
    doses = range(1, len(worked_out.found[0].rates) + 1)
    pairs = list(zip(worked_out.rights, worked_out.found, strict=True))
    right = [100 * one.selected[at - 1].value for at, one in pairs if at in doses]
    toxic = next(one for at, one in pairs if at == 0)
    return (
        f"In {counted(len(pairs), 'scenario')}: where one dose is right it is selected in"
        f" {min(right):.0f} to {max(right):.0f} % of trials; where all are too toxic none is, in"
        f" {100 * toxic.none.value:.0f} %"
    )


def _table(title: str, design: EscalationDesign, worked_out: WorkedOut) -> Table:
    rows: list[tuple[str, ...]] = []
    strong: set[int] = set()
    for right, one in zip(worked_out.rights, worked_out.found, strict=True):
        scenario, begun = _scenario(design.doses, right), len(rows)
        for at, dose in enumerate(design.doses):
            rows.append(
                (
                    *(scenario, dose, f"{100 * one.rates[at]:.0f}", _percent(one.selected[at])),
                    f"{100 * one.patients[at].value / one.total_patients:.1f}",
                    *(f"{one.patients[at].value:.2f}", f"{one.dlts[at].value:.2f}"),
                )
            )
        rows.append((scenario, "no dose", "–", _percent(one.none), "–", "–", "–"))
        places = [*design.doses, _NONE]
        strong.add(begun + places.index(_answer(design.doses, right)))
    columns = (
        *("Scenario", "Dose", "True DLT rate (%)", "Selected as MTD (%)", "Of all patients (%)"),
        *("Patients (mean)", "DLTs (mean)"),
    )
    return Table(
        title,
        columns,
        tuple(rows),
        (_how(worked_out.found[0], own="target" in json.loads(design.parameters)), _SOURCE),
        frozenset(strong),
    )


def _percent(estimate: Estimate) -> str:
    share = f"{100 * estimate.value:.1f}"
    return share if not estimate.se else f"{share} ± {196 * estimate.se:.1f}"


def _how(found: Characteristics, *, own: bool) -> str:
    """``own``: the target is the design's, not what judges one without."""
    target = (
        f"Target DLT rate {100 * found.target:g} %{'' if own else ', for the design names none'}"
    )
    if found.trials is None:
        return f"{target}; every possible trial with its probability, without simulation."
    return (
        f"{target}; {found.trials:,} simulated trials a scenario, seed {SEED}, ± the 95 % Monte"
        " Carlo error. Nobody is pending when the design is asked, unless it is made for that."
    )
