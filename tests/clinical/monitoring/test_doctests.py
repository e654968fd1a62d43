"""The examples in the docstrings and in the guide are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from shared.clinical import monitoring

MODULES = [
    monitoring.__name__,
    *(found.name for found in pkgutil.iter_modules(monitoring.__path__, f"{monitoring.__name__}.")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_guide() -> None:
    guide = Path(__file__).parents[3] / "docs" / "guide" / "stopping.md"
    assert doctest.testfile(str(guide), module_relative=False, encoding="utf-8").failed == 0
