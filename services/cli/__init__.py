"""The command line. Commands import what they run only when they run it: an image that holds one
service has the whole command line, and starts as fast as that service."""

from __future__ import annotations

import sys

from services.cli.app import run

__all__ = ["main"]


def main() -> None:
    """The entry point of `vigil`."""
    sys.exit(run(sys.argv[1:]))
