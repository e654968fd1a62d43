"""Asks another process what a design does, once for each design, and lets nobody wait for long."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor

from pydantic import ValidationError

from services.console.charts.simulating import ANSWER, WorkedOut
from shared.contracts.figures import EscalationDesign

LONGEST = 900.0
"""Seconds, after which a design counts as one that cannot be worked out."""
_COMMAND = (sys.executable, "-m", "services.console.charts.simulating")
_FAILED = WorkedOut((), (), "the simulation did not come to an end")


class Simulator:
    """Holds one answer for each design of the studies looked at; a handful in all."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "simulator")
        self._asked: dict[str, Future[WorkedOut]] = {}
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    async def of(self, design: EscalationDesign, patience: float) -> WorkedOut | None:
        """What was found; None where it takes longer than so many seconds. Ask again then."""
        question = design.model_dump_json()
        if question not in self._asked:
            self._asked[question] = self._thread.submit(self._ask, question)
        asked = self._asked[question]
        await asyncio.wait({asyncio.wrap_future(asked)}, timeout=patience)
        return asked.result() if asked.done() else None

    def close(self) -> None:
        """Ends the process; nothing is worked out afterwards."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
        self._thread.shutdown(cancel_futures=True)

    def _ask(self, question: str) -> WorkedOut:
        with subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ) as self._process:
            try:
                longest = 0 if self._closed else LONGEST
                answer, _ = self._process.communicate(question, timeout=longest)
                return ANSWER.validate_json(answer)
            except (subprocess.TimeoutExpired, ValidationError):
                self._process.kill()
                return _FAILED
