"""A log replayed by two processes: the answer of one, whatever happens to the other."""

from __future__ import annotations

import subprocess
import sys


def test_two_processes_answer_as_one() -> None:
    command = [sys.executable, "-m", "tests.services.cli.halves_at_work"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
