"""Small words: lists, counts, numbers with units, and any value that has no sentence of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any


def listed(words: Iterable[Any], last: str = "and") -> str:
    """``a, b and c``."""
    found = [str(word) for word in words]
    if len(found) < 2:
        return "".join(found) or "none"
    return f"{', '.join(found[:-1])} {last} {found[-1]}"


def counted(number: int, unit: str) -> str:
    """``1 day``, ``7 days``."""
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def ordinal(number: int) -> str:
    """``1st``, ``22nd``, ``13th``."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def plainly(value: Any) -> str:
    """Any value of a document, name by name, without what it does not say."""
    if isinstance(value, Mapping):
        said = [
            f"{str(key).replace('_', ' ')}: {plainly(one)}"
            for key, one in value.items()
            if one not in (None, (), [], {})
        ]
        return "; ".join(said) or "none"
    if isinstance(value, list | tuple):
        return listed(plainly(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
