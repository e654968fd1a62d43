"""Writes packets one at a time, and keeps what was written last.

A packet is a function of the monitor's answer, so that an answer of the same bytes needs no second
packet. The pages of a large one take 350 MB to set: a process of its own gives them back, and only
one is at work at a time.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from services.console.kept import Kept
from shared.runtime.hand import Hand, NoAnswer

MOST_KEPT = 8
LONGEST = 60.0


class CannotPrint(Exception):
    """The pages of the packet could not be set."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A packet written out, of which study and of which day."""

    content: bytes
    study: str
    day: date


class Printer:
    """Has a process of its own for the pages. ``longest``: seconds for those of a packet, after
    which that is given up."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._thread = ThreadPoolExecutor(1, "printer")
        self._kept: Kept[Printed] = Kept(MOST_KEPT)
        self._hand = Hand("services.console.typesetting", longest)

    async def printed(self, key: Hashable, write: Callable[[], Printed]) -> Printed:
        """What ``write`` makes, by a key that names all it is made of."""
        asked = self._thread.submit(self._kept.get, key, write)
        return await asyncio.wrap_future(asked)

    def warm_up(self) -> None:
        """Has a process ready before the first document is there."""
        self._thread.submit(self._hand.begin)

    def typeset(self, document: str, moment: int) -> bytes:
        """A PDF, for what is ``printed``. Raises CannotPrint."""
        try:
            return base64.b64decode(self._hand.answer(json.dumps([document, moment])))
        except NoAnswer:
            raise CannotPrint from None

    def close(self) -> None:
        """Ends the process; nothing is written afterwards."""
        self._hand.kill()
        self._thread.shutdown(cancel_futures=True)
        self._hand.end()
