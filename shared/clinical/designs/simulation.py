"""Simulated trials of any design: patients drawn once, decisions by the design itself.

Each patient brings a tolerance, uniform between 0 and 1, and has a DLT where the true rate of the
dose is above it. Two designs given the same seed treat the same patients, so that their difference
is not drowned in chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from shared.clinical.designs.boin import Boin
from shared.clinical.designs.boin_comb import BoinComb
from shared.clinical.designs.characteristics import Characteristics, Trials, summarise
from shared.clinical.designs.design import Design
from shared.clinical.designs.i3plus3 import I3Plus3
from shared.clinical.designs.interval import IntervalDesign
from shared.clinical.designs.limits import NoEscalationAfterDlt, SentinelGap
from shared.clinical.designs.mtpi import Keyboard, Mtpi, Mtpi2
from shared.clinical.designs.parameters import DesignError
from shared.clinical.designs.table import Table
from shared.clinical.designs.trial import Draws, Setting, Trial

ONE_BY_ONE = ("rolling_six", "tite_crm")
TARGET = 0.30
"""Judges the doses of a design that has no target of its own, such as 3+3."""

Progress = Callable[[int], None]
_BY_TABLE = (Boin, Mtpi, Mtpi2, Keyboard, I3Plus3, Table)


def setting_for(design: Design, rates: Sequence[float], **given: Any) -> Setting:
    """The usual setting of a design: cohorts of three, six patients a dose, nobody pending.

    Rolling six and TITE-CRM take patients one by one; they and TITE-BOIN do not wait for those in
    their window.
    """
    rolling = design.reads_pending and not design.reads_candidates
    usual: dict[str, Any] = {
        "cohort_size": 1 if design.kind in ONE_BY_ONE else 3,
        "max_n": 6 * len(rates),
        "waits": not rolling,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    setting = Setting(rates=tuple(rates), **{**usual, **chosen})
    known = getattr(design, "num_doses", None) or len(rates)
    if known != len(rates):
        raise DesignError(f"rates: {len(rates)} are given, but the design has {known} doses")
    if (setting.columns is None) == isinstance(design, BoinComb):
        raise DesignError("rates: rows of two drugs are for boin_comb, and only for it")
    if any(isinstance(limit, SentinelGap) for limit in design.limits):
        raise DesignError("sentinel_gap: simulated patients have no dates")
    return setting


def simulate(
    design: Design,
    rates: Sequence[float],
    *,
    trials: int = 1000,
    seed: int = 0,
    target: float | None = None,
    progress: Progress | None = None,
    **setting: Any,
) -> Characteristics:
    """Operating characteristics by simulation; ``setting`` as in `Setting`.

    >>> found = simulate(Boin(target=0.28), [0.08, 0.15, 0.26, 0.41, 0.6], trials=200, seed=1)
    >>> found.right_dose, found.trials, found.total_patients <= 30
    (3, 200, True)
    """
    how = setting_for(design, rates, **setting)
    if trials < 1:
        raise DesignError("trials: at least one")
    draws = Draws(trials, patients_drawn(how), seed)
    found = run_trials(design, how, draws, progress)
    return summarise(found, how.rates, target or target_of(design))


def target_of(design: Design) -> float:
    """The design's own target, or what judges one without."""
    return float(getattr(design, "target", TARGET))


def patients_drawn(setting: Setting) -> int:
    """How many patients a trial may draw: as many again where some are backfilled."""
    return setting.max_n * (1 if setting.response_rates is None else 2)


def run_trials(
    design: Design, setting: Setting, draws: Draws, progress: Progress | None = None
) -> Trials:
    """Every trial: one after the other or, where one decision table says it all, at once."""
    if isinstance(design, IntervalDesign) and _one_table(design, setting):
        try:
            from shared.clinical.designs.vectorised import run_at_once
        except ModuleNotFoundError:
            pass  # NumPy is an extra: without it the same trials take longer
        else:
            return run_at_once(design, setting, draws)
    return run_one_by_one(design, setting, draws, progress)


def run_one_by_one(
    design: Design, setting: Setting, draws: Draws, progress: Progress | None = None
) -> Trials:
    """Every trial through `Design.decide`, which works with any design."""
    single = not setting.waits or any(
        isinstance(one, NoEscalationAfterDlt) for one in design.limits
    )
    decide = design.decide if single else lru_cache(maxsize=65_536)(design.decide)
    done = []
    for number in range(draws.trials):
        done.append(Trial(decide, setting, draws, number, single=single).run())
        if progress is not None:
            progress(1)
    n, dlt, mtd, days = zip(*done, strict=True)
    return Trials(n, dlt, mtd, days)


def _one_table(design: Design, setting: Setting) -> bool:
    return type(design) in _BY_TABLE and not design.limits and setting.waits
