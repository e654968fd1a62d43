"""The writer in a process of its own, under the server of all services.

Evaluating computes without a pause; taking events in, alerting and sending mostly wait. In one
process each of their many waits ends in a queue for the interpreter, and an alert takes twice as
long. So the server starts this process, tells it over a socket when there is something to read,
hears over the same socket how it is, and starts it again if it ends. The socket ends with the
server, however that ends, and the process with the socket.
"""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from prometheus_client.metrics_core import Metric

from services.dlt_monitor.writer import LONGEST_SILENCE_SECONDS, State
from shared.runtime.polling import Polling
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics, get_logger
from shared.runtime.wakeup import Wakeup

log = get_logger(__name__)

STOP_SECONDS = 8.0
"""For the transaction under way; then the process is killed, and the database rolls back."""

_SILENT = "the writer's process does not answer"
_COMMAND = (sys.executable, "-P", "-m", "services.dlt_monitor.apart_process")


class WriterEnded(RuntimeError):
    """The process has ended although nobody asked it to."""


class Apart:
    """The process and the thread that watches it. `settings` must name the database, and a clock
    that another process can read."""

    def __init__(self, settings: Settings, wakeup: Wakeup, metrics: Metrics) -> None:
        self._settings = settings
        self._wakeup = wakeup
        wakeup.neighbour = self._ring
        metrics.elsewhere = self._counted
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._state = State(_SILENT, _SILENT, lag=0, last_known_at=None)
        self._heard_at = 0.0
        self._metrics: list[Any] = []
        self._polling = Polling(
            "monitor-apart", self._turn, on_error=_failed, interrupt=self._hang_up
        )

    @property
    def pid(self) -> int | None:
        """Of the process that runs, if one does."""
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        """Start the process, and whenever it ends, another."""
        self._polling.start()

    def stop(self) -> None:
        """Let it finish the transactions under way."""
        process = None if self._polling.stop(STOP_SECONDS) else self._process
        if process is not None:
            log.warning("the monitor's writer does not end by itself")
            process.kill()
            self._polling.stop(STOP_SECONDS)

    def state(self) -> State:
        """What the process said last; nothing good if that is long ago."""
        if time.monotonic() - self._heard_at > LONGEST_SILENCE_SECONDS:
            return replace(self._state, facts=_SILENT, deadlines=_SILENT)
        return self._state

    def _turn(self) -> float:
        """The life of one process."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._process = process = subprocess.Popen(
                    _COMMAND,
                    stdin=theirs.fileno(),
                    env=_environment(),
                    # Ctrl-C reaches the terminal's group: we end it, in our own good order.
                    process_group=0,
                )
            try:
                with suppress(ConnectionError):
                    ours.sendall(pickle.dumps(self._settings))
                    self._talk(ours)
            finally:
                self._state = replace(self._state, facts=_SILENT, deadlines=_SILENT)
                with self._lock:
                    self._line = None
                code = _end_of(process)
        if not self._ending:
            raise WriterEnded(f"status {code}")
        return 0.0

    def _talk(self, line: socket.socket) -> None:
        with self._lock:
            self._line = line
        if self._ending:
            self._hang_up()
        with line.makefile("rb") as heard:
            for said in heard:
                if said.strip():
                    self._note(json.loads(said))
                self._wakeup.hear()

    def _note(self, report: dict[str, Any]) -> None:
        known = report["last_known_at"]
        self._state = State(
            facts=report["facts"],
            deadlines=report["deadlines"],
            lag=report["lag"],
            last_known_at=None if known is None else datetime.fromisoformat(known),
        )
        self._metrics = report["metrics"]
        self._heard_at = time.monotonic()

    def _ring(self) -> None:
        """Never waits: a process that does not read has rings enough before it."""
        with self._lock, suppress(OSError):
            if self._line is not None:
                self._line.send(b"\n", socket.MSG_DONTWAIT)

    def _hang_up(self) -> None:
        self._ending = True
        with self._lock, suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_WR)

    def _counted(self) -> Iterable[Metric]:
        for name, documentation, kind, samples in self._metrics:
            family = Metric(name, documentation, kind)
            for sample, labels, value in samples:
                family.add_sample(sample, labels, value)
            yield family


def _end_of(process: subprocess.Popen[bytes]) -> int:
    """Its status. It has closed its end, or we ours: it must not take long."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(STOP_SECONDS)
    process.kill()
    return process.wait()


def _environment() -> dict[str, str]:
    """Ours, with modules found where this process finds them."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}


def _failed(error: Exception) -> None:
    log.error("the monitor's writer has ended and is started again", detail=str(error))
