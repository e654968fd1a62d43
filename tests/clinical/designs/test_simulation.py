"""Simulated trials: at once as one by one, the same patients for all, and within error of exact."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.clinical.designs import (
    Answer,
    BfBoin,
    Boin,
    BoinComb,
    Crm,
    Design,
    DesignError,
    Draws,
    I3Plus3,
    Keyboard,
    Mtpi,
    Mtpi2,
    Question,
    Report,
    RollingSix,
    Setting,
    Table,
    ThreePlusThree,
    TiteBoin,
    TiteCrm,
    Trials,
    compare,
    design_of,
    exact,
    setting_for,
    simulate,
)
from shared.clinical.designs.limits import NoEscalationAfterDlt
from shared.clinical.designs.simulation import run_one_by_one, run_trials
from shared.clinical.designs.vectorised import run_at_once, tolerances_of, trials_at_once

RATES = (0.08, 0.15, 0.26, 0.41, 0.60)
SKELETON = (0.04, 0.11, 0.22, 0.37, 0.52)
BY_TABLE = [
    Boin(target=0.28),
    Boin(target=0.25, extrasafe=True, bound_mtd=True, stay_at_one_third=True),
    Mtpi(target=0.3),
    Mtpi2(target=0.3),
    Keyboard(target=0.2, n_eli=1),
    I3Plus3(target=0.28),
    Table(target=0.3, rows=("ESDU", "EESDUUU")),
]
ANY = [
    ThreePlusThree(variant="deescalate"),
    RollingSix(),
    Boin(target=0.28, limits=(NoEscalationAfterDlt(),)),
    Crm(target=0.22, skeleton=SKELETON),
    TiteCrm(target=0.22, skeleton=SKELETON),
    TiteBoin(target=0.28),
    BfBoin(target=0.28),
]


def plain(trials: Trials) -> list[list[Any]]:
    days = [round(one, 6) for one in trials.days]
    return [list(map(list, trials.n)), list(map(list, trials.dlt)), list(trials.mtd), days]


@pytest.mark.parametrize("design", BY_TABLE, ids=repr)
@pytest.mark.parametrize(
    "how", [{}, {"cohort_size": 4, "max_n": 22, "start": 3}, {"cohort_size": 1, "max_n": 12}]
)
def test_at_once_is_one_by_one(design: Any, how: dict[str, int]) -> None:
    """Patient by patient the same trials, not merely the same means."""
    setting = setting_for(design, RATES, **how)
    draws = Draws(40, setting.max_n, seed=5)
    assert plain(run_at_once(design, setting, draws)) == plain(
        run_one_by_one(design, setting, draws)
    )


def test_the_same_stream_as_an_array() -> None:
    draws = Draws(3, 250, seed=9)
    assert tolerances_of(draws).tolist() == draws.tolerances


def test_arrays_in_and_out() -> None:
    """Nobody has a DLT below a rate of one half: up to the top, which is the MTD."""
    n, dlt, mtd, cohorts = trials_at_once(
        Boin(target=0.3), np.array([0.1, 0.2]), np.full((2, 9), 0.5)
    )
    assert n.tolist() == [[3, 6], [3, 6]]
    assert (int(dlt.sum()), mtd.tolist(), cohorts.tolist()) == (0, [2, 2], [3, 3])


def test_everybody_has_a_dlt() -> None:
    found = simulate(Boin(target=0.3), [1.0, 1.0], trials=20)
    assert (found.none.value, found.total_patients, found.total_dlts) == (1.0, 3.0, 3.0)
    assert found.days.value == 28 + 2 * 7


@pytest.mark.parametrize("design", ANY, ids=repr)
def test_every_design_runs(design: Design) -> None:
    responses = (0.3,) * 5 if isinstance(design, BfBoin) else None
    found = simulate(design, RATES, trials=6, seed=2, response_rates=responses)
    again = simulate(design, RATES, trials=6, seed=2, response_rates=responses)
    assert found == again
    assert sum(one.value for one in (*found.selected, found.none)) == pytest.approx(1)
    for treated, toxic in zip(found.patients, found.dlts, strict=True):
        assert toxic.value <= treated.value
    assert found.above + found.below <= 1


def test_backfill_treats_more_than_escalation_alone() -> None:
    responses = (0.5, 0.5, 0.5, 0.5, 0.5)
    without = simulate(BfBoin(target=0.28), RATES, trials=30)
    filled = simulate(BfBoin(target=0.28), RATES, trials=30, response_rates=responses)
    assert filled.total_patients > without.total_patients + 3


def test_two_drugs() -> None:
    rates = (0.05, 0.1, 0.2, 0.1, 0.2, 0.4)
    found = simulate(BoinComb(target=0.2), rates, columns=3, trials=20, max_n=18)
    assert found.right_dose == 3
    assert found.total_patients <= 18


def test_taking_patients_while_others_are_pending_is_faster() -> None:
    waits = simulate(TiteBoin(target=0.28), RATES, trials=20, waits=True)
    rolls = simulate(TiteBoin(target=0.28), RATES, trials=20)
    assert rolls.days.value < 0.9 * waits.days.value


@pytest.mark.parametrize(
    "design", [ThreePlusThree(), ThreePlusThree(variant="deescalate"), Boin(target=0.3)], ids=repr
)
def test_simulation_agrees_with_enumeration(design: Design) -> None:
    """Within four standard errors, each of them."""
    rates = RATES[1:4]
    found = simulate(design, rates, trials=1500, seed=11, max_n=18)
    known = exact(design, rates, max_n=18)
    pairs = [
        (found.none, known.none),
        (found.days, known.days),
        *zip(found.selected, known.selected, strict=True),
        *zip(found.patients, known.patients, strict=True),
        *zip(found.dlts, known.dlts, strict=True),
    ]
    for simulated, true in pairs:
        assert abs(simulated.value - true.value) <= 4 * simulated.se + 1e-9


def test_common_patients() -> None:
    """A design is its own equal, patient by patient, and one that stops later treats no fewer."""
    boin = Boin(target=0.28)
    same = compare(boin, boin, RATES, trials=100)
    assert (same.same_mtd.value, same.patients.value, same.days.value) == (1.0, 0.0, 0.0)
    strict = boin.model_copy(update={"extrasafe": True})
    other = compare(strict, boin, (0.3, 0.4, 0.5), trials=300, seed=1)
    assert other.patients.value >= 0
    assert 0.5 < other.same_mtd.value < 1


def test_paired_differences_have_the_smaller_error() -> None:
    found = compare(Boin(target=0.28), Mtpi2(target=0.28), RATES, trials=400, seed=3)
    dlts = found.second.total_dlts - found.first.total_dlts
    assert found.dlts.value == pytest.approx(dlts)
    apart = sum(one.se**2 for each in (found.first, found.second) for one in each.dlts) ** 0.5
    assert found.dlts.se < apart


def test_more_trials_of_one_seed_begin_with_the_same() -> None:
    setting = setting_for(Boin(target=0.28), RATES)
    few, many = (run_trials(Boin(target=0.28), setting, Draws(n, 30, 4)) for n in (5, 9))
    assert plain(few)[0] == plain(many)[0][:5]


def test_none_of_many_is_not_never() -> None:
    found = simulate(Boin(target=0.3), [0.01, 0.02], trials=100)
    assert found.none.value == 0
    assert found.none.se > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": ()},
        {"rates": (0.1, 1.1)},
        {"cohort_size": 0},
        {"cohort_size": 31},
        {"start": 6},
        {"window": 0.0},
        {"gap": -1.0},
        {"response_rates": (0.1,)},
    ],
)
def test_a_setting_that_cannot_be(wrong: dict[str, Any]) -> None:
    usual = Setting(rates=RATES, cohort_size=3, max_n=30)
    with pytest.raises(DesignError):
        replace(usual, **wrong)


class _Waits(RollingSix):
    """Suspends for ever, which no design here does."""

    def propose(self, question: Question) -> Answer:
        return Answer("suspend", question.current, Report("waits", "for nobody"))


def test_a_design_that_waits_for_nobody_does_not_hang() -> None:
    with pytest.raises(DesignError, match="the design waits for nobody: for nobody"):
        simulate(_Waits(), RATES, trials=1)


def test_progress_is_told_trial_by_trial() -> None:
    told: list[int] = []
    simulate(ThreePlusThree(), RATES, trials=3, progress=told.append)
    assert told == [1, 1, 1]


def test_at_least_one_trial() -> None:
    with pytest.raises(DesignError, match="at least one"):
        simulate(Boin(target=0.3), RATES, trials=0)


def test_characteristics_are_plain_json() -> None:
    found = compare(Boin(target=0.3), ThreePlusThree(), RATES, trials=5)
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert told["first"]["total_patients"] == found.first.total_patients
    assert told["second"]["selected"][4]["se"] > 0


@pytest.mark.parametrize(
    ("design", "columns", "problem"),
    [
        (ThreePlusThree(num_doses=3), None, "the design has 3 doses"),
        (Crm(target=0.2, skeleton=(0.1, 0.2)), None, "the design has 2 doses"),
        (Boin(target=0.2), 2, "only for it"),
        (BoinComb(target=0.2), None, "are for boin_comb"),
    ],
)
def test_rates_and_design_have_to_fit(design: Design, columns: int | None, problem: str) -> None:
    with pytest.raises(DesignError, match=problem):
        exact(design, (0.1, 0.2, 0.3, 0.4), columns=columns)


def test_dates_are_not_simulated() -> None:
    design = design_of({"kind": "3+3", "limits": [{"kind": "sentinel_gap", "days": 7}]})
    with pytest.raises(DesignError, match="no dates"):
        simulate(design, RATES)


def test_numpy_only_makes_it_faster() -> None:
    """No service loads it, and without it the same seed gives the same trials."""
    program = """
import sys
from shared.clinical import designs
assert "numpy" not in sys.modules
sys.modules["numpy"] = None
found = designs.simulate(designs.Boin(target=0.28), [0.1, 0.3, 0.5], trials=40, seed=7)
print(found.selected, found.patients)
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    found = simulate(Boin(target=0.28), [0.1, 0.3, 0.5], trials=40, seed=7)
    assert told == f"{found.selected} {found.patients}\n"
