"""The search for Simon's two-stage designs: optimal, minimax and admissible, exact.

For every total n the stages are tried from few subjects upwards. Three bounds keep the search
short, and none leaves a design out:

- no design of size n beats the most powerful test of n subjects (Neyman and Pearson), so no n
  below the first one where that has the power is tried;
- r1 is at most the beta quantile of the first stage, and r at most that of all n subjects at p1;
- a larger n is of interest only with an expected number of subjects below the best so far, which
  leaves few (r1, n1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from shared.clinical.monitoring.boundaries import binomial
from shared.clinical.monitoring.rules import TwoStage
from shared.clinical.monitoring.two_stage import two_stage_characteristics

# Error probabilities this close to their limit keep to it: the sums are good to 1e-14.
_SLACK = 1e-12
_LARGEST = 500


@dataclass(frozen=True, slots=True)
class SimonDesign:
    """A design with what it does: `alpha` and `early_stop`, `expected_n` at p0; `power` at p1."""

    r1: int
    n1: int
    r: int
    n: int
    alpha: float
    power: float
    early_stop: float
    expected_n: float

    def monitored(self, p0: float) -> TwoStage:
        """The design as a rule to watch a study with."""
        return TwoStage(r1=self.r1, n1=self.n1, r=self.r, n=self.n, p0=p0)


@dataclass(frozen=True, slots=True)
class SimonDesigns:
    """`optimal`: smallest expected n at p0. `minimax`: smallest n, then smallest expected n.

    `admissible`: from minimax to optimal, those that minimise some weighted mean of n and expected
    n. Source: Jung SH et al., Stat Med 2004;23:561-569.
    """

    optimal: SimonDesign
    minimax: SimonDesign
    admissible: tuple[SimonDesign, ...]


def simon_designs(
    p0: float, p1: float, alpha: float = 0.05, beta: float = 0.20, n_max: int = 100
) -> SimonDesigns | None:
    """The two-stage designs for H0: p <= p0 against p1; None if none has n_max or fewer subjects.

    Source: Simon R, Control Clin Trials 1989;10:1-10.

    >>> found = simon_designs(0.20, 0.45, alpha=0.05, beta=0.10)
    >>> best = found.optimal
    >>> f"{best.r1}/{best.n1}, {best.r}/{best.n}, EN {best.expected_n:.2f}"
    '4/16, 11/38, EN 20.44'
    """
    if not 0 < p0 < p1 < 1:
        raise ValueError(f"two-stage designs need 0 < p0 < p1 < 1, not {p0} and {p1}")
    if n_max > _LARGEST:
        raise ValueError(f"the search goes up to {_LARGEST} subjects, not {n_max}")
    if not (0 < alpha < 1 and 0 < beta < 1):
        raise ValueError(f"alpha and beta lie between 0 and 1, not {alpha} and {beta}")
    front = tuple(_improving(_Search(p0, p1, alpha, beta, n_max)))
    if not front:
        return None
    designs = [_described(one, p0, p1) for one in front]
    return SimonDesigns(designs[-1], designs[0], tuple(_lower_hull(designs)))


@dataclass(frozen=True, slots=True)
class _Found:
    r1: int
    n1: int
    r: int
    n: int
    expected_n: float


class _Search:
    """The tables of one question: masses and tails of Binomial(m, p) for all m up to n_max."""

    def __init__(self, p0: float, p1: float, alpha: float, beta: float, n_max: int) -> None:
        self.alpha, self.beta, self.n_max = alpha + _SLACK, beta + _SLACK, n_max
        self.null = [binomial(m, p0) for m in range(n_max + 1)]
        self.better = [binomial(m, p1) for m in range(n_max + 1)]
        self.null_below = [list(accumulate(masses)) for masses in self.null]
        self.better_below = [list(accumulate(masses)) for masses in self.better]
        # above[m][m - k] is P(X >= k): in this order a sum over x of f(x) P(X > r - x) is a slice.
        self.null_above = [list(accumulate(reversed(masses))) for masses in self.null]
        self.better_above = [list(accumulate(reversed(masses))) for masses in self.better]

    def most_allowed(self, m: int) -> int:
        """The largest r with P(X <= r | p1) within beta, for m subjects; -1 if none."""
        return next(r for r, below in enumerate(self.better_below[m]) if below > self.beta) - 1

    def can_have_the_power(self, n: int) -> bool:
        """Whether the randomised most powerful test of n subjects at level alpha has it."""
        left, power = self.alpha, 0.0
        for null, better in zip(reversed(self.null[n]), reversed(self.better[n]), strict=True):
            share = 1.0 if null <= left else left / null
            left, power = left - share * null, power + share * better
        return power >= 1 - self.beta


def _improving(search: _Search) -> Iterator[_Found]:
    """For growing n the design of the smallest expected n, wherever it beats all smaller n."""
    best = float("inf")
    sizes = range(2, search.n_max + 1)
    start = next((n for n in sizes if search.can_have_the_power(n)), search.n_max + 1)
    for n in range(start, search.n_max + 1):
        found = _best_of_size(search, n, best)
        if found is not None:
            best = found.expected_n
            yield found


def _best_of_size(search: _Search, n: int, best: float) -> _Found | None:
    r_most = search.most_allowed(n)
    found = None
    for n1 in range(1, n):
        if n1 >= best:
            break
        below = search.null_below[n1]
        for r1 in range(min(search.most_allowed(n1), r_most), -1, -1):
            expected = n1 + (1 - below[r1]) * (n - n1)
            if expected >= best:
                break
            r = _smallest_r(search, r1, n1, n, r_most)
            if r is not None:
                found, best = _Found(r1, n1, r, n, expected), expected
                break
    return found


def _smallest_r(search: _Search, r1: int, n1: int, n: int, r_most: int) -> int | None:
    """The smallest r within alpha, where it keeps the power."""
    masses, above = search.null[n1], search.null_above[n - n1]
    r = r_most + 1
    while r > r1 and _rejection(masses, above, r1, r - 1) <= search.alpha:
        r -= 1
    if r > r_most:
        return None
    power = _rejection(search.better[n1], search.better_above[n - n1], r1, r)
    return r if power >= 1 - search.beta else None


def _rejection(first: Sequence[float], above: Sequence[float], r1: int, r: int) -> float:
    """P(X1 > r1 and X1 + X2 > r), with X1 at its masses and X2 by its upper tails."""
    second = len(above) - 1
    least = max(r1 + 1, r + 1 - second)
    short: float = sum(map(mul, first[least : r + 1], above[second - r + least - 1 :]))
    return short + sum(first[max(least, r + 1) :])


def _described(found: _Found, p0: float, p1: float) -> SimonDesign:
    design = TwoStage(r1=found.r1, n1=found.n1, r=found.r, n=found.n)
    null = two_stage_characteristics(design, p0)
    power = two_stage_characteristics(design, p1).rejection
    return SimonDesign(
        r1=found.r1,
        n1=found.n1,
        r=found.r,
        n=found.n,
        alpha=null.rejection,
        power=power,
        early_stop=null.early_stop,
        expected_n=null.expected_n,
    )


def _lower_hull(designs: Sequence[SimonDesign]) -> list[SimonDesign]:
    """The designs on the lower convex hull of (n, expected n); n grows, expected n falls."""
    hull: list[SimonDesign] = []
    for design in designs:
        while len(hull) > 1 and _above_chord(hull[-2], hull[-1], design):
            hull.pop()
        hull.append(design)
    return hull


def _above_chord(left: SimonDesign, middle: SimonDesign, right: SimonDesign) -> bool:
    rise = (middle.expected_n - left.expected_n) * (right.n - left.n)
    return rise >= (right.expected_n - left.expected_n) * (middle.n - left.n)
