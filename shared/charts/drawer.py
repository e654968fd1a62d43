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
from shared.charts.parts import PAPER, SCREEN
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
"""A small chart: an engine's first takes three times as long as others."""
_LEGEND = {"title": "kind", "orient": "top"}
_PANEL: Spec = {
    "title": "usual",
    "width": 120,
    "height": 150,
    "data": {
        "values": [
            {"x": at, "to": at + 1, "y": at % 5, "high": at % 5 + 1, "kind": "abc"[at % 3]}
            for at in range(20)
        ]
    },
    "encoding": {
        "x": {**_PLACE["x"], "axis": {"tickMinStep": 1, "tickCount": 5, "grid": False}},
        "y": {**_PLACE["y"], "scale": {"domain": [0, 6]}},
    },
    "layer": [
        {
            "mark": {"type": "rect", "opacity": 0.3},
            "encoding": {
                "x": {"value": 0},
                "x2": {"value": "width"},
                "y2": {"field": "high"},
                "fill": {"field": "kind", "type": "nominal", "scale": None},
            },
        },
        {"mark": "rule", "encoding": {"x2": {"field": "to"}}},
        {"mark": {"type": "line", "strokeWidth": 0.8}, "encoding": {"detail": {"field": "kind"}}},
        {
            "mark": {"type": "point", "filled": True, "opacity": 1},
            "encoding": {
                **{name: {"field": "kind", "legend": _LEGEND} for name in ("color", "shape")},
                "fillOpacity": {"condition": {"test": "datum.y > 2", "value": 1}, "value": 0},
            },
        },
        {"mark": {"type": "text", "dx": 5}, "encoding": {"text": {"field": "kind"}}},
    ],
}
_LANES: Spec = {
    "title": "lanes",
    "height": {"step": 14},
    "data": _PANEL["data"],
    "encoding": {"x": _PLACE["x"], "y": {"field": "kind", "type": "nominal", "sort": None}},
    "layer": [
        {"mark": {"type": "bar", "height": 7}},
        {"mark": {"type": "tick", "thickness": 2}},
    ],
}
_PANELS: Spec = {"hconcat": [_PANEL, _PANEL, _LANES]}
"""What most charts of a packet are made of: after one like them the engine takes an eighth less
for each of the next ten."""
_GREETINGS = (json.dumps([SCREEN, _USUAL]), json.dumps([PAPER, _PANELS]))


class CannotDraw(Exception):
    """The chart could not be drawn. Its numbers are in its table all the same."""


class Drawer:
    """Starts its processes at the first use, and each again after it has died. ``longest``: seconds
    for a chart, after which its process is given up."""

    def __init__(self, longest: float = LONGEST, processes: int = 1) -> None:
        self._hands = [Hand("shared.charts.drawing", longest, _GREETINGS) for _ in range(processes)]
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
