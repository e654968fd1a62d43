"""Charts of the pages lately made, held for the sessions they were made for."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from services.console.notes import Gap
from shared.charts.blocks import Chart

MOST_HELD = 32
FRESH = 30.0
"""Seconds in which a page asked for again is made of the same charts."""


@dataclass(frozen=True, slots=True)
class Hung:
    """The charts of one page; ``gaps`` say what it lacks, ``notes`` what the numbers rest on.
    ``waiting``: a chart still being worked out, for which the page is made again."""

    charts: tuple[Chart, ...]
    as_of: datetime
    digest: str
    degraded: bool
    stale: bool
    stale_since: datetime | None
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    waiting: str | None = None

    def named(self, name: str) -> Chart | None:
        return next((one for one in self.charts if one.name == name), None)


class Gallery:
    """``clock`` in seconds, a monotonic one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[Hashable, tuple[float, Hung]] = OrderedDict()

    def hang(self, key: Hashable, hung: Hung) -> None:
        """Holds the charts of a page; what has been looked at least lately gives way."""
        self._held[key] = (self._clock(), hung)
        self._held.move_to_end(key)
        if len(self._held) > MOST_HELD:
            self._held.popitem(last=False)

    def find(self, key: Hashable, *, fresh: bool) -> Hung | None:
        """What is held, if need be only where it is fresh."""
        since, hung = self._held.get(key, (0.0, None))
        if hung is None or (fresh and (hung.waiting or self._clock() - since > FRESH)):
            return None
        self._held.move_to_end(key)
        return hung
