"""Long work in a thread of a server, beside which answers should still come soon."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_USUAL = sys.getswitchinterval()
_lock = threading.Lock()
_at_it: list[int] = []
"""Threads that work long."""


@contextmanager
def giving_way() -> Iterator[None]:
    """Lets other threads have the interpreter ten times sooner than usual: an answer takes it back
    a hundred times, after each wait for database or network."""
    with _lock:
        _at_it.append(threading.get_ident())
        sys.setswitchinterval(_USUAL / 10)
    try:
        yield
    finally:
        with _lock:
            _at_it.remove(threading.get_ident())
            if not _at_it:
                sys.setswitchinterval(_USUAL)
