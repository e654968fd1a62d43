"""Writes packets one at a time, and keeps what was written last.

A packet is a function of the monitor's answer, so that an answer of the same bytes needs no second
packet. The pages of a large one take 400 MB to set: a process of its own gives them back, and only
one is at work at a time.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial

from services.console.kept import Kept
from services.console.packet import Typeset

MOST_KEPT = 4
LONGEST = 60.0
_COMMAND = (sys.executable, "-m", "services.console.typesetting")


class CannotPrint(Exception):
    """The pages of the packet could not be set."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A packet written out, of which study and of which day."""

    content: bytes
    study: str
    day: date


class Printer:
    """Has a process of its own for the pages of each packet. ``longest``: seconds, after which that
    is given up."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._thread = ThreadPoolExecutor(1, "printer")
        self._kept: Kept[Printed] = Kept(MOST_KEPT)
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    async def printed(self, key: Hashable, write: Callable[[], Printed]) -> Printed:
        """What ``write`` makes, by a key that names all it is made of."""
        asked = self._thread.submit(self._kept.get, key, write)
        return await asyncio.wrap_future(asked)

    def warm_up(self) -> None:
        """Has a process ready before the first document is there."""
        self._thread.submit(self._ready)

    @contextmanager
    def typesetter(self) -> Iterator[Typeset]:
        """A process that is ready to set the pages of one document, for what is ``printed``."""
        process = self._ready()
        try:
            yield partial(self._set, process)
        finally:
            self._end()

    def close(self) -> None:
        """Ends the process; nothing is written afterwards."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        self._thread.shutdown(cancel_futures=True)
        self._end()

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = subprocess.Popen(
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with process:  # waits for its end, and closes its pipes
                pass

    def _set(self, process: subprocess.Popen[bytes], document: str, moment: int) -> bytes:
        """A PDF. Raises CannotPrint."""
        try:
            longest = 0 if self._closed else self._longest
            made, _ = process.communicate(f"{moment}\n{document}".encode(), timeout=longest)
        except subprocess.TimeoutExpired:
            raise CannotPrint from None
        if process.returncode != 0:
            raise CannotPrint
        return made
