"""Adding numbers up so that every Python finds the same sum.

From Python 3.12 on the built-in ``sum`` of floats carries a correction along. It is the better sum,
but another one: the same records would have one digest here and another there.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add


def in_turn(numbers: Iterable[float]) -> float:
    """The sum of the numbers, each added to those before it; of none, the integer 0.

    >>> in_turn([0.1] * 10)
    0.9999999999999999
    """
    return reduce(add, numbers, 0)
