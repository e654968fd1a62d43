"""Rates of two drugs that may only rise with either: isotonic regression of a matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.clinical.designs.isotonic import pool_adjacent_violators

Matrix = list[list[float]]
_CONVERGED = 1e-12
_MOST_SWEEPS = 20_000


def isotonic_matrix(
    values: Sequence[Sequence[float]], weights: Sequence[Sequence[float]]
) -> Matrix:
    """The matrix nearest to ``values`` by weighted least squares that falls in no row or column.

    Projects on rows and columns in turn, each time giving back what that projection took before.
    Source: Dykstra RL, Robertson T, Ann Stat 1982;10:708-716 (AS 206; `biviso` of the R package
    Iso).

    >>> isotonic_matrix([[0.1, 0.5], [0.3, 0.3]], [[1, 1], [1, 3]])
    [[0.1, 0.35], [0.3, 0.35]]
    """
    found = [list(row) for row in values]
    by_row, by_column = _zeros(found), _zeros(found)
    for _ in range(_MOST_SWEEPS):
        rows, by_row = _projected(found, by_row, lambda at: _rows(at, weights))
        after, by_column = _projected(rows, by_column, lambda at: _columns(at, weights))
        moved = max(_distance(after, rows), _distance(after, found))
        found = after
        if moved < _CONVERGED:
            break
    return [[round(value, 12) for value in row] for row in found]


def _projected(
    at: Matrix, taken: Matrix, project: Callable[[Matrix], Matrix]
) -> tuple[Matrix, Matrix]:
    """The projection, and what it took away."""
    restored = [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(at, taken, strict=True)]
    found = project(restored)
    left = [
        [a - b for a, b in zip(*pair, strict=True)] for pair in zip(restored, found, strict=True)
    ]
    return found, left


def _rows(values: Matrix, weights: Sequence[Sequence[float]]) -> Matrix:
    return [pool_adjacent_violators(*pair) for pair in zip(values, weights, strict=True)]


def _columns(values: Matrix, weights: Sequence[Sequence[float]]) -> Matrix:
    turned = zip(zip(*values, strict=True), zip(*weights, strict=True), strict=True)
    columns = [pool_adjacent_violators(*pair) for pair in turned]
    return [list(row) for row in zip(*columns, strict=True)]


def _zeros(like: Matrix) -> Matrix:
    return [[0.0] * len(row) for row in like]


def _distance(one: Matrix, other: Matrix) -> float:
    return max(
        abs(a - b) for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True)
    )
