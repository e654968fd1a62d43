"""Whoever works long gives way as long as anybody does, and not for ever."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import pytest

from shared.runtime.turns import giving_way


def test_the_last_to_end_ends_it() -> None:
    usual = sys.getswitchinterval()
    first, second = ExitStack(), ExitStack()
    first.enter_context(giving_way())
    assert sys.getswitchinterval() == pytest.approx(usual / 10)
    second.enter_context(giving_way())
    first.close()
    assert sys.getswitchinterval() == pytest.approx(usual / 10)
    second.close()
    assert sys.getswitchinterval() == pytest.approx(usual)
