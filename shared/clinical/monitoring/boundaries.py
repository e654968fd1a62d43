"""From a rule to its boundary: how many events stop at every number of subjects, and how often.

A boundary never falls when subjects are added. Between two looks the next look's boundary stands:
once that many have had the event, crossing there is certain, and waiting for it would only expose
more subjects. After the last look its boundary stays in force. Neither changes the probability of
ever crossing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist
from typing import TypeVar, assert_never

from shared.clinical.monitoring.beta import TOLERANCE, beta_tail
from shared.clinical.monitoring.model import EventCounts
from shared.clinical.monitoring.rules import (
    AnyRelatedGrade5,
    BetaBinomial,
    NOfM,
    RepeatedTesting,
    Rule,
    SafetyRule,
    TwoStage,
)

Number = TypeVar("Number", float, Fraction)
REACH = 100
"""How many subjects ahead a look searches for the boundary."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Boundary:
    """At `n` subjects, `stop_at` or more with the event stop; None: not even all of them would."""

    n: int
    stop_at: int | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """At a true event rate `p`: the probability of ever stopping, and the subjects looked at."""

    p: float
    probability: float
    expected_n: float


def boundary_table(rule: SafetyRule, n_max: int) -> tuple[Boundary, ...]:
    """The printable boundary for 1 to `n_max` subjects.

    >>> rule = BetaBinomial(p0=0.28, a=0.28, b=0.72, cutoff=0.90)
    >>> [row.stop_at for row in boundary_table(rule, 6)]
    [None, 2, 3, 3, 3, 4]
    """
    limits = limits_of(rule, n_max)
    return tuple(Boundary(n, limits[n] if limits[n] <= n else None) for n in range(1, n_max + 1))


@lru_cache(maxsize=256)
def limits_of(rule: Rule, n_max: int) -> tuple[int, ...]:
    """Events that stop at 0, 1, ... `n_max` subjects; above n where not even n events would.

    For a two-stage design: non-responses.
    """
    match rule:
        case AnyRelatedGrade5():
            return (1,) * (n_max + 1)
        case NOfM():
            return (rule.events,) * (n_max + 1)
        case BetaBinomial():
            return _posterior_limits(rule, n_max)
        case RepeatedTesting():
            return _spread(rule.looks, [r + 1 for r in tuned(rule).tolerated], n_max)
        case TwoStage():
            misses = (rule.n1 - rule.r1, rule.n - rule.r)
            return _spread((rule.n1, rule.n), misses, n_max)
    assert_never(rule)


