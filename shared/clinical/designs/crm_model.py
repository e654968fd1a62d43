"""The one-parameter dose-toxicity curves of the continual reassessment method, and their fit.

Empiric: p_j = p0_j ^ exp(β). Logistic: logit p_j = intcpt + exp(β) x_j, x_j = logit(p0_j) - intcpt.
β has the prior N(0, scale²). Both fall in β, so that each quantile of β is one of p_j.

Sources: O'Quigley J, Pepe M, Fisher L, Biometrics 1990;46:33-48 (CRM); Cheung YK, Chappell R,
Biometrics 2000;56:1177-1182 (weights); Lee SM, Cheung YK, Clin Trials 2009;6:227-238 (skeleton).
Parameters and defaults as in the R package dfcrm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, expm1, log, log1p
from typing import Literal

from shared.clinical.designs.quadrature import posterior

Model = Literal["empiric", "logistic"]

_REACH = 15
"""The grid spans so many standard deviations of the prior on either side."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was seen at one dose: DLTs, patients followed to the end without one, and the weights
    of those followed for a part of the window."""

    dlt: int = 0
    clean: int = 0
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """A skeleton of DLT rates under a model; doses count from 1."""

    skeleton: tuple[float, ...]
    model: Model = "empiric"
    intcpt: float = 3.0

    def scaled(self, rate: float) -> float:
        """The dose label, below 0: log p0 or logit p0 - intcpt."""
        return log(rate) if self.model == "empiric" else _logit(rate) - self.intcpt

    def rate(self, label: float) -> float:
        """The rate of a dose label times exp(β)."""
        return self.rates(label, (1.0,))[0]

    def rates(self, label: float, growths: Sequence[float]) -> list[float]:
        """The rates of a dose label at several exp(β); labels are negative, so no odds overflow."""
        if self.model == "empiric":
            return [exp(label * growth) for growth in growths]
        odds = [exp(self.intcpt + label * growth) for growth in growths]
        return [one / (1 + one) for one in odds]

    def log_likelihood(self, label: float, seen: Tally) -> Callable[[float], float]:
        """Of exp(β): Σ y log p + Σ log(1 - w p), never by way of p near 1 or 0."""
        if self.model == "empiric":
            return lambda growth: _empiric(growth * label, seen)
        return lambda growth: _logistic(self.intcpt + growth * label, seen)


def _empiric(log_p: float, seen: Tally) -> float:
    found = seen.dlt * log_p
    if seen.clean or seen.weights:
        survival = -expm1(log_p)
        found += seen.clean * log(survival)
        for weight in seen.weights:
            found += log(1 - weight + weight * survival)
    return found


def _logistic(eta: float, seen: Tally) -> float:
    lost = log1p(exp(eta))
    found = seen.dlt * (eta - lost) - seen.clean * lost
    if seen.weights:
        survival = exp(-lost)
        for weight in seen.weights:
            found += log(1 - weight + weight * survival)
    return found


def _logit(rate: float) -> float:
    return log(rate) - log1p(-rate)


@dataclass(frozen=True, slots=True)
class Fit:
    """The posterior, per dose from 1 up.

    ``estimate`` and ``variance`` of β; ``ptox`` the plug-in rates p_j(estimate), as dfcrm shows
    them; ``means`` the posterior means of p_j, which are other numbers; ``lower`` and ``upper``
    the equal-tailed credible interval; ``above`` P(p_j > target). The last three are good to
    5e-5, the others to more than seven digits.
    """

    estimate: float
    variance: float
    ptox: tuple[float, ...]
    means: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    above: tuple[float, ...]


@lru_cache(maxsize=4096)
def fit(
    curve: Curve, seen: tuple[Tally, ...], scale: float, target: float, conf_level: float = 0.9
) -> Fit:
    """The posterior of β and of the DLT rates.

    >>> seen = (Tally(0, 3), Tally(1, 2), Tally(1, 2), Tally(), Tally())
    >>> found = fit(Curve((0.04, 0.11, 0.22, 0.37, 0.52)), seen, 1.34**0.5, 0.22)
    >>> f"{found.estimate:.7f} {found.variance:.6f} {found.ptox[1]:.6f}"
    '-0.3259527 0.165662 0.203254'
    """
    labels = [curve.scaled(rate) for rate in curve.skeleton]
    parts = [
        curve.log_likelihood(label, one)
        for label, one in zip(labels, seen, strict=True)
        if one != Tally()
    ]

    def log_density(beta: float) -> float:
        growth, found = exp(beta), -beta * beta / (2 * scale * scale)
        for part in parts:
            found += part(growth)
        return found

    found = posterior(log_density, -_REACH * scale, _REACH * scale)
    growths = [exp(beta) for beta in found.nodes]
    tails = ((1 + conf_level) / 2, (1 - conf_level) / 2)
    low, high = (exp(found.quantile(share)) for share in tails)
    middle, aim = exp(found.mean()), curve.scaled(target)
    return Fit(
        found.mean(),
        found.variance(),
        tuple(curve.rate(label * middle) for label in labels),
        tuple(found.mean(curve.rates(label, growths)) for label in labels),
        tuple(curve.rate(label * low) for label in labels),
        tuple(curve.rate(label * high) for label in labels),
        tuple(found.cdf(log(aim / label)) for label in labels),
    )


def getprior(
    halfwidth: float,
    target: float,
    nu: int,
    nlevel: int,
    model: Model = "empiric",
    intcpt: float = 3.0,
) -> tuple[float, ...]:
    """A skeleton with indifference intervals ``target ± halfwidth`` and the prior MTD ``nu``.

    Neighbouring doses meet where the lower one has the rate target - halfwidth and the higher one
    target + halfwidth. Source: Lee and Cheung 2009; `getprior` of the R package dfcrm.

    >>> [round(rate, 6) for rate in getprior(0.05, 0.22, nu=3, nlevel=5)]
    [0.062467, 0.128849, 0.22, 0.326666, 0.437483]
    """
    if not 0 < target - halfwidth < target + halfwidth < 1 or not 1 <= nu <= nlevel:
        raise ValueError("0 < target - halfwidth, target + halfwidth < 1, 1 <= nu <= nlevel")
    curve = Curve((), model, intcpt)
    if curve.scaled(target + halfwidth) >= 0:
        raise ValueError("the intercept must lie above logit(target + halfwidth)")
    step = curve.scaled(target - halfwidth) / curve.scaled(target + halfwidth)
    middle = curve.scaled(target)
    return tuple(curve.rate(middle * step ** (nu - dose)) for dose in range(1, nlevel + 1))
