"""Keeps Python's collector from stopping a server, or from being asked where nothing is let go.

A full collection looks at every object there is, and no thread runs meanwhile: for one to two
seconds in a process that holds a study of 100,000 facts. Nearly all of them have been looked at
before and will stay. So what has survived a full collection is left out of those to come, until as
much again as half of it has been added; then everything is looked at once more, for studies that
were let go are in cycles.
"""

from __future__ import annotations

import gc
import sys
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
    """Called by the collector before and after each collection. ``whole``: blocks of memory in use
    after the last one that looked at everything; None when the next one does."""

    def __init__(self) -> None:
        self._whole: int | None = None

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if phase != "stop" or info["generation"] != _OLDEST:
            return
        # A list of the objects themselves would hold the tuple that another thread is just
        # building, which CPython then refuses to finish (SystemError).
        blocks = sys.getallocatedblocks()
        gc.freeze()
        if self._whole is None:
            self._whole = blocks
        elif blocks > self._whole * 3 // 2:
            self._whole = None
            gc.unfreeze()
