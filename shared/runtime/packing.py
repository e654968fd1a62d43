"""Large documents are compressed before they reach PostgreSQL.

It would do so itself, at several times the CPU for less, once for each table they go into. Small
ones stay as they are, to be read with SQL.
"""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache

PACKED_FROM = 32 * 1024
"""Bytes from which on a document is packed."""

_LEVEL = 1
"""A third of the usual level's time for a third more bytes."""

_MARK = b"\x1f\x8b"
"""How gzip begins, and no JSON does."""


class Damaged(ValueError):
    """What was packed cannot be unpacked, or not to what it was."""


def packed(value: bytes) -> bytes:
    """How a document is stored; so that `unpacked` cannot be mistaken, one that begins as if it had
    been packed is packed whatever its size."""
    if len(value) < PACKED_FROM and not value.startswith(_MARK):
        return value
    return _compressed(value)


def unpacked(stored: bytes) -> bytes:
    """The document. Raises Damaged."""
    if not stored.startswith(_MARK):
        return stored
    try:
        return gzip.decompress(stored)
    except (OSError, EOFError, zlib.error):
        raise Damaged("a compressed document is damaged") from None


@lru_cache(maxsize=2)
def _compressed(value: bytes) -> bytes:
    """The same document goes into a table and into the event log."""
    return gzip.compress(value, _LEVEL, mtime=0)
