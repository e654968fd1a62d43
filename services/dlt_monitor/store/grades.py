"""Graded results: every version that was published, and which of them stand. Only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from shared.contracts.envelope import sha256
from shared.contracts.graded import GradedResult
from shared.runtime.db import copy_rows

Told = dict[str, GradedResult]
"""The latest version of each result of a subject, by its id."""
Panels = Sequence[Sequence[GradedResult]]
"""The results of a subject as they stand, in parts."""

_TOLD = sa.text(
    "SELECT DISTINCT ON (result) result, document FROM dlt_monitor.graded_result"
    " WHERE study = :study AND subject = :subject ORDER BY result, version DESC"
)
_GRADES = (
    "SELECT number, subject_ref, document FROM dlt_monitor.graded_result WHERE study = :study"
    " AND number > :after AND result IS NOT NULL"
)
_STANDING_GRADES = (
    "SELECT number, subject_ref, document FROM dlt_monitor.standing_grade WHERE study = :study"
    " AND number > :after"
)


@dataclass(frozen=True, slots=True)
class StoredGrade:
    """A graded result as it was published, with its place in the sequence and an opaque name of its
    subject."""

    number: int
    subject: str
    document: str


def told(conn: Connection, study: str, subject: str) -> Told:
    """What was last published of each of a subject's results."""
    rows = conn.execute(_TOLD, {"study": study, "subject": subject})
    return {row[0]: GradedResult.model_validate_json(row[1]) for row in rows}


def add_grades(conn: Connection, results: Sequence[tuple[GradedResult, str]]) -> None:
    """Keeps versions of graded results with their documents."""
    if results:
        copy_rows(
            conn,
            "dlt_monitor.graded_result",
            (
                *("study", "id", "document", "subject", "subject_ref"),
                *("result", "version", "withdrawn"),
            ),
            (
                (
                    one.study,
                    f"{one.id}/{one.version}",
                    document,
                    one.usubjid,
                    _opaque(one.study, one.usubjid),
                    one.id,
                    one.version,
                    one.withdrawn,
                )
                for one, document in results
            ),
        )


def grades_after(
    conn: Connection, study: str, *, after: int, standing: bool, subject: str | None, limit: int
) -> list[StoredGrade]:
    """Graded results beyond number `after`, oldest first; with `standing` only those that hold."""
    query = _STANDING_GRADES if standing else _GRADES
    if subject is not None:
        query += " AND subject_ref = :subject"
    rows = conn.execute(
        sa.text(query + " ORDER BY number LIMIT :limit"),
        {"study": study, "after": after, "subject": subject, "limit": limit},
    )
    return [StoredGrade(*row) for row in rows]


def _opaque(study: str, subject: str) -> str:
    """A name for a subject that may stand in an address."""
    return sha256(f"{study}|{subject}")[:16]
