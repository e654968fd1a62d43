"""Keeps Python's collector from stopping a server, or from being asked where nothing is let go.

A full collection looks at every object there is, and no thread runs meanwhile: for one to two
seconds in a process that holds a study of 100,000 facts. Nearly all of them will stay. So a study
that was read is left out of all collections at once, and of everything else what has survived a
full one. Studies that were let go are in cycles: where there are such, or half as much again has
been added, everything is looked at in a time in which the process has little to do. Without such a
time that waits until as much again has been added.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.runtime.polling import Polling
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

_OLDEST = 2
"""The generation of a full collection."""
_USUAL = gc.get_threshold()
_NEVER = 2**31 - 1
_PAUSE, _LITTLE = 10.0, 1.0
"""Seconds from one look at the clock to the next, and of CPU that are little to do in them."""
_STOP_SECONDS = 5.0


@contextmanager
def leaving_out_what_lasts() -> Iterator[None]:
    """As long as the context lasts."""
    lasting = _Lasting()
    watch = Polling(
        "heap",
        lasting.turn,
        on_error=lambda error: log.error("the heap was not looked at", exc_info=error),
    )
    gc.callbacks.append(lasting)
    _kept.append(lasting)
    watch.start()
    try:
        yield
    finally:
        watch.stop(_STOP_SECONDS)
        _kept.remove(lasting)
        gc.callbacks.remove(lasting)
        gc.unfreeze()


@contextmanager
def adding_what_lasts() -> Iterator[None]:
    """For reading a study, of which everything is kept: meanwhile the collector looks only at what
    is new. As the study grows it would look at all there is again and again, for a quarter of the
    time that reading takes. Afterwards what was read is left out without a look: of 6.3 million
    blocks that a study of 100,000 facts takes, one in seventy is garbage."""
    _readers.begin()
    try:
        yield
    finally:
        if _readers.end():
            for lasting in _kept:
                lasting.set_aside()


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


def let_go() -> None:
    """Something large was let go that only the collector can give back."""
    for lasting in _kept:
        lasting.note_let_go()


class _Readers:
    """How many threads read a study. The last one to end has the collector as it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.number = 0

    def begin(self) -> None:
        with self._lock:
            self.number += 1
            gc.set_threshold(*_USUAL[:2], _NEVER)

    def end(self) -> bool:
        """Whether nobody reads any longer."""
        with self._lock:
            self.number -= 1
            if not self.number:
                gc.set_threshold(*_USUAL)
            return not self.number


class _Lasting:
    """Called by the collector before and after each collection. ``whole``: blocks of memory in use
    after everything was looked at, with the studies read since; None before."""

    def __init__(self) -> None:
        self._whole: int | None = None
        self._let_go = False
        self._used = time.process_time()

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if phase != "stop" or info["generation"] != _OLDEST:
            return
        # A list of the objects themselves would hold the tuple that another thread is just
        # building, which CPython then refuses to finish (SystemError).
        blocks = sys.getallocatedblocks()
        gc.freeze()
        if self._whole is None:
            self._whole = blocks

    def set_aside(self) -> None:
        """Leaves out all there is. Where something was let go, what was read since counts as added:
        else a study read in the place of each that is let go would put off the look for ever."""
        gc.freeze()
        if not self._let_go:
            self._whole = sys.getallocatedblocks()

    def note_let_go(self) -> None:
        self._let_go = True

    def turn(self) -> float:
        """Looks at everything, if it is time. Gives the seconds until the next turn."""
        before, self._used = self._used, time.process_time()
        self.look(quiet=self._used - before < _LITTLE)
        return _PAUSE

    def look(self, *, quiet: bool) -> None:
        """At everything there is, if that is worth it now. Not while a study is read, which adds
        what lasts."""
        whole, blocks = self._whole, sys.getallocatedblocks()
        if whole is None or _readers.number:
            return
        wanted = self._let_go or blocks > whole * 3 // 2
        if blocks > whole * 2 or (quiet and wanted):
            self._whole, self._let_go = None, False
            gc.unfreeze()
            gc.collect()


_readers = _Readers()
_kept: list[_Lasting] = []
"""Of the contexts that last, each one's."""
