"""The examples in the docstrings of the designs run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from shared.clinical import designs

MODULES = [f"{designs.__name__}.{module.name}" for module in pkgutil.iter_modules(designs.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_kind_has_an_example_and_a_source() -> None:
    for kind, design in designs.KINDS.items():
        assert ">>>" in (design.__doc__ or ""), kind
        assert design.source or kind == "table", kind
