"""Beta posteriors of integer counts, exactly: no tie is decided by floating point.

With the prior Beta(1,1) and y DLTs among n, the tail P(p > x) is the binomial sum
P(Bin(n + 1, x) <= y), a fraction for every decimal x.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb


@lru_cache(maxsize=1024)
def exactly(number: float) -> Fraction:
    """The decimal a number was written as.

    >>> exactly(0.28)
    Fraction(7, 25)
    """
    return Fraction(repr(number))


@lru_cache(maxsize=65_536)
def tail(n: int, dlt: int, rate: Fraction) -> Fraction:
    """P(p > rate) after ``dlt`` of ``n``, prior Beta(1,1).

    >>> round(float(tail(6, 4, exactly(0.28))), 7)
    0.9787004
    """
    if not 0 < rate < 1:
        return Fraction(int(rate <= 0))
    hit, whole = rate.numerator, rate.denominator
    miss = whole - hit
    ways = sum(comb(n + 1, k) * hit**k * miss ** (n + 1 - k) for k in range(dlt + 1))
    return Fraction(ways, whole ** (n + 1))


@lru_cache(maxsize=65_536)
def exceeds(n: int, dlt: int, rate: float, cutoff: Fraction) -> bool:
    """Whether P(p > rate) is above the cutoff."""
    return tail(n, dlt, exactly(rate)) > cutoff


def density(n: int, dlt: int, low: Fraction, high: Fraction) -> Fraction:
    """Posterior probability of an interval over its length: the "unit probability mass"."""
    return (tail(n, dlt, low) - tail(n, dlt, high)) / (high - low)
