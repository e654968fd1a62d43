"""Another Python process that answers line by line: for work that would hold up every other answer
of this one, or that takes memory which only a process that ends gives back.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence

from shared.runtime.telemetry import get_logger

log = get_logger(__name__)


class NoAnswer(Exception):
    """The process died of the question, took too long, or was ended."""


class Hand:
    """``python -m MODULE``, one line out for each line in. Starts with the first question, and
    again where it has ended meanwhile. For one thread at a time, but for ``kill``.

    ``longest``: seconds for an answer. ``greetings``: what a process is asked first of all.
    """

    def __init__(self, module: str, longest: float, greetings: Sequence[str] = ()) -> None:
        self._module = module
        self._longest = longest
        self._greetings = greetings
        self._process: subprocess.Popen[str] | None = None
        self._late = self._killed = False

    def begin(self) -> None:
        """Has the process running: what it does first takes longer."""
        if not self._killed and self._running() is None:
            self._start()

    def answer(self, text: str) -> str:
        """The line to a line of ASCII. Raises NoAnswer: at the second death, for the first may have
        been of something else, or after ``longest``."""
        for _ in range(2):
            self.begin()
            answer = self._line(text)
            if answer:
                return answer
            if self._late or self._killed:
                break
        if not self._killed:
            log.warning("a process gave no answer", module=self._module, too_late=self._late)
        raise NoAnswer

    def kill(self) -> None:
        """Ends the process for good, and lets nobody wait for it any longer."""
        self._killed = True
        process = self._process
        if process is not None:
            process.kill()

    def end(self) -> None:
        """Waits until the process is gone."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _running(self) -> subprocess.Popen[str] | None:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        return self._process

    def _start(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", self._module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="ascii",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if self._killed:  # while it was being started
            self._process.kill()
            return
        for greeting in self._greetings:
            self._line(greeting)

    def _line(self, text: str) -> str:
        """Empty where there is no process, or it ended instead, also in the middle of a line."""
        process, self._late = self._process, False
        if process is None:
            return ""
        assert process.stdin is not None
        assert process.stdout is not None
        watch = threading.Timer(self._longest, self._give_up, [process])
        watch.start()
        try:
            process.stdin.write(text + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        finally:
            watch.cancel()
        if not answer.endswith("\n"):
            self.end()
            return ""
        return answer

    def _give_up(self, process: subprocess.Popen[str]) -> None:
        self._late = True
        process.kill()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what it was being told goes nowhere
            if pipe is not None:
                pipe.close()
