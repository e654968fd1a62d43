"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from shared.clinical import monitoring

MODULES = [
    monitoring.__name__,
    *(found.name for found in pkgutil.iter_modules(monitoring.__path__, f"{monitoring.__name__}.")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
