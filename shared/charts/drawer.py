"""Draws charts in processes of their own, each one at a time.

The engine holds the interpreter's lock while it draws (0.05 to 0.3 s a chart, and 0.7 s to start),
which in this process would keep every other answer waiting.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

from shared.charts.blocks import Spec
from shared.charts.parts import SCREEN
from shared.runtime.hand import Hand, NoAnswer

MOST_KEPT = 256
LONGEST = 30.0
_PLACE = {name: {"field": name, "type": "quantitative"} for name in ("x", "y")}
_USUAL: Spec = {
    "data": {"values": [{"x": at, "y": at % 5, "kind": str(at % 3)} for at in range(20)]},
    "hconcat": [
        {
            "title": "usual",
            "encoding": _PLACE,
            "layer": [
                {"mark": "line"},
                {"mark": "rect", "encoding": {"x2": {"field": "y"}, "y2": {"field": "x"}}},
                {
                    "mark": "point",
                    "encoding": {name: {"field": "kind"} for name in ("color", "shape")},
                },
            ],
        }
    ],
}
"""What most charts are made of: an engine's first chart takes three times as long as others."""


class CannotDraw(Exception):
    """The chart could not be drawn. Its numbers are in its table all the same."""


class Drawer:
    """Starts its processes at the first use, and each again after it has died. ``longest``: seconds
    for a chart, after which its process is given up."""

    def __init__(self, longest: float = LONGEST, processes: int = 1) -> None:
        greeting = json.dumps([SCREEN, _USUAL])
        self._hands = [Hand("shared.charts.drawing", longest, greeting) for _ in range(processes)]
        self._idle: SimpleQueue[Hand] = SimpleQueue()
        for hand in self._hands:
            self._idle.put(hand)
        self._threads = ThreadPoolExecutor(processes, "drawer")
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()

    async def svg(self, spec: Spec) -> bytes:
        """The picture for a screen, compressed by gzip. Raises CannotDraw."""
        asked = self._threads.submit(self._svg, spec, SCREEN)
        return await asyncio.wrap_future(asked)

    def begin(self, spec: Spec, font: str) -> Callable[[], str]:
        """Has the picture drawn, behind all that were begun before; for a thread that can wait for
        it, which raises CannotDraw."""
        asked = self._threads.submit(self._svg, spec, font)
        return lambda: gzip.decompress(asked.result()).decode()

    def png(self, spec: Spec) -> bytes:
        """The picture for what takes no SVG, for a thread that can wait. Raises CannotDraw."""
        asked = self._threads.submit(self._ask, json.dumps([None, spec]))
        return base64.b64decode(asked.result())

    def warm_up(self) -> None:
        """Has every process ready before the first chart is asked for."""
        for _ in self._hands:
            self._threads.submit(self._begin)

    def close(self) -> None:
        """Ends the processes, also one that is just being started; nothing is drawn afterwards."""
        for hand in self._hands:
            hand.kill()
        self._threads.shutdown(cancel_futures=True)
        for hand in self._hands:
            hand.end()

    def _svg(self, spec: Spec, font: str) -> bytes:
        text = json.dumps([font, spec])
        key = hashlib.sha256(text.encode()).digest()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        packed = gzip.compress(self._ask(text).encode(), mtime=0)
        with self._lock:
            self._kept[key] = packed
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return packed

    def _ask(self, text: str) -> str:
        try:
            with self._hand() as hand:
                drawn = json.loads(hand.answer(text))
        except NoAnswer:
            raise CannotDraw from None
        if not isinstance(drawn, str):
            raise CannotDraw
        return drawn

    def _begin(self) -> None:
        with self._hand() as hand:
            hand.begin()

    @contextmanager
    def _hand(self) -> Iterator[Hand]:
        """Whoever has drawn nothing for longest."""
        hand = self._idle.get()
        try:
            yield hand
        finally:
            self._idle.put(hand)


def digest_of(spec: Spec) -> str:
    """What tells one picture from another."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
