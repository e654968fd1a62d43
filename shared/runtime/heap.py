"""Keeps Python's collector from stopping a server, or from being asked where nothing is let go.

A full collection looks at every object there is, and no thread runs meanwhile: for one to two
seconds in a process that holds a study of 100,000 facts. Nearly all of them have been looked at
before and will stay. So what has survived a full collection is left out of those to come, until as
much again as half of it has been added; then everything is looked at once more, for studies that
were let go are in cycles.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_OLDEST = 2
"""The generation of a full collection."""


@contextmanager
def leaving_out_what_lasts() -> Iterator[None]:
    """As long as the context lasts."""
    lasting = _Lasting()
    gc.callbacks.append(lasting)
    try:
        yield
    finally:
        gc.callbacks.remove(lasting)
        gc.unfreeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """As long as the context lasts nothing is collected: for a command that keeps what it reads
    until it ends."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Lasting:
    """Called by the collector before and after each collection. ``whole``: objects left by the
    last one that looked at everything; ``added`` since, None when the next one looks at all."""

    def __init__(self) -> None:
        self._whole = 0
        self._added: int | None = None

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if phase != "stop" or info["generation"] != _OLDEST:
            return
        left = len(gc.get_objects(generation=_OLDEST))
        if self._added is None:
            self._whole, self._added = left, 0
        else:
            self._added += left
        gc.freeze()
        if self._added > self._whole // 2:
            self._added = None
            gc.unfreeze()