def limits_within_reach(rule: Rule, counts: EventCounts) -> tuple[int, ...]:
    """The boundary for the counts and `REACH` subjects more; in round lengths, to share a cache."""
    longest = counts.n + counts.pending + REACH
    return limits_of(rule, -(-longest // REACH) * REACH)


def _posterior_limits(rule: BetaBinomial, n_max: int) -> tuple[int, ...]:
    looks = range(rule.first_look, max(n_max, rule.first_look) + 1)
    stop_at: list[int] = []
    events = 0
    for n in looks:
        while events <= n and not _exceeds(rule, n, events):
            events += 1
        stop_at.append(events)
    return _spread(looks, stop_at, n_max)


def _exceeds(rule: BetaBinomial, n: int, events: int) -> bool:
    return posterior(rule, n, events) > rule.cutoff + TOLERANCE


def posterior(rule: BetaBinomial, n: int, events: int) -> float:
    """P(p > p0 | events of n).

    >>> rule = BetaBinomial(p0=0.28, a=0.28, b=0.72, cutoff=0.90)
    >>> round(posterior(rule, 10, 5), 7)
    0.9137348
    """
    return beta_tail(rule.p0, rule.a + events, rule.b + n - events)


def _spread(looks: Sequence[int], stop_at: Sequence[int], n_max: int) -> tuple[int, ...]:
    """The boundary at every n: the lowest of all looks still to come, after them the last one's."""
    lowest = list(stop_at)
    for index in range(len(lowest) - 2, -1, -1):
        lowest[index] = min(lowest[index], lowest[index + 1])
    limits = []
    index = 0
    for n in range(n_max + 1):
        if n > looks[index] and index < len(lowest) - 1:
            index += 1
        limits.append(lowest[index])
    return tuple(limits)


# ------------------------------------------------------------------------- repeated testing


@dataclass(frozen=True, slots=True)
class Tuned:
    """`tolerated`: at each look the most events that do not stop; `level`: alpha' at the last look;
    `crossing`: P(ever crossing | p0), the largest attainable that is not above alpha; `power`: the
    same at p1, where the rule names it."""

    level: float
    tolerated: tuple[int, ...]
    crossing: float
    power: float | None


@lru_cache(maxsize=64)
def tuned(rule: RepeatedTesting) -> Tuned:
    """The highest boundary level that keeps the crossing probability at p0 within alpha.

    The boundary changes only where the level reaches a binomial tail of some look, so that the
    search runs over these values alone and its answer is exact.

    >>> rule = RepeatedTesting(p0=0.20, p1=0.40, looks=tuple(range(1, 21)))
    >>> tuned(rule).tolerated[:8], round(tuned(rule).crossing, 3)
    ((1, 2, 2, 2, 3, 3, 3, 4), 0.087)
    """
    reached = [_levels_reached(rule, n) for n in rule.looks]
    steps = sorted({z for row in reached for z in row if z > -math.inf})

    def tolerated(count: int) -> tuple[int, ...]:
        """The boundary once `count` of the steps are taken."""
        z = steps[count - 1] if count else -math.inf
        return tuple(next(r for r, level in enumerate(row) if level <= z) for row in reached)

    def crossing(count: int, p: float = rule.p0) -> float:
        return crossing_probability(rule.looks, tolerated(count), p)

    taken = bisect_right(range(1, len(steps) + 1), rule.alpha, key=crossing)
    level = _NORMAL.cdf(steps[taken - 1]) if taken else 0.0
    power = None if rule.p1 is None else crossing(taken, rule.p1)
    return Tuned(level, tolerated(taken), crossing(taken), power)


def _levels_reached(rule: RepeatedTesting, n: int) -> list[float]:
    """For each r: the z from which on r is tolerated at look n; all n always are."""
    shape = (n / rule.looks[-1]) ** rule.delta
    masses = binomial(n, rule.p0)
    above = 0.0
    levels = [-math.inf]
    for events in range(n, 0, -1):
        above += masses[events]
        levels.append(_z(above) * shape)
    return levels[::-1]


def _z(probability: float) -> float:
    if 0 < probability < 1:
        return _NORMAL.inv_cdf(probability)
    return math.inf if probability > 0 else -math.inf


# ---------------------------------------------------------------------- how often it crosses


def binomial(n: int, p: Number) -> list[Number]:
    """P(X = 0), ..., P(X = n) for X ~ Binomial(n, p): exact for a `Fraction`."""
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def crossing_probability(looks: Sequence[int], tolerated: Sequence[int], p: Number) -> Number:
    """P(more than `tolerated[i]` events among the first `looks[i]` subjects, for some i).

    By dynamic programming over the looks: the distribution of the events among those that have not
    crossed. Exact for a `Fraction`.

    >>> crossing_probability((3, 6), (1, 2), Fraction(1, 2))
    Fraction(45, 64)
    """
    return sum(_first_crossings(looks, tolerated, p), start=p - p)


def _first_crossings(looks: Sequence[int], tolerated: Sequence[int], p: Number) -> list[Number]:
    """At each look, the probability of crossing there and not before."""
    alive = [p**0]
    crossed = []
    before = 0
    for n, most in zip(looks, tolerated, strict=True):
        spread = _convolve(alive, binomial(n - before, p))
        crossed.append(sum(spread[most + 1 :], start=p - p))
        alive = spread[: most + 1]
        before = n
    return crossed


def _convolve(left: Sequence[Number], right: Sequence[Number]) -> list[Number]:
    zero = right[0] - right[0]
    total = [zero] * (len(left) + len(right) - 1)
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            total[i + j] += one * other
    return total


def characteristics(rule: SafetyRule, p: float, n_max: int) -> Crossing:
    """How the rule behaves at a true rate `p` when up to `n_max` subjects are treated one by one.

    >>> rule = RepeatedTesting(p0=0.20, looks=tuple(range(1, 21)))
    >>> round(characteristics(rule, 0.40, 20).probability, 3)
    0.678
    """
    looks = range(1, n_max + 1)
    tolerated = [limit - 1 for limit in limits_of(rule, n_max)[1:]]
    crossed = _first_crossings(looks, tolerated, p)
    probability = math.fsum(crossed)
    stopped_at = math.fsum(n * share for n, share in zip(looks, crossed, strict=True))
    return Crossing(p, probability, stopped_at + (1 - probability) * n_max)
