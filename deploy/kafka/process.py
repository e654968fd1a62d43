"""What the broker's processes need from the system: a leash, a good end, and a sign of life."""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from deploy.kafka.layout import HOST

_STOP_SECONDS = 10


def die_with_parent() -> Callable[[], None] | None:
    """What a child calls before it becomes a JVM, so that even our SIGKILL ends it (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()
    set_parent_death_signal = 1

    def in_child() -> None:
        libc.prctl(set_parent_death_signal, signal.SIGKILL)
        # We may have died before the call.
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def end(processes: Collection[subprocess.Popen[bytes]]) -> None:
    """Ask all to shut down in good order; what does not end in time is killed."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        process.kill()
        process.wait()


def brokers_known_at(port: int) -> set[int]:
    """Ask by Kafka's Metadata request, version 1, for no topics; empty if nobody answers.

    An open port alone proves little: only a broker which the controller admitted answers this.
    """
    client = b"vigil"
    request = struct.pack(f">hhih{len(client)}si", 3, 1, 0, len(client), client, 0)
    known = set()
    with suppress(OSError, struct.error), socket.create_connection((HOST, port), 2) as link:
        link.sendall(struct.pack(">i", len(request)) + request)
        with link.makefile("rb") as reply:

            def read(layout: str) -> int:
                value: int = struct.unpack(layout, reply.read(struct.calcsize(layout)))[0]
                return value

            _size, _correlation, brokers = read(">i"), read(">i"), read(">i")
            for _ in range(brokers):
                known.add(read(">i"))
                reply.read(read(">h"))
                _port, rack = read(">i"), read(">h")
                reply.read(max(rack, 0))
    return known
