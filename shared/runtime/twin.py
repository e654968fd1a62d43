"""The same work in two processes, each with a share of it: for a command on a machine that has
more than one core.

The other process is a copy of this one, made when the work begins. Both go the same way and tell
each other at every step what they have found. Nothing of the copy outlasts the work.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class Parted(Exception):
    """The two processes are no longer at the same step: one has ended, or found something else."""


class Side:
    """One of the two, by ``number``: 0 is this process and 1 its copy."""

    def __init__(self, number: int, line: socket.socket) -> None:
        self.number = number
        # What was sent once is sent as the same object again.
        self._told, self._heard = line.makefile("wb"), line.makefile("rb")
        self._pickler = pickle.Pickler(self._told, pickle.HIGHEST_PROTOCOL)
        # From our own copy, over a socket that nobody else has.
        self._unpickler = pickle.Unpickler(self._heard)  # noqa: S301

    def gather(self, question: str, here: list[Found], /) -> list[Found]:
        """What both have found. Raises Parted."""
        try:
            # One listens while the other speaks.
            if self.number:
                self._tell(question, here)
            asked, there = self._unpickler.load()
            if not self.number:
                self._tell(question, here)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise Parted(question) from error
        if asked != question:
            raise Parted(f"{question}, {asked}")
        return [*here, *there]

    def _tell(self, question: str, here: list[Found]) -> None:
        self._pickler.dump((question, here))
        self._told.flush()


def is_possible() -> bool:
    """Whether a copy may be made of this process, and has a core to run on: of several threads it
    would have one, whatever locks the others hold."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    return len(os.sched_getaffinity(0)) > 1


def in_two(work: Callable[[Side], Found]) -> Found:
    """What the work gives on our side. Raises Parted, and what the work raises here."""
    ours, theirs = socket.socketpair()
    copy = os.fork()
    if copy == 0:
        _as_copy(work, ours, theirs)
    theirs.close()
    try:
        with ours:
            return work(Side(0, ours))
    finally:
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)


def _as_copy(work: Callable[[Side], object], ours: socket.socket, theirs: socket.socket) -> None:
    """Never returns. What goes wrong here is said by the other side, which hears no more of us."""
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        ours.close()
        work(Side(1, theirs))
    finally:
        os._exit(0)
