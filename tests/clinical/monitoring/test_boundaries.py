"""Boundaries and crossing probabilities: published tables, enumeration, and what always holds."""

from __future__ import annotations

import itertools
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.monitoring import (
    AnyRelatedGrade5,
    BetaBinomial,
    NOfM,
    RepeatedTesting,
    SafetyRule,
    boundary_table,
    characteristics,
    crossing_probability,
    posterior,
    tuned,
)
from shared.clinical.monitoring.boundaries import binomial, limits_of

NORMAL = NormalDist()

rates = st.integers(3, 70).map(lambda percent: percent / 100)
looks = st.one_of(
    st.sets(st.integers(1, 30), min_size=1, max_size=6).map(lambda found: tuple(sorted(found))),
    st.integers(1, 20).map(lambda last: tuple(range(1, last + 1))),
)
tests = st.builds(
    RepeatedTesting,
    p0=rates,
    looks=looks,
    alpha=st.sampled_from([0.01, 0.05, 0.10, 0.20]),
    delta=st.sampled_from([0.0, 0.1, 0.25, 0.5]),
)
posteriors = st.builds(
    BetaBinomial,
    p0=rates,
    a=st.floats(0.1, 5),
    b=st.floats(0.1, 5),
    cutoff=st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]),
    first_look=st.integers(1, 12),
)
counted = st.integers(1, 10).flatmap(
    lambda of: st.builds(NOfM, events=st.integers(1, of), of=st.just(of))
)
rules = st.one_of(tests, posteriors, counted, st.just(AnyRelatedGrade5()))


def steps(rule: SafetyRule, n_max: int) -> list[tuple[int, int]]:
    """Each boundary with the first number of subjects it holds for."""
    rows = [(row.n, row.stop_at) for row in boundary_table(rule, n_max) if row.stop_at is not None]
    grouped = itertools.groupby(rows, key=lambda row: row[1])
    return [(stop_at, next(group)[0]) for stop_at, group in grouped]


def test_posterior_boundary_of_the_reference() -> None:
    rule = BetaBinomial(p0=0.28, a=0.28, b=0.72, cutoff=0.90)
    expected = [(2, 2), (3, 3), (4, 6), (5, 8), (6, 11), (7, 14), (8, 16), (9, 19)]
    assert steps(rule, 20) == expected
    assert round(posterior(rule, 10, 5), 7) == 0.9137348


def test_pocock_boundary_of_the_reference() -> None:
    rule = RepeatedTesting(p0=0.20, p1=0.40, looks=tuple(range(1, 21)))
    last_of = {most: n for n, most in zip(rule.looks, tuned(rule).tolerated, strict=True)}
    assert last_of == {1: 1, 2: 4, 3: 7, 4: 10, 5: 13, 6: 17, 7: 20}
    assert (round(tuned(rule).crossing, 3), round(tuned(rule).power or 0, 3)) == (0.087, 0.678)


def test_obrien_fleming_is_the_stricter_one_early_and_the_laxer_one_late() -> None:
    every = tuple(range(1, 21))
    flat = tuned(RepeatedTesting(p0=0.20, looks=every)).tolerated
    falling = tuned(RepeatedTesting(p0=0.20, looks=every, delta=0.5)).tolerated
    assert falling[3] > flat[3]
    assert falling[-1] < flat[-1]


@pytest.mark.parametrize(
    ("n", "events", "stops"),
    [(9, 2, False), (9, 3, True), (10, 3, True), (2, 2, False), (3, 3, True)],
)
def test_n_of_m(n: int, events: int, stops: bool) -> None:
    stop_at = boundary_table(NOfM(events=3, of=10), 10)[n - 1].stop_at
    assert (stop_at is not None and events >= stop_at) == stops


def test_any_death_stops() -> None:
    assert {row.stop_at for row in boundary_table(AnyRelatedGrade5(), 30)} == {1}


def test_a_posterior_equal_to_the_cutoff_does_not_stop() -> None:
    """2 of 3 with Beta(1, 1): P(p > 0.3) = P(Binomial(4, 0.3) <= 2) = 0.9163 exactly."""
    assert posterior(BetaBinomial(p0=0.3, cutoff=0.9163), 3, 2) > 0.9163
    assert boundary_table(BetaBinomial(p0=0.3, cutoff=0.9163), 3)[2].stop_at == 3
    assert boundary_table(BetaBinomial(p0=0.3, cutoff=0.916299), 3)[2].stop_at == 2


