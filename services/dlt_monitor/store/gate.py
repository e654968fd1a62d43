"""Every answer the randomisation system was given. Only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

_ADD = sa.text(
    "INSERT INTO dlt_monitor.gate_answer (study, asked_at, asked_by, dose_level, facts, document)"
    " VALUES (:study, :asked_at, :asked_by, :dose_level, :facts, :document)"
)
_AFTER = sa.text(
    "SELECT number, asked_at, asked_by, facts, document FROM dlt_monitor.gate_answer"
    " WHERE study = :study AND number > :after ORDER BY number LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was given, to whom, and how many facts it rests on."""

    number: int
    asked_at: datetime
    asked_by: str
    facts: int
    document: str


def add_gate_answer(
    conn: Connection,
    study: str,
    *,
    asked_at: datetime,
    asked_by: str,
    dose_level: int,
    facts: int,
    document: str,
) -> None:
    """Keeps an answer that is about to be given."""
    conn.execute(
        _ADD,
        {
            "study": study,
            "asked_at": asked_at,
            "asked_by": asked_by,
            "dose_level": dose_level,
            "facts": facts,
            "document": document,
        },
    )


def gate_answers_after(
    conn: Connection, study: str, *, after: int, limit: int
) -> list[StoredAnswer]:
    """The answers beyond number `after`, oldest first."""
    rows = conn.execute(_AFTER, {"study": study, "after": after, "limit": limit})
    return [StoredAnswer(*row) for row in rows]
