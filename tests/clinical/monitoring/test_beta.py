"""The tail of a Beta distribution against exact sums, closed forms and published numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.monitoring.beta import beta_tail

shapes = st.floats(0.01, 300)
inside = st.floats(0.001, 0.999)


def exact_tail(x: Fraction, a: int, b: int) -> Fraction:
    """P(Beta(a, b) > x) = P(Binomial(a + b - 1, x) <= a - 1)."""
    n = a + b - 1
    return sum((math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a)), start=Fraction(0))


@given(st.integers(1, 99), st.integers(1, 99), st.fractions("1/100", "99/100", max_denominator=100))
@settings(deadline=None)
def test_integer_parameters_agree_with_the_exact_sum(a: int, b: int, x: Fraction) -> None:
    assert beta_tail(float(x), a, b) == pytest.approx(float(exact_tail(x, a, b)), abs=1e-12)


@pytest.mark.parametrize("a", [1, 280, 500, 720, 999])
def test_the_largest_priors(a: int) -> None:
    for x in (Fraction(a, 1000) - Fraction(1, 2000), Fraction(a, 1000) + Fraction(1, 2000)):
        exact = float(exact_tail(x, a, 1000 - a))
        assert beta_tail(float(x), a, 1000 - a) == pytest.approx(exact, abs=1e-11)


@given(shapes, shapes, inside)
@settings(deadline=None)
def test_the_two_tails_make_one(a: float, b: float, x: float) -> None:
    assert beta_tail(x, a, b) + beta_tail(1 - x, b, a) == pytest.approx(1, abs=1e-11)


@given(st.floats(0.1, 100), st.floats(0.1, 100), inside)
@settings(deadline=None)
def test_one_event_more_adds_what_the_recurrence_says(a: float, b: float, x: float) -> None:
    """DLMF 8.17.20, for parameters that are no integers."""
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    step = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / a
    assert beta_tail(x, a + 1, b) - beta_tail(x, a, b) == pytest.approx(step, abs=1e-11)


@pytest.mark.parametrize("x", [0.001, 0.1, 0.5, 0.77, 0.999])
def test_halves_are_the_arcsine_law(x: float) -> None:
    arcsine = 1 - 2 / math.pi * math.asin(math.sqrt(x))
    assert beta_tail(x, 0.5, 0.5) == pytest.approx(arcsine, abs=1e-14)


@pytest.mark.parametrize(
    ("events", "n", "a", "b", "expected"),
    [
        (3, 6, 1, 1, 0.8984038),
        (4, 6, 1, 1, 0.9787004),
        (5, 10, 0.28, 0.72, 0.9137348),
    ],
)
def test_worked_numbers(events: int, n: int, a: float, b: float, expected: float) -> None:
    assert round(beta_tail(0.28, a + events, b + n - events), 7) == expected


@pytest.mark.parametrize(("x", "expected"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (2.0, 0.0)])
def test_outside_the_unit_interval(x: float, expected: float) -> None:
    assert beta_tail(x, 0.5, 2) == expected


@pytest.mark.parametrize(
    ("x", "a", "b"),
    [
        (0.3, 0, 1),
        (0.3, 1, 0),
        (0.3, -1, 2),
        (0.3, float("nan"), 1),
        (0.3, float("inf"), 1),
        (float("nan"), 1, 1),
    ],
)
def test_what_has_no_answer_is_refused(x: float, a: float, b: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        beta_tail(x, a, b)


def test_far_beyond_any_prior_it_gives_up_rather_than_guess() -> None:
    with pytest.raises(ArithmeticError, match="no convergence"):
        beta_tail(0.5, 1e13, 1e13)
