"""Draws charts in a process of its own, one at a time.

The engine holds the interpreter's lock while it draws (0.05 to 0.3 s a chart, and 0.7 s to start),
which in this process would keep every other answer waiting.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from shared.charts.blocks import Spec
from shared.charts.parts import SCREEN

MOST_KEPT = 256
LONGEST = 30.0
_COMMAND = (sys.executable, "-m", "shared.charts.drawing")
_SMALLEST: Spec = {"data": {"values": []}, "mark": "point"}


class CannotDraw(Exception):
    """The chart could not be drawn. Its numbers are in its table all the same."""


class Drawer:
    """Starts its process at the first use, and again after it has died. ``longest``: seconds for a
    chart, after which the process is given up."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._thread = ThreadPoolExecutor(1, "drawer")
        self._process: subprocess.Popen[str] | None = None
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def svg(self, spec: Spec) -> bytes:
        """The picture for a screen, compressed by gzip. Raises CannotDraw."""
        asked = self._thread.submit(self._svg, spec, SCREEN)
        return await asyncio.wrap_future(asked)

    def draw(self, spec: Spec, font: str) -> str:
        """The picture, for a thread that can wait. Raises CannotDraw."""
        return gzip.decompress(self._thread.submit(self._svg, spec, font).result()).decode()

    def png(self, spec: Spec) -> bytes:
        """The picture for what takes no SVG, for a thread that can wait. Raises CannotDraw."""
        asked = self._thread.submit(self._ask, json.dumps([None, spec]))
        return base64.b64decode(asked.result())

    def warm_up(self) -> None:
        """Has the process ready before the first chart is asked for."""
        self._thread.submit(self._svg, _SMALLEST, SCREEN)

    def close(self) -> None:
        """Ends the process, also one that is just being started; nothing is drawn afterwards."""
        if self._process is not None:
            self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        if self._process is not None:
            _end(self._process)

    def _svg(self, spec: Spec, font: str) -> bytes:
        key = font, digest_of(spec)
        if key not in self._kept:
            drawn = self._ask(json.dumps([font, spec]))
            self._kept[key] = gzip.compress(drawn.encode(), mtime=0)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _ask(self, text: str) -> str:
        """Twice where the process has died, of this chart or of something else."""
        drawn = json.loads(self._line(text) or self._line(text) or "null")
        if not isinstance(drawn, str):
            raise CannotDraw
        return drawn

    def _line(self, text: str) -> str:
        """The process's answer; empty where it gave none."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        watch = threading.Timer(self._longest, process.kill)
        watch.start()
        try:
            process.stdin.write(text + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        finally:
            watch.cancel()
        if not answer:
            _end(process)
        return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            _end(self._process)
            self._process = None
        if self._process is None:
            self._process = subprocess.Popen(
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="ascii",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        return self._process


def digest_of(spec: Spec) -> str:
    """What tells one picture from another."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what it was being told goes nowhere
            if pipe is not None:
                pipe.close()
