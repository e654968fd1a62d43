"""Answers worked out from a study, kept while the same question is asked of the same facts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar, cast


class _Sized(Protocol):
    def __len__(self) -> int: ...


Kept = TypeVar("Kept", bound=_Sized | None)

MOST_CHARACTERS = 64_000_000
"""Of all answers kept; a large study's packet has five million."""


class Answers:
    """The answers of one process. What has not been asked for longest gives way. A key names all
    that an answer rests on, so that none is ever out of date."""

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Sized] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable, work: Callable[[], Kept]) -> Kept:
        """The answer, worked out where it is not kept. Nothing is kept of a work that finds
        nothing."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("Kept", self._kept[key])
        found = work()
        if found is not None:
            self._keep(key, found)
        return found

    def _keep(self, key: Hashable, found: _Sized) -> None:
        with self._lock:
            self._size += len(found) - len(self._kept.pop(key, ()))
            self._kept[key] = found
            while self._size > self._most:
                _, gone = self._kept.popitem(last=False)
                self._size -= len(gone)
