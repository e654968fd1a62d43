"""Two designs on the same patients: how often they agree, and differences free of shared chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.clinical.designs.characteristics import (
    Characteristics,
    Estimate,
    Trials,
    mean_of,
    summarise,
)
from shared.clinical.designs.design import Design
from shared.clinical.designs.simulation import (
    Progress,
    patients_drawn,
    run_trials,
    setting_for,
    target_of,
)
from shared.clinical.designs.trial import Draws


@dataclass(frozen=True, slots=True)
class Comparison:
    """``same_mtd``: the probability that both find the same MTD, or both none. The rest is the
    second minus the first, trial by trial: finding the right dose, patients, DLTs and days."""

    first: Characteristics
    second: Characteristics
    same_mtd: Estimate
    right_selected: Estimate
    patients: Estimate
    dlts: Estimate
    days: Estimate

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        both = {"first": self.first.as_json(), "second": self.second.as_json()}
        return {**asdict(self), **both}


def compare(
    first: Design,
    second: Design,
    rates: Sequence[float],
    *,
    trials: int = 1000,
    seed: int = 0,
    target: float | None = None,
    progress: Progress | None = None,
    **setting: Any,
) -> Comparison:
    """Simulate both with common random patients; ``setting`` as in `trial.Setting`.

    >>> from shared.clinical.designs.boin import Boin
    >>> boin = Boin(target=0.3)
    >>> compare(boin, boin, [0.1, 0.3, 0.5], trials=50).same_mtd
    Estimate(value=1.0, se=0.0)
    """
    designs = (first, second)
    how = [setting_for(design, rates, **setting) for design in designs]
    draws = Draws(trials, max(map(patients_drawn, how)), seed)
    done = [run_trials(*each, draws, progress) for each in zip(designs, how, strict=True)]
    judged = target or target_of(first if hasattr(first, "target") else second)
    before, after = (summarise(one, how[0].rates, judged) for one in done)
    right = before.right_dose
    found = [[mtd == right for mtd in one.mtd] for one in done]
    same = [float(a == b) for a, b in zip(done[0].mtd, done[1].mtd, strict=True)]
    return Comparison(
        before,
        after,
        same_mtd=mean_of(same),
        right_selected=_difference(*found),
        patients=_difference(*map(_patients, done)),
        dlts=_difference(*map(_dlts, done)),
        days=_difference(*(one.days for one in done)),
    )


def _patients(trials: Trials) -> list[int]:
    return list(map(sum, trials.n))


def _dlts(trials: Trials) -> list[int]:
    return list(map(sum, trials.dlt))


def _difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    return mean_of([after - before for before, after in zip(first, second, strict=True)])
