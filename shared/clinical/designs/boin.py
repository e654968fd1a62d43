"""BOIN: the rate at the current dose against two boundaries that minimise wrong decisions."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import log
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from shared.clinical.designs.design import register
from shared.clinical.designs.interval import IntervalDesign, Reading
from shared.clinical.designs.model import TOLERANCE
from shared.clinical.designs.parameters import Rate
from shared.clinical.designs.posterior import exactly


@lru_cache(maxsize=256)
def boundaries(target: float, p_saf: float, p_tox: float) -> tuple[float, float]:
    """λe and λd: ln[(1-p_saf)/(1-φ)] / ln[φ(1-p_saf)/(p_saf(1-φ))], and likewise with p_tox.

    >>> "{:.8f} {:.8f}".format(*boundaries(0.28, 0.6 * 0.28, 1.4 * 0.28))
    '0.22059768 0.33444132'
    """
    escalate = log((1 - p_saf) / (1 - target)) / log(target * (1 - p_saf) / (p_saf * (1 - target)))
    deescalate = log((1 - target) / (1 - p_tox)) / log(
        p_tox * (1 - target) / (target * (1 - p_tox))
    )
    return escalate, deescalate


@register
class Boin(IntervalDesign):
    """Escalate if y/n <= λe, de-escalate if y/n > λd, else stay (`boundaries`; ties within 1e-9).

    ``p_saf`` and ``p_tox`` default to 0.6 and 1.4 times the target. ``extrasafe`` stops at dose 1
    already when P(p > target) > cutoff_eli - offset. ``bound_mtd`` takes only estimates <= λd as
    MTD. ``stay_at_one_third``: 1/3 means stay even where it is above λd.

    Source: Liu S, Yuan Y, J R Stat Soc C 2015;64:507-523; parameters as in the R package BOIN.

    >>> Boin(target=0.28).boundaries(9)
    Boundaries(n=9, escalate_if_at_most=1, deescalate_if_at_least=4, eliminate_if_at_least=5)
    """

    kind: Literal["boin"] = "boin"
    p_saf: Rate | None = None
    p_tox: Rate | None = None
    extrasafe: bool = False
    offset: float = Field(default=0.05, gt=0, lt=0.5)
    bound_mtd: bool = False
    stay_at_one_third: bool = False
    source: ClassVar[str] = "Liu S, Yuan Y, J R Stat Soc C 2015;64:507-523"

    @model_validator(mode="after")
    def _in_order(self) -> Boin:
        saf, tox = self._rates()
        if not saf < self.target < tox < 1:
            raise ValueError("p_saf < target < p_tox < 1 must hold")
        return self

    def _rates(self) -> tuple[float, float]:
        return (
            0.6 * self.target if self.p_saf is None else self.p_saf,
            1.4 * self.target if self.p_tox is None else self.p_tox,
        )

    @property
    def lambdas(self) -> tuple[float, float]:
        """λe and λd."""
        return boundaries(self.target, *self._rates())

    def read(self, n: int, dlt: int) -> Reading:
        return self.read_rate(dlt / n, f"{dlt}/{n}", one_third=(n, dlt) == (3, 1))

    def read_rate(self, rate: float, shown: str, one_third: bool = False) -> Reading:
        """The verdict on a rate, however it was estimated; ``shown`` is how to write it."""
        low, high = self.lambdas
        thresholds = {"lambda_e": low, "lambda_d": high}
        margin = min(abs(rate - low), abs(rate - high))
        said = f"{shown} = {rate:.4f}"
        if rate <= low + TOLERANCE:
            return Reading("E", f"{said} is at most {low:.4f}", {**thresholds}, margin)
        if rate <= high + TOLERANCE:
            text = f"{said} lies between {low:.4f} and {high:.4f}"
            return Reading("S", text, {**thresholds}, margin)
        if one_third and self.stay_at_one_third:
            text = f"{said} is above {high:.4f}, but the protocol stays at 1/3"
            return Reading("S", text, {**thresholds}, margin)
        return Reading("D", f"{said} is above {high:.4f}", {**thresholds}, margin)

    def cutoff(self, lowest: bool) -> Fraction:
        cutoff = exactly(self.cutoff_eli)
        return cutoff - exactly(self.offset) if self.extrasafe and lowest else cutoff

    def mtd_bound(self) -> float | None:
        return self.lambdas[1] if self.bound_mtd else None
