"""The assumed true rates: one dose has the target, each in turn, and at either end none has."""

from __future__ import annotations

import doctest
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clinical.designs import scenarios as module
from shared.clinical.designs.scenarios import scenarios


@given(st.integers(5, 90), st.integers(1, 10))
def test_the_right_dose_has_the_target_and_rates_rise(percent: int, doses: int) -> None:
    target = percent / 100
    found = scenarios(target, doses)
    assert [one.right for one in found] == list(range(doses + 2))
    for one in found:
        assert len(one.rates) == doses
        assert all(low <= high for low, high in pairwise(one.rates))
        assert all(0.01 <= rate <= 0.99 for rate in one.rates)
        if 1 <= one.right <= doses:
            assert one.rates[one.right - 1] == pytest.approx(target)
    assert all(rate >= target for rate in found[0].rates)
    assert all(rate <= target for rate in found[-1].rates)


def test_the_docstring() -> None:
    assert doctest.testmod(module).failed == 0
