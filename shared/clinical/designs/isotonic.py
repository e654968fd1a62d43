"""The MTD from all doses together: rates that may only rise with the dose.

Source: Liu S, Yuan Y, J R Stat Soc C 2015;64:507-523, and `select.mtd` of the R package BOIN.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.clinical.designs.model import TOLERANCE, DoseCounts

SOURCE = "Liu S, Yuan Y, J R Stat Soc C 2015;64:507-523"
_STEP = 1e-10


def pool_adjacent_violators(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing sequence nearest to ``values`` by weighted least squares.

    >>> pool_adjacent_violators([0.1, 0.5, 0.2], [1, 1, 2])
    [0.1, 0.3, 0.3]
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        block = (value, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            before = blocks.pop()
            total = before[1] + block[1]
            mean = (before[0] * before[1] + block[0] * block[1]) / total
            block = (mean, total, before[2] + block[2])
        blocks.append(block)
    return [value for value, _, length in blocks for _ in range(length)]


def estimates_of(doses: Sequence[DoseCounts]) -> dict[int, float]:
    """Isotonic DLT rates of the tried doses, by dose.

    Each starts as (y + .05)/(n + .1), weighted by the inverse variance of
    Beta(y + .05, n - y + .05).
    """
    tried = [dose for dose, counts in enumerate(doses, start=1) if counts.n]
    shapes = [(doses[dose - 1].dlt + 0.05, doses[dose - 1].n + 0.1) for dose in tried]
    rates = [toxic / total for toxic, total in shapes]
    weights = [total**2 * (total + 1) / (toxic * (total - toxic)) for toxic, total in shapes]
    return dict(zip(tried, pool_adjacent_violators(rates, weights), strict=True))


def select_mtd(
    estimates: dict[int, float], target: float, bound: float | None = None
) -> int | None:
    """The dose whose rate is nearest to the target; of equal rates the lower one above the target,
    the higher one below it. ``bound``: only rates up to it.

    >>> doses = [DoseCounts(3, 1), DoseCounts(6, 0), DoseCounts(6, 2), DoseCounts(9, 4)]
    >>> select_mtd(estimates_of(doses), 0.28)
    3
    """
    rising = {
        dose: rate + _STEP * rank for rank, (dose, rate) in enumerate(estimates.items(), start=1)
    }
    open_to = [dose for dose, rate in rising.items() if bound is None or rate <= bound + TOLERANCE]
    return min(open_to, key=lambda dose: abs(rising[dose] - target), default=None)
