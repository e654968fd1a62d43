"""What was made of all that was known of a study at one moment.

It does not change when something becomes known later, and the same earlier moments are looked back
at after every fact.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

Found = TypeVar("Found")

_MOST = 256
"""So much is remembered."""


class Moments:
    """A memory that forgets a moment as soon as more is known of it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, datetime], tuple[object, object]] = {}

    def drop(self, known_at: datetime) -> None:
        """Forget what something known at a moment may change."""
        for key in [key for key in self._kept if key[1] >= known_at]:
            del self._kept[key]

    def kept(self, name: str, moment: datetime, basis: object, work: Callable[[], Found]) -> Found:
        """What ``work`` makes of what was known at a moment; anew where the ``basis`` of what else
        goes into it is another."""
        key = name, moment
        if key not in self._kept or self._kept[key][0] != basis:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = basis, work()
        return cast("Found", self._kept[key][1])
