"""Rates of two drugs that may only rise with either: isotonic regression of a matrix.

A region is split in two where an upper part of it lies above the region's mean by more than any
other part; where none does, all of it has the mean. Exact, and finite, unlike repeated pooling of
rows and columns, which can take thousands of rounds where a rate of few patients meets one of many.

Source: Spouge J, Wan H, Wilbur WJ, J Optim Theory Appl 2003;117:585-605.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate

Cell = tuple[int, int]
Matrix = Sequence[Sequence[float | Fraction]]


def isotonic_matrix(values: Matrix, weights: Matrix) -> list[list[float]]:
    """The matrix nearest to ``values`` by weighted least squares that falls in no row or column.

    >>> isotonic_matrix([[0.25, 0.5], [0.375, 0.125]], [[1, 1], [1, 2]])
    [[0.25, 0.28125], [0.28125, 0.28125]]
    """
    shape = len(values), len(values[0])
    cells = [(j, k) for j in range(shape[0]) for k in range(shape[1])]
    value = {(j, k): Fraction(values[j][k]) for j, k in cells}
    weight = {(j, k): Fraction(weights[j][k]) for j, k in cells}
    fitted: dict[Cell, Fraction] = {}
    regions = [cells]
    while regions:
        region = regions.pop()
        mean = _total(value[at] * weight[at] for at in region) / _total(weight[at] for at in region)
        gains = {at: weight[at] * (value[at] - mean) for at in region}
        upper = _best_upper_part(gains, shape)
        if _total(gains[at] for at in upper) > 0:
            regions += [upper, [at for at in region if at not in upper]]
        else:
            fitted |= dict.fromkeys(region, mean)
    return [[float(fitted[j, k]) for k in range(shape[1])] for j in range(shape[0])]


def _total(parts: Iterable[Fraction]) -> Fraction:
    return sum(parts, Fraction(0))


def _best_upper_part(gains: Mapping[Cell, Fraction], shape: tuple[int, int]) -> list[Cell]:
    """The upper part with the largest gain: in each row the cells from a column on that never
    moves right from one row to the next."""
    rows, columns = shape
    best: list[tuple[Fraction, tuple[int, ...]]] = [(Fraction(0), ())] * (columns + 1)
    for j in range(rows):
        row = [gains.get((j, k), Fraction(0)) for k in range(columns)]
        sums = list(accumulate(reversed(row), initial=Fraction(0)))[::-1]
        reached = list(accumulate(reversed(best), max))[::-1]
        best = [
            (gain + sums[start], (*starts, start)) for start, (gain, starts) in enumerate(reached)
        ]
    _, starts = max(best)
    return [(j, k) for j, k in gains if k >= starts[j]]
