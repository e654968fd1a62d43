"""The posterior of one real parameter on a fixed grid, in plain Python.

The trapezoid rule over the whole real line converges faster than any power of the step for smooth
densities with Gaussian tails, so that a fixed grid gives more digits than any protocol prints. The
log density is shifted by its maximum before it is exponentiated: no data underflow it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp
from operator import mul

from shared.clinical.designs.addition import in_turn

_SEARCH, _NODES = 41, 161
_NEGLIGIBLE = 40.0
"""Log units below the maximum where the density no longer counts: exp(-40) is 4e-18."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """A density on equally spaced nodes; ``masses`` add up to 1, ``below`` is their integral."""

    nodes: tuple[float, ...]
    masses: tuple[float, ...]
    below: tuple[float, ...]

    def mean(self, values: Sequence[float] | None = None) -> float:
        """The posterior mean of the parameter, or of its function given by ``values`` per node."""
        points = self.nodes if values is None else values
        return in_turn(map(mul, self.masses, points))

    def variance(self) -> float:
        """The posterior variance of the parameter."""
        centre = self.mean()
        return self.mean([(node - centre) ** 2 for node in self.nodes])

    def cdf(self, point: float) -> float:
        """P(parameter <= point), within 5e-5: a cubic between two nodes."""
        place = (point - self.nodes[0]) / (self.nodes[1] - self.nodes[0])
        if place <= 0:
            return 0.0
        if place >= len(self.nodes) - 1:
            return 1.0
        cell = int(place)
        share, left = place - cell, cell + 1 - place
        start, end = self.below[cell], self.below[cell + 1]
        rising = share * share * (3 - 2 * share)
        bend = share * left * (left * self.masses[cell] - share * self.masses[cell + 1])
        return min(1.0, max(0.0, start + (end - start) * rising + bend))

    def quantile(self, probability: float) -> float:
        """The point with this probability below it, by bisection."""
        low, high = self.nodes[0], self.nodes[-1]
        while high - low > 1e-9 * (self.nodes[-1] - self.nodes[0]):
            middle = (low + high) / 2
            if self.cdf(middle) < probability:
                low = middle
            else:
                high = middle
        return (low + high) / 2


def posterior(log_density: Callable[[float], float], low: float, high: float) -> Posterior:
    """The posterior of a log density, up to a constant, that is negligible outside (low, high).

    >>> normal = posterior(lambda x: -x * x / 2, -15.0, 15.0)
    >>> f"{normal.variance():.10f} {normal.cdf(1.959964):.3f} {normal.quantile(0.975):.3f}"
    '1.0000000000 0.975 1.960'
    """
    found = 0
    while found < _SEARCH // 6:
        nodes, logs = _grid(log_density, low, high, _SEARCH)
        top = max(logs)
        near = [node for node, value in zip(nodes, logs, strict=True) if value > top - _NEGLIGIBLE]
        found, step = len(near), nodes[1] - nodes[0]
        low, high = near[0] - step, near[-1] + step
    nodes, logs = _grid(log_density, low, high, _NODES)
    top = max(logs)
    return _normalised(nodes, [exp(value - top) for value in logs])


def _grid(
    log_density: Callable[[float], float], low: float, high: float, number: int
) -> tuple[list[float], list[float]]:
    step = (high - low) / (number - 1)
    nodes = [low + step * index for index in range(number)]
    return nodes, [log_density(node) for node in nodes]


def _normalised(nodes: list[float], heights: list[float]) -> Posterior:
    """Each cell's area comes from the polynomial through its six nearest nodes."""
    total = in_turn(heights)
    masses = [height / total for height in heights]
    wide = [0.0, 0.0, *masses, 0.0, 0.0]
    areas = [
        (802 * (c + d) - 93 * (b + e) + 11 * (a + f)) / 1440
        for a, b, c, d, e, f in zip(*(wide[start:] for start in range(6)), strict=False)
    ]
    return Posterior(tuple(nodes), tuple(masses), tuple(accumulate(areas, initial=0.0)))
