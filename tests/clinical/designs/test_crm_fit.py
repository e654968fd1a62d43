"""The CRM's posterior against a brute-force integral and densities known exactly; its skeletons."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.designs import getprior
from shared.clinical.designs.crm_model import Curve, Fit, Model, Tally, fit
from shared.clinical.designs.quadrature import posterior

SKELETON = (0.04, 0.11, 0.22, 0.37, 0.52)
SCALE = 1.34**0.5
MODELS: tuple[Model, ...] = ("empiric", "logistic")


def fitted(seen: tuple[Tally, ...], model: Model = "empiric", target: float = 0.22) -> Fit:
    return fit(Curve(SKELETON, model), seen, SCALE, target)


# ---------------------------------------------------------------------- worked numbers
def test_skeleton_worked() -> None:
    found = getprior(0.05, 0.22, nu=3, nlevel=5)
    assert [f"{rate:.6f}" for rate in found] == [
        "0.062467",
        "0.128849",
        "0.220000",
        "0.326666",
        "0.437483",
    ]


@pytest.mark.parametrize("model", MODELS)
def test_skeleton_meets_at_the_indifference_interval(model: Model) -> None:
    """Where one β gives a dose target - halfwidth, it gives the next one target + halfwidth."""
    curve = Curve(getprior(0.06, 0.25, nu=2, nlevel=4, model=model), model)
    labels = [curve.scaled(rate) for rate in curve.skeleton]
    for low, high in pairwise(labels):
        growth = curve.scaled(0.19) / low
        assert curve.rate(high * growth) == pytest.approx(0.31)


@pytest.mark.parametrize(
    "members",
    [
        {"halfwidth": 0.22, "target": 0.22, "nu": 3, "nlevel": 5},
        {"halfwidth": 0.05, "target": 0.96, "nu": 3, "nlevel": 5},
        {"halfwidth": 0.05, "target": 0.22, "nu": 6, "nlevel": 5},
        {"halfwidth": 0.0, "target": 0.22, "nu": 6, "nlevel": 5},
        {"halfwidth": 0.05, "target": 0.92, "nu": 3, "nlevel": 5, "model": "logistic"},
    ],
)
def test_skeleton_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        getprior(**members)


def brute(seen: tuple[Tally, ...], model: Model) -> tuple[float, list[float], list[float]]:
    """Estimate, posterior means and P(p > 0.22) by plain sums over a very fine grid."""

    def rate(skeleton: float, beta: float) -> float:
        if model == "empiric":
            return float(skeleton ** exp(beta))
        eta = 3 + exp(beta) * (log(skeleton / (1 - skeleton)) - 3)
        return 1 / (1 + exp(min(-eta, 700)))

    total = first = 0.0
    means, above = [0.0] * 5, [0.0] * 5
    for index in range(8001):
        beta = -10 + index / 400
        rates = [rate(skeleton, beta) for skeleton in SKELETON]
        height = exp(-beta * beta / 2.68)
        for p, one in zip(rates, seen, strict=True):
            height *= p**one.dlt * (1 - p) ** one.clean
            for weight in one.weights:
                height *= 1 - weight * p
        total, first = total + height, first + height * beta
        nearby = [rate(skeleton, beta + 0.00125) for skeleton in SKELETON]
        for dose, p in enumerate(rates):
            means[dose] += height * p
            cell = 2 * abs(nearby[dose] - p)
            above[dose] += height * (min(1, max(0, (p - 0.22) / cell + 0.5)) if cell else p > 0.22)
    return first / total, [one / total for one in means], [one / total for one in above]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "seen",
    [
        (Tally(0, 3), Tally(1, 2), Tally(1, 2), Tally(), Tally()),
        (Tally(0, 3), Tally(1, 2, (0.1, 0.9)), Tally(0, 0, (0.5,)), Tally(), Tally()),
        (Tally(3, 0), Tally(), Tally(), Tally(), Tally()),
        (Tally(), Tally(), Tally(), Tally(), Tally(0, 12)),
    ],
)
def test_fit_agrees_with_a_fine_grid(model: Model, seen: tuple[Tally, ...]) -> None:
    found = fitted(seen, model)
    estimate, means, above = brute(seen, model)
    assert found.estimate == pytest.approx(estimate, abs=1e-7)
    assert found.means == pytest.approx(means, abs=1e-7)
    assert found.above == pytest.approx(above, abs=5e-5)


def test_quadrature_on_a_density_known_exactly() -> None:
    """Log density of log-gamma(a): mean digamma(a), variance trigamma(a); at a = 1 the Gumbel."""
    found = posterior(lambda x: x - exp(x), -60.0, 30.0)
    assert found.mean() == pytest.approx(-0.5772156649, abs=1e-9)
    assert found.variance() == pytest.approx(1.6449340668, abs=1e-8)
    for point in (-3.0, -1.0, 0.0, 0.7):
        exact = 1 - exp(-exp(point))
        assert found.cdf(point) == pytest.approx(exact, abs=3e-5)
        assert found.quantile(exact) == pytest.approx(point, abs=3e-4)
    assert (found.cdf(-100.0), found.cdf(100.0)) == (0.0, 1.0)


@given(
    seen=st.tuples(*[st.tuples(st.integers(0, 10_000), st.integers(0, 10_000))] * 5),
    model=st.sampled_from(MODELS),
)
@settings(max_examples=60)
def test_extreme_data_stay_finite_and_in_order(
    seen: tuple[tuple[int, int], ...], model: Model
) -> None:
    found = fitted(tuple(Tally(dlt, clean) for dlt, clean in seen), model)
    for rates in (found.ptox, found.means, found.lower, found.upper, found.above):
        assert all(0 <= rate <= 1 + 1e-12 for rate in rates)
        assert all(low <= high + 1e-12 for low, high in pairwise(rates))
    assert all(low <= high for low, high in zip(found.lower, found.upper, strict=True))


def test_the_interval_holds_its_probability() -> None:
    """The share of the posterior below the lower end of p_2 is 5 %."""
    seen = (Tally(0, 3), Tally(1, 2), Tally(1, 2), Tally(), Tally())
    found = fitted(seen)
    at_lower = fitted(seen, target=found.lower[1]).above[1]
    at_upper = fitted(seen, target=found.upper[1]).above[1]
    assert (at_lower, at_upper) == pytest.approx((0.95, 0.05), abs=1e-6)
