"""Thousands of trials at once, for designs where one decision table says it all. Needs NumPy.

Each step treats one cohort in every trial still running and looks the decision up: the same rules,
the same patients and therefore the same trials as one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from shared.clinical.designs.characteristics import Trials
from shared.clinical.designs.interval import IntervalDesign
from shared.clinical.designs.model import TOLERANCE
from shared.clinical.designs.trial import Draws, Setting

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_STEPS = {"E": 1, "S": 0, "D": -1, "U": -1}


@dataclass(frozen=True, slots=True)
class Looked:
    """A decision table as arrays, indexed [n, dlt]: the step to take, and whether the dose is
    eliminated, at the lowest dose and at any other."""

    step: Counts
    eliminates_lowest: Flags
    eliminates: Flags

    @classmethod
    def of(cls, design: IntervalDesign, sizes: Sequence[int]) -> Looked:
        """The rows of ``sizes`` evaluable patients."""
        most = max(sizes)
        step = np.zeros((most + 1, most + 1), np.int64)
        lowest, other = (np.zeros((most + 1, most + 1), np.bool_) for _ in range(2))
        for n in sizes:
            for dlt in range(n + 1):
                step[n, dlt] = _STEPS[design.read(n, dlt).verdict]
                lowest[n, dlt] = design.eliminates(n, dlt, lowest=True)
                other[n, dlt] = design.eliminates(n, dlt)
        return cls(step, lowest, other)


def run_at_once(design: IntervalDesign, setting: Setting, draws: Draws) -> Trials:
    """The trials of `simulation.run_trials`."""
    tolerances = tolerances_of(draws)[:, : setting.max_n]
    rates = np.array(setting.rates)
    n, dlt, mtd, cohorts = trials_at_once(
        design, rates, tolerances, cohort_size=setting.cohort_size, start=setting.start
    )
    days = cohorts * setting.window + (n.sum(axis=1) - cohorts) * setting.gap
    return Trials(n.tolist(), dlt.tolist(), mtd.tolist(), days.tolist())


def tolerances_of(draws: Draws) -> Floats:
    """`Draws.tolerances` as an array: NumPy's generator continues from the state of Python's."""
    *words, place = draws.source("tolerances").getstate()[1]
    generator = np.random.RandomState()
    generator.set_state(("MT19937", np.array(words, np.uint32), place, 0, 0.0))
    return generator.random_sample((draws.trials, draws.patients))


def trials_at_once(
    design: IntervalDesign,
    rates: Floats,
    tolerances: Floats,
    *,
    cohort_size: int = 3,
    start: int = 1,
) -> tuple[Counts, Counts, Counts, Counts]:
    """Arrays in and out, for T trials of at most P patients and J doses.

    ``rates`` (J): true DLT rates; ``tolerances`` (T, P): uniform, a DLT where the rate is above.
    Returns patients (T, J), DLTs (T, J), the MTD (T; 0: none) and the number of cohorts (T).

    >>> from shared.clinical.designs.boin import Boin
    >>> found = trials_at_once(Boin(target=0.3), np.array([0.1, 0.3]), np.full((2, 6), 0.5))
    >>> found[0].tolist(), found[2].tolist()
    ([[3, 3], [3, 3]], [2, 2])
    """
    trials, most = tolerances.shape
    cuts = [*range(0, most, cohort_size), most]
    sizes = _sizes(cuts)
    looked = Looked.of(design, sizes)
    doses, every = len(rates), np.arange(trials)
    n, dlt = (np.zeros((trials, doses), np.int64) for _ in range(2))
    dose = np.full(trials, start - 1)
    closed = np.full(trials, doses)
    cohorts = np.zeros(trials, np.int64)
    running = every
    for first, last in pairwise(cuts):
        at = dose[running]
        toxic = (tolerances[running, first:last] < rates[at][:, None]).sum(axis=1)
        n[running, at] += last - first
        dlt[running, at] += toxic
        cohorts[running] += 1
        dose[running], closed[running] = _moved(
            looked, at, n[running, at], dlt[running, at], closed[running], doses
        )
        running = running[closed[running] > 0]
    return n, dlt, select_mtds(design, n, dlt, closed), cohorts


def _sizes(cuts: Sequence[int]) -> list[int]:
    """How many can be evaluable at a dose: sums of cohorts, the last one maybe smaller."""
    whole = cuts[1]
    last = cuts[-1] - cuts[-2]
    return sorted({*range(whole, cuts[-2] + 1, whole), *range(last, cuts[-1] + 1, whole)})


def _moved(
    looked: Looked, at: Counts, n: Counts, dlt: Counts, closed: Counts, doses: int
) -> tuple[Counts, Counts]:
    """The next dose, and the lowest dose eliminated (``doses``: none), both from 0."""
    gone = np.where(at == 0, looked.eliminates_lowest[n, dlt], looked.eliminates[n, dlt])
    closed = np.where(gone, np.minimum(closed, at), closed)
    wanted = np.clip(at + looked.step[n, dlt], 0, doses - 1)
    return np.maximum(np.minimum(wanted, closed - 1), 0), closed


def select_mtds(design: IntervalDesign, n: Counts, dlt: Counts, closed: Counts) -> Counts:
    """The MTD of each trial by isotonic regression (0: none); ``closed``: the lowest dose
    eliminated, from 0."""
    doses = n.shape[1]
    left = (n > 0) & (np.arange(doses) < closed[:, None])
    rising = _isotonic(n, dlt, left) + 1e-10 * np.cumsum(left, axis=1)
    bound = design.mtd_bound()
    if bound is not None:
        left &= rising <= bound + TOLERANCE
    gaps = np.where(left, np.abs(rising - design.target), np.inf)
    best: Counts = np.where(left.any(axis=1), gaps.argmin(axis=1) + 1, 0)
    return best


def _isotonic(n: Counts, dlt: Counts, left: Flags) -> Floats:
    """The non-decreasing rates by min-max of weighted means: max over a <= j of min over b >= j of
    the mean of a..b. The same sequence as pooling adjacent violators."""
    toxic, total = dlt + 0.05, n + 0.1
    weights = np.where(left, total**2 * (total + 1) / (toxic * (total - toxic)), 0.0)
    zeros = np.zeros((len(n), 1))
    mass = np.hstack([zeros, np.cumsum(weights, axis=1)])
    moment = np.hstack([zeros, np.cumsum(weights * toxic / total, axis=1)])
    rates = np.full(n.shape, -np.inf)
    for j in range(n.shape[1]):
        for a in range(j + 1):
            below = np.full(len(n), np.inf)
            for b in range(j, n.shape[1]):
                some = mass[:, b + 1] - mass[:, a]
                mean = (moment[:, b + 1] - moment[:, a]) / np.where(some > 0, some, 1.0)
                below = np.minimum(below, np.where(left[:, b], mean, np.inf))
            rates[:, j] = np.maximum(rates[:, j], np.where(left[:, a], below, -np.inf))
    return rates
