"""3+3 to the printed digits, and by the short way as by walking every trial."""

from __future__ import annotations

import pytest

from shared.clinical.designs import (
    Boin,
    Characteristics,
    Crm,
    Design,
    DesignError,
    RollingSix,
    ThreePlusThree,
    design_of,
    exact,
    setting_for,
)
from shared.clinical.designs.enumeration import enumerate_trials, summarise_ends
from shared.clinical.designs.limits import NoEscalationAfterDlt

RATES = (0.08, 0.15, 0.26, 0.41, 0.60)


def walked(design: Design, rates: tuple[float, ...]) -> Characteristics:
    how = setting_for(design, rates)
    return summarise_ends(enumerate_trials(design, how), how, 0.3)


def test_worked_selection_of_plain_3_plus_3() -> None:
    found = exact(ThreePlusThree(), RATES)
    shown = [f"{one.value:.8f}" for one in (found.none, *found.selected)]
    assert shown == [
        "0.06313243",
        "0.17445187",
        "0.32150573",
        "0.31158460",
        "0.11866482",
        "0.01066055",
    ]


def test_worked_escalation_past_a_dose() -> None:
    """Two doses, the second impossible to pass: the first is the MTD when it is passed."""
    found = exact(ThreePlusThree(), (0.26, 1.0))
    assert f"{found.selected[0].value:.7f}" == "0.5783065"


@pytest.mark.parametrize("variant", ["plain", "deescalate", "confirm6"])
@pytest.mark.parametrize("rates", [(0.2, 0.3, 0.5), (0.0, 0.0), (1.0, 1.0), (0.0, 1.0, 0.5)])
def test_the_short_way_is_the_long_way(variant: str, rates: tuple[float, ...]) -> None:
    design = design_of({"kind": "3+3", "variant": variant})
    short, long = exact(design, rates), walked(design, rates)
    for name in ("selected", "patients", "dlts"):
        for one, other in zip(getattr(short, name), getattr(long, name), strict=True):
            assert one.value == pytest.approx(other.value, abs=1e-12)
    assert short.none.value == pytest.approx(long.none.value, abs=1e-12)
    assert short.days.value == pytest.approx(long.days.value)
    assert (short.above, short.below) == pytest.approx((long.above, long.below))


def test_limits_are_walked() -> None:
    capped = design_of({"kind": "3+3", "limits": [{"kind": "total_cap", "n": 9}]})
    found = exact(capped, RATES)
    assert found.total_patients <= 9
    assert found.overdosed is not None


def test_boin_by_hand() -> None:
    """One dose, two cohorts of three: eliminated by 3/3, or by 4 of 6."""
    found = exact(Boin(target=0.3), (0.5,), max_n=6)
    at_once = 1 / 8
    later = 3 / 8 * (1 / 2) + 3 / 8 * (1 / 8)
    assert found.none.value == pytest.approx(at_once + later)
    assert found.total_patients == pytest.approx(3 + 3 * 7 / 8)


def test_too_many_trials_to_count_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.clinical.designs.enumeration.MOST_STATES", 10)
    with pytest.raises(DesignError, match="simulate them"):
        exact(Boin(target=0.3), RATES)


@pytest.mark.parametrize(
    "design",
    [
        RollingSix(),
        Crm(target=0.2, skeleton=(0.1, 0.2), limits=(NoEscalationAfterDlt(),)),
    ],
)
def test_what_looks_at_more_than_final_counts_is_refused(design: Design) -> None:
    with pytest.raises(DesignError, match="final counts"):
        exact(design, (0.1, 0.2))
