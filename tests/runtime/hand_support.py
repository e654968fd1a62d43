"""A process for the tests of `Hand`: says how many lines it has had, or does as a line tells it,
once where a file is named in which to remember that.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    for number, line in enumerate(sys.stdin, 1):
        told, _, once = line.strip().partition(" ")
        if once and Path(once).exists():
            told = "go"
        elif once:
            Path(once).touch()
        if told == "die":
            os._exit(1)
        if told == "break-off":
            os.write(sys.stdout.fileno(), b"half of an ans")
            os._exit(1)
        if told == "wait":
            os.read(sys.stdin.fileno(), 1)  # for what never comes
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
