"""Columns of many rows, handed to PostgreSQL as binary arrays.

psycopg packs an array element by element, in several calls of Python each. Here a column that says
the same in every row, as most of a batch do, is packed once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

Kind = Literal[
    "text",
    "bytea",
    "jsonb",
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "timestamptz",
    "interval",
]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEAD = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)
_INTERVAL = struct.Struct(">qii")


def _jsonb(text: str) -> bytes:
    return b"\x01" + text.encode()


def _timestamptz(moment: datetime) -> bytes:
    return _BIGINT((moment - _EPOCH) // _MICROSECOND)


def _interval(wait: timedelta) -> bytes:
    return _INTERVAL.pack(wait.seconds * 1_000_000 + wait.microseconds, wait.days, 0)


_BIGINT = struct.Struct(">q").pack
_PACKED: Mapping[Kind, Callable[[Any], bytes]] = {
    "text": str.encode,
    "bytea": bytes,
    "jsonb": _jsonb,
    "boolean": struct.Struct(">?").pack,
    "smallint": struct.Struct(">h").pack,
    "integer": struct.Struct(">i").pack,
    "bigint": _BIGINT,
    "timestamptz": _timestamptz,
    "interval": _interval,
}
_OIDS = {kind: psycopg.adapters.types[kind].oid for kind in _PACKED}


class Column:
    """One column's values, None for NULL; a parameter for ``%b::kind[]``. Those of `jsonb` are JSON
    as text; moments carry their zone."""

    __slots__ = ("packed",)

    def __init__(self, kind: Kind, values: Sequence[Any]) -> None:
        head = _HEAD.pack(1, None in values, _OIDS[kind], len(values), 1)
        self.packed = head + _elements(_PACKED[kind], values)


def _elements(pack: Callable[[Any], bytes], values: Sequence[Any]) -> bytes:
    first = values[0] if values else None
    if values.count(first) == len(values):
        return _element(pack, first) * len(values)
    return b"".join([_element(pack, value) for value in values])


def _element(pack: Callable[[Any], bytes], value: Any) -> bytes:
    if value is None:
        return _NULL
    packed = pack(value)
    return _LENGTH(len(packed)) + packed


class ColumnDumper(Dumper):
    """Of no type of its own: the statement's cast says which."""

    format = Format.BINARY

    def dump(self, obj: Column) -> bytes:
        return obj.packed
