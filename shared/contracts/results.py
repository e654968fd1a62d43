"""Laboratory results as collected: ``1.60``, ``<0.2``, ``POSITIVE``.

A comparator makes the result an interval: it has a grade only if the whole interval has one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Comparator = Literal["", "<", "<=", ">", ">="]

_PATTERN = re.compile(r"\s*(<=|>=|<|>)?\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*")
_MAX_DIGITS = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with the comparator it was reported with, in the reported unit."""

    value: Decimal
    comparator: Comparator = ""


@dataclass(frozen=True, slots=True)
class Character:
    """A result that is not a number."""

    text: str


def parse_result(text: str) -> Measured | Character:
    """Read ``LBORRES`` by the contract's grammar: an optional ``< <= > >=`` and a number."""
    match = _PATTERN.fullmatch(text)
    if match is None or len(match[2]) > _MAX_DIGITS or not match[2].isascii():
        return Character(text)
    comparator: Comparator = match[1] or ""  # type: ignore[assignment]
    return Measured(Decimal(match[2]), comparator)
