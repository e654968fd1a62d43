"""Operating characteristics: the chart's numbers against the same trials worked out another way."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from fastapi import FastAPI

from services.console.charts import simulating
from services.console.charts.characteristics import NAME, WAITING, characteristics
from services.console.charts.simulating import WorkedOut, worked_out
from services.console.charts.simulator import Simulator
from shared.charts.framing import narrow
from shared.clinical.designs import Boin, ThreePlusThree, exact, simulate
from shared.clinical.designs.characteristics import Characteristics
from shared.contracts.figures import EscalationDesign
from tests.charts.made import DESIGN
from tests.charts.reading import rows_of

CHARTS = "/studies/NCT05301764/charts"
BOIN = DESIGN.model_copy(
    update={
        "kind": "boin",
        "parameters": '{"kind": "boin", "target": 0.28}',
        "cohort_size": 3,
        "doses": ("a", "b"),
    }
)


def other_way(asked: EscalationDesign, rates: tuple[float, ...]) -> Characteristics:
    """3+3 by trials where the chart has it exactly, BOIN exactly where it has trials."""
    if asked is DESIGN:
        return simulate(ThreePlusThree(variant="deescalate"), rates, trials=500, seed=7)
    return exact(Boin(target=0.28), rates)


@pytest.mark.parametrize("asked", [DESIGN, BOIN], ids=["3+3", "boin"])
def test_every_number_comes_out_another_way_too(asked: EscalationDesign) -> None:
    found = worked_out(asked)
    chart = characteristics(asked, found)
    cells = {
        (panel["title"]["text"], row["scenario"], row["dose"]): row
        for panel in (chart.spec or {})["hconcat"]
        for row in panel["data"]["values"]
    }
    scenarios = list(dict.fromkeys(scenario for _, scenario, _ in cells))
    assert len(scenarios) == len(asked.doses) + 2
    for scenario, one in zip(scenarios, found.found, strict=True):
        told = other_way(asked, one.rates)
        total = told.total_patients
        for at, dose in enumerate(asked.doses):
            share = cells["selected as MTD (%)", scenario, dose]["value"] / 100
            error = max(told.selected[at].se, one.selected[at].se)
            assert abs(share - told.selected[at].value) <= 4 * error + 0.001
            treated = cells["patients treated there (%)", scenario, dose]["value"] / 100
            assert abs(treated - told.patients[at].value / total) <= 0.03
            dlts = cells["DLTs (mean number)", scenario, dose]["value"]
            error = max(told.dlts[at].se, one.dlts[at].se)
            assert abs(dlts - told.dlts[at].value) <= 4 * error + 0.01
        none = cells["selected as MTD (%)", scenario, "none"]["value"] / 100
        assert abs(none - told.none.value) <= 4 * max(told.none.se, one.none.se) + 0.001


@pytest.mark.parametrize(("doses", "step"), [(4, 40), (6, 200 / 7), (10, 28)])
def test_on_a_phone_the_squares_stand_below_each_other_each_with_its_scenarios(
    doses: int, step: float
) -> None:
    labels = tuple(f"{at} mg" for at in range(1, doses + 1))
    design = DESIGN.model_copy(update={"doses": labels})
    chart = characteristics(design, worked_out(design))
    assert chart.spec is not None
    assert chart.stepped
    views = narrow(chart.spec)["vconcat"]
    assert [view["layer"] for view in views] == [one["layer"] for one in chart.spec["hconcat"]]
    assert all(view["encoding"]["y"]["axis"] for view in views)
    assert views[1]["width"] == {"step": pytest.approx(step)}


def test_the_right_answer_is_framed_and_stands_out_in_the_table() -> None:
    chart = characteristics(DESIGN, worked_out(DESIGN))
    assert chart.spec is not None
    framed = [
        (row["scenario"], row["dose"])
        for row in chart.spec["hconcat"][1]["layer"][2]["data"]["values"]
    ]
    doses = DESIGN.doses
    right = [("all too toxic", "none"), *((f"MTD {dose}", dose) for dose in doses)]
    assert framed == [*right, ("all below target", doses[-1])]
    strong = [chart.table.rows[at][:2] for at in sorted(chart.table.strong)]
    assert strong == [("all too toxic", "no dose"), *framed[1:]]


def test_trials_seed_and_target_are_said() -> None:
    notes = " ".join(characteristics(BOIN, worked_out(BOIN)).table.notes)
    assert "Target DLT rate 28 %; 1,000 simulated trials a scenario, seed 0" in notes
    exactly = " ".join(characteristics(DESIGN, worked_out(DESIGN)).table.notes)
    assert "Target DLT rate 30 %, for the design names none; every possible trial" in exactly
    assert "assumptions, not data of this study" in exactly


def test_what_cannot_be_simulated_says_why() -> None:
    limits = [{"kind": "sentinel_gap", "days": 7}]
    parameters = {**json.loads(BOIN.parameters), "limits": limits}
    odd = BOIN.model_copy(update={"parameters": json.dumps(parameters)})
    chart = characteristics(odd, worked_out(odd))
    assert chart.spec is None
    assert chart.alt.startswith("It cannot be simulated: sentinel_gap")


def test_another_process_finds_the_same_and_only_once() -> None:
    simulator = Simulator()

    async def twice() -> list[WorkedOut | None]:
        return [await simulator.of(DESIGN, 60), await simulator.of(DESIGN, 0)]

    try:
        assert asyncio.run(twice()) == [worked_out(DESIGN)] * 2
    finally:
        simulator.close()


def test_a_page_does_not_wait_and_is_made_again(person: httpx2.Client, app: FastAPI) -> None:
    asked: list[float] = []

    class Slow(Simulator):
        async def of(self, design: EscalationDesign, patience: float) -> WorkedOut | None:
            asked.append(patience)
            return worked_out(design) if patience > 1 or len(asked) > 1 else None

    app.state.simulator = Slow()
    first = person.get(CHARTS).text
    assert WAITING in first
    assert f'href="{CHARTS}/{NAME}"' in first
    assert f"{NAME}.csv" not in first
    page = person.get(f"{CHARTS}/{NAME}").text
    assert "A frame marks the right answer" in page
    assert f"{NAME}.svg" in person.get(CHARTS).text
    assert asked[0] < 1 < asked[1]


def test_hostile_labels_stay_text() -> None:
    nasty = DESIGN.model_copy(update={"doses": ("<script>", "=cmd|' /C calc'!A1", "\u202ex", "4")})
    chart = characteristics(nasty, worked_out(nasty))
    assert {row["dose"] for row in rows_of(chart) if "dose" in row} == {*nasty.doses, "none"}


def test_the_process_reads_and_writes_what_it_says() -> None:
    found = worked_out(DESIGN)
    assert simulating.ANSWER.validate_json(simulating.ANSWER.dump_json(found)) == found
