"""A page of pieces, most of them kept: what is the same on each page is encoded and compressed
once, and only what stands between is for each request.

A piece is compressed without a look at any other (RFC 1951: a block that refers to nothing before
it may stand anywhere), so that the pieces of a page, one after the other, are its gzip (RFC 1952).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

LEVEL = 6
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflated, without a name, a moment or a system."""
_END = b"\x03\x00"
"""The last block, of nothing."""


class Piece:
    """HTML that is escaped already."""

    def __init__(self, html: str) -> None:
        self.content = html.encode()

    @cached_property
    def deflated(self) -> bytes:
        """As blocks of which none is the last."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(self.content) + packer.flush(zlib.Z_FULL_FLUSH)


def gzipped(pieces: Sequence[Piece]) -> bytes:
    """All of them as one file."""
    check, size = 0, 0
    for piece in pieces:
        check = zlib.crc32(piece.content, check)
        size += len(piece.content)
    end = _END + struct.pack("<II", check, size & 0xFFFFFFFF)
    return b"".join((_HEAD, *(piece.deflated for piece in pieces), end))


class PiecedResponse(Response):
    """A page of ours, compressed where the browser can read that."""

    media_type = "text/html"

    def __init__(self, pieces: Sequence[Piece], status: int, headers: Mapping[str, str]) -> None:
        self._pieces = pieces
        super().__init__(b"".join(one.content for one in pieces), status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            self.body = gzipped(self._pieces)
            self.headers["Content-Encoding"] = "gzip"
            self.headers["Vary"] = "Accept-Encoding"
            self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)
