"""The rules as one would first write them in Python: what `bench.designs` is compared with.

Right, but without tables, caches, arrays or reasons; each gives the same answer as Vigil's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb, exp, log

Tails = tuple[list[float], list[float]]


def boin_step(n: int, dlt: int, target: float) -> tuple[int, bool]:
    """Up, stay or down as 1, 0 or -1, and whether the dose is eliminated."""
    low, high = 0.6 * target, 1.4 * target
    escalate = log((1 - low) / (1 - target)) / log(target * (1 - low) / (low * (1 - target)))
    deescalate = log((1 - target) / (1 - high)) / log(high * (1 - target) / (target * (1 - high)))
    tail = sum(comb(n + 1, k) * target**k * (1 - target) ** (n + 1 - k) for k in range(dlt + 1))
    step = 1 if dlt / n <= escalate else -1 if dlt / n > deescalate else 0
    return step, n >= 3 and tail > 0.95


def boin_trials(
    rates: Sequence[float], tolerances: Sequence[Sequence[float]], target: float
) -> list[int]:
    """The MTD of each trial (0: none), in cohorts of three."""
    return [_boin_trial(rates, row, target) for row in tolerances]


def _boin_trial(rates: Sequence[float], row: Sequence[float], target: float) -> int:
    n, dlt, dose, closed = [0] * len(rates), [0] * len(rates), 0, len(rates)
    for first in range(0, len(row), 3):
        n[dose] += 3
        dlt[dose] += sum(one < rates[dose] for one in row[first : first + 3])
        step, eliminated = boin_step(n[dose], dlt[dose], target)
        if eliminated:
            closed = min(closed, dose)
        if closed == 0:
            return 0
        dose = min(max(dose + step, 0), closed - 1, len(rates) - 1)
    return _select(n[:closed], dlt[:closed], target)


def _select(n: Sequence[int], dlt: Sequence[int], target: float) -> int:
    tried = [dose for dose, there in enumerate(n) if there]
    blocks: list[tuple[float, float, list[int]]] = []
    for dose in tried:
        toxic, total = dlt[dose] + 0.05, n[dose] + 0.1
        block = (toxic / total, total**2 * (total + 1) / (toxic * (total - toxic)), [dose])
        while blocks and blocks[-1][0] > block[0]:
            rate, weight, doses = blocks.pop()
            both = weight + block[1]
            block = ((rate * weight + block[0] * block[1]) / both, both, doses + block[2])
        blocks.append(block)
    rising = {dose: rate for rate, _, doses in blocks for dose in doses}
    return 1 + min(tried, key=lambda dose: abs(rising[dose] + 1e-10 * dose - target))


def crm_estimate(skeleton: Sequence[float], dlt: Sequence[int], n: Sequence[int]) -> float:
    """The posterior mean of the empiric model's parameter, by two sums over a fine grid."""

    def height(beta: float) -> float:
        found = exp(-beta * beta / 2.68)
        for rate, toxic, there in zip(skeleton, dlt, n, strict=True):
            p = rate ** exp(beta)
            found *= p**toxic * (1 - p) ** (there - toxic)
        return found

    nodes = [index / 200 for index in range(-2000, 2001)]
    return sum(beta * height(beta) for beta in nodes) / sum(map(height, nodes))


def three_plus_three(rates: Sequence[float]) -> list[float]:
    """P(MTD = none, 1, ...) of a plain 3+3 and the mean patients per dose, by walking every
    outcome of every cohort."""
    found, patients = [0.0] * (len(rates) + 1), [0.0] * len(rates)

    def ended(mtd: int, treated: list[int], probability: float) -> None:
        found[mtd] += probability
        for dose, there in enumerate(treated):
            patients[dose] += probability * there

    def walk(dose: int, before: int | None, treated: list[int], probability: float) -> None:
        if dose == len(rates):
            ended(dose, treated, probability)
            return
        treated = [there + 3 * (at == dose) for at, there in enumerate(treated)]
        for dlts in range(4):
            share = comb(3, dlts) * rates[dose] ** dlts * (1 - rates[dose]) ** (3 - dlts)
            after = probability * share
            if (before or 0) + dlts >= 2:
                ended(dose, treated, after)
            elif before is None and dlts == 1:
                walk(dose, 1, treated, after)
            else:
                walk(dose + 1, None, treated, after)

    walk(0, None, [0] * len(rates), 1.0)
    return [*found, *patients]


def simon_optimal(p0: float, p1: float, alpha: float, beta: float, n_max: int) -> tuple[int, ...]:
    """r1, n1, r, n with the smallest expected n at p0, by trying all."""
    best, found = float("inf"), (0, 0, 0, 0)
    for n, n1 in product(range(2, n_max + 1), range(1, n_max)):
        if n1 >= n:
            continue
        null, better = (_masses(n1, n - n1, p) for p in (p0, p1))
        for r1, r in product(range(n1), range(n)):
            expected = n1 + (1 - sum(null[0][: r1 + 1])) * (n - n1)
            if r < r1 or expected >= best:
                continue
            if _rejected(null, r1, r) <= alpha and _rejected(better, r1, r) >= 1 - beta:
                best, found = expected, (r1, n1, r, n)
    return found


def _masses(n1: int, n2: int, p: float) -> Tails:
    first, second = (
        [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)] for n in (n1, n2)
    )
    return first, second


def _rejected(masses: Tails, r1: int, r: int) -> float:
    first, second = masses
    return sum(first[x] * sum(second[max(0, r + 1 - x) :]) for x in range(r1 + 1, len(first)))
