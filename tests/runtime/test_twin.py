"""Two processes at the same work: each hears what the other has found."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

_IN_ONE_THREAD = """
    import os, signal, sys
    from shared.runtime.twin import Parted, in_two, is_possible

    def told(work):
        try:
            print(in_two(work))
        except Parted as parted:
            print("parted", parted)
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("nobody left")
"""

_CASES = [
    ("side.gather('a', [side.number]) + side.gather('b', [])", "[0, 1]"),
    ("sorted(side.gather('much', [b'x' * 10**7]))[1][:1]", "b'x'"),
    ("side.gather('ab'[side.number], [])", "parted a, b"),
    ("side.number and os._exit(0) or side.gather('a', [])", "parted a"),
    ("side.number and os.kill(os.getpid(), signal.SIGKILL) or side.gather('a', [])", "parted a"),
    ("side.number and print('unheard') or side.number and 1 / 0 or 'said'", "said"),
]


@pytest.mark.parametrize(("work", "expected"), _CASES)
def test_what_both_find_is_joined_and_nothing_outlasts_it(work: str, expected: str) -> None:
    script = dedent(_IN_ONE_THREAD) + f"told(lambda side: {work})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == (f"{expected}\nnobody left\n", "")


def test_an_error_of_our_own_is_raised_here() -> None:
    script = dedent(_IN_ONE_THREAD) + "told(lambda side: 1 / (side.number + [0][0]))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


def test_several_threads_are_not_doubled() -> None:
    script = """
        import threading
        from shared.runtime.twin import is_possible
        ended = threading.Event()
        threading.Thread(target=ended.wait, daemon=True).start()
        print(is_possible())
    """
    command = [sys.executable, "-c", dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
