"""What a design does at given true DLT rates: the shape of every answer, simulated or exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import fsum, sqrt
from typing import Any, Literal

from shared.clinical.designs.model import TOLERANCE

MOSTLY = 0.6
"""A trial is overdosed when more than this share of its patients is above the right dose."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its Monte Carlo standard error; 0 where it is exact."""

    value: float
    se: float = 0.0


@dataclass(frozen=True, slots=True)
class Trials:
    """Simulated trials, a list entry each: per dose the patients and the DLTs, the MTD (0: none)
    and the days from the first dose to the last answer."""

    n: Sequence[Sequence[int]]
    dlt: Sequence[Sequence[int]]
    mtd: Sequence[int]
    days: Sequence[float]


@dataclass(frozen=True, slots=True)
class Characteristics:
    """Operating characteristics.

    ``selected``: the probability of each dose to be the MTD, ``none`` of no dose; ``patients`` and
    ``dlts``: the mean per dose. ``right_dose``: the one with the true DLT rate nearest to
    ``target``. ``above`` and ``below``: the share of all patients treated above and below it;
    ``overdosed`` and ``underdosed``: the probability of a trial with more than 60 % of them there
    (None where that was not counted). ``days``: mean length of a trial.
    """

    method: Literal["simulation", "exact"]
    rates: tuple[float, ...]
    target: float
    right_dose: int
    selected: tuple[Estimate, ...]
    none: Estimate
    patients: tuple[Estimate, ...]
    dlts: tuple[Estimate, ...]
    above: float
    below: float
    overdosed: Estimate | None
    underdosed: Estimate | None
    days: Estimate
    trials: int | None = None

    @property
    def total_patients(self) -> float:
        """Mean number of patients of a trial."""
        return fsum(one.value for one in self.patients)

    @property
    def total_dlts(self) -> float:
        """Mean number of DLTs of a trial."""
        return fsum(one.value for one in self.dlts)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        totals = {"total_patients": self.total_patients, "total_dlts": self.total_dlts}
        return {**asdict(self), **totals}


def right_dose(rates: Sequence[float], target: float) -> int:
    """The dose with the rate nearest to the target; of two as near the lower one.

    >>> right_dose([0.1, 0.2, 0.3], 0.25)
    2
    """
    gaps = [abs(rate - target) for rate in rates]
    return next(dose for dose, gap in enumerate(gaps, 1) if gap <= min(gaps) + TOLERANCE)


def sides(rates: Sequence[float], right: int) -> tuple[list[int], list[int]]:
    """The places of the doses with a higher and with a lower rate than the right one."""
    at = rates[right - 1]
    above = [place for place, rate in enumerate(rates) if rate > at]
    return above, [place for place, rate in enumerate(rates) if rate < at]


def summarise(trials: Trials, rates: Sequence[float], target: float) -> Characteristics:
    """The characteristics of simulated trials, with their Monte Carlo errors."""
    number = len(trials.mtd)
    right = right_dose(rates, target)
    above, below = sides(rates, right)
    n = list(zip(*trials.n, strict=True))
    totals = list(map(sum, trials.n))
    patients = tuple(map(mean_of, n))
    treated = fsum(one.value for one in patients)

    def most(places: list[int]) -> Estimate:
        there = map(sum, zip(*(n[place] for place in places), strict=True)) if places else ()
        share = sum(some > MOSTLY * total for some, total in zip(there, totals, strict=False))
        return _share(share, number)

    return Characteristics(
        method="simulation",
        rates=tuple(rates),
        target=target,
        right_dose=right,
        selected=tuple(_share(trials.mtd.count(dose), number) for dose in range(1, len(rates) + 1)),
        none=_share(trials.mtd.count(0), number),
        patients=patients,
        dlts=tuple(map(mean_of, zip(*trials.dlt, strict=True))),
        above=fsum(patients[place].value for place in above) / treated,
        below=fsum(patients[place].value for place in below) / treated,
        overdosed=most(above),
        underdosed=most(below),
        days=mean_of(trials.days),
        trials=number,
    )


def _share(count: int, number: int) -> Estimate:
    """Never without error: none of a thousand is not never (Laplace's rule of succession)."""
    likely = (count + 1) / (number + 2)
    return Estimate(count / number, sqrt(likely * (1 - likely) / number))


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean of independent values with its standard error."""
    number = len(values)
    mean = sum(values) / number
    spread = sum(value * value for value in values) / number - mean * mean
    return Estimate(mean, sqrt(max(0.0, spread) / number))