def test_before_the_first_look_only_what_is_certain_then_stops() -> None:
    rule = BetaBinomial(p0=0.28, a=0.28, b=0.72, cutoff=0.90, first_look=6)
    assert steps(rule, 9) == [(4, 4), (5, 8)]


def test_between_looks_the_next_boundary_holds_and_after_the_last_its_own() -> None:
    rule = RepeatedTesting(p0=0.20, looks=(5, 10, 20))
    assert tuned(rule).tolerated == (2, 4, 7)
    assert steps(rule, 25) == [(3, 3), (5, 6), (8, 11)]


def test_no_attainable_level_means_no_boundary() -> None:
    rule = RepeatedTesting(p0=0.50, looks=(1, 2, 3), alpha=0.01)
    assert tuned(rule).level == tuned(rule).crossing == 0
    assert {row.stop_at for row in boundary_table(rule, 3)} == {None}


def boundary_at(rule: RepeatedTesting, level: float) -> tuple[int, ...]:
    """The binomial quantile at 1 - alpha' of every look, straight from its definition."""
    found = []
    for n in rule.looks:
        nominal = NORMAL.cdf(NORMAL.inv_cdf(level) / (n / rule.looks[-1]) ** rule.delta)
        masses = binomial(n, rule.p0)
        found.append(next(r for r in range(n + 1) if sum(masses[r + 1 :]) <= nominal))
    return tuple(found)


@given(tests, st.sampled_from([1e-6, 1e-3, 0.01, 0.1]))
@settings(deadline=None)
def test_tuning_keeps_alpha_and_leaves_no_room(rule: RepeatedTesting, more: float) -> None:
    found = tuned(rule)
    assert found.crossing <= rule.alpha
    higher = boundary_at(rule, found.level + more)
    if higher != found.tolerated:
        assert crossing_probability(rule.looks, higher, rule.p0) > rule.alpha


@given(rules, st.integers(1, 45))
@settings(deadline=None)
def test_boundaries_never_fall(rule: SafetyRule, n_max: int) -> None:
    limits = limits_of(rule, n_max)
    assert list(limits) == sorted(limits)
    assert limits == limits_of(rule, n_max + 7)[: n_max + 1]


@given(tests)
@settings(deadline=None)
def test_stopping_between_looks_changes_no_crossing_probability(rule: RepeatedTesting) -> None:
    last = rule.looks[-1]
    every = [limit - 1 for limit in limits_of(rule, last)[1:]]
    p = Fraction(1, 3)
    at_looks = crossing_probability(rule.looks, tuned(rule).tolerated, p)
    assert crossing_probability(range(1, last + 1), every, p) == at_looks


@given(
    st.sets(st.integers(1, 9), min_size=1, max_size=4).map(sorted),
    st.lists(st.integers(0, 5), min_size=4, max_size=4),
    st.fractions(0, 1, max_denominator=20),
)
@settings(deadline=None)
def test_crossing_agrees_with_enumeration(looks: list[int], most: list[int], p: Fraction) -> None:
    tolerated = most[: len(looks)]
    total = Fraction(0)
    for outcome in itertools.product((0, 1), repeat=looks[-1]):
        if any(sum(outcome[:n]) > r for n, r in zip(looks, tolerated, strict=True)):
            events = sum(outcome)
            total += p**events * (1 - p) ** (looks[-1] - events)
    assert crossing_probability(looks, tolerated, p) == total


@given(rules, st.integers(1, 25), rates, rates)
@settings(deadline=None)
def test_crossing_grows_with_the_rate(rule: SafetyRule, n_max: int, p: float, q: float) -> None:
    low, high = sorted((p, q))
    at_low, at_high = characteristics(rule, low, n_max), characteristics(rule, high, n_max)
    assert at_low.probability <= at_high.probability + 1e-12
    assert at_low.expected_n >= at_high.expected_n - 1e-9


def test_characteristics_of_one_look() -> None:
    """2 of 2 stops: P = p^2, and all that stop do so at the second and last subject."""
    found = characteristics(NOfM(events=2, of=2), 0.5, 2)
    assert (found.probability, found.expected_n) == (0.25, 2.0)
    found = characteristics(AnyRelatedGrade5(), 0.5, 3)
    assert (found.probability, found.expected_n) == (0.875, 1.75)


def test_rates_at_the_edge_of_floating_point() -> None:
    rare = RepeatedTesting(p0=1e-9, looks=(40,))
    assert tuned(rare).tolerated == (0,)
    certain = RepeatedTesting(p0=1 - 1e-9, looks=(20,))
    assert tuned(certain).tolerated == (20,)
