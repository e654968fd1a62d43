"""Many rows in one statement: a column each, handed over in binary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, CursorResult

from shared.runtime.columns import Column, Kind

Types = Mapping[str, Kind]
"""The columns of some rows, and what they hold."""


def unnested(types: Types) -> str:
    """What a statement for `execute_rows` reads its rows from."""
    return "unnest(" + ", ".join(f"%({name})b::{kind}[]" for name, kind in types.items()) + ")"


def columns_of(rows: Sequence[object], types: Types) -> dict[str, list[Any]]:
    """Attributes of objects, by column."""
    return {name: list(map(attrgetter(name), rows)) for name in types}


def execute_rows(
    conn: Connection,
    statement: str,
    types: Types,
    columns: Mapping[str, Sequence[Any]],
    **others: object,
) -> CursorResult[Any]:
    """Runs a statement with `unnested` rows; `others` are named there as ``%(name)s``."""
    packed = {name: Column(kind, columns[name]) for name, kind in types.items()}
    return conn.exec_driver_sql(statement, {**packed, **others})
