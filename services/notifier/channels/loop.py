"""One event loop for whatever channels wait for, in a thread of its own that dies with the process.

A loop for each send costs more than the send; and connections that outlive one need a loop that
does too.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

LOOKUPS = 32
"""More names are looked up at once than messages are sent: a name server that hangs holds up none
but its own."""

T = TypeVar("T")

_starting = threading.Lock()


def awaited(work: Coroutine[None, None, T]) -> T:
    """The result of `work`, which is to have a time limit of its own."""
    with _starting:
        loop = _loop()
    return asyncio.run_coroutine_threadsafe(work, loop).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup"))
    threading.Thread(target=loop.run_forever, name="channels", daemon=True).start()
    return loop
