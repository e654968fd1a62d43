"""Where each study stands, the facts it has, and what could not be applied to it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from shared.contracts.envelope import Fact
from shared.contracts.facts import STUDY_KINDS
from shared.runtime.db import copy_rows


@dataclass(frozen=True, slots=True)
class StudyRow:
    """Where a study stands.

    ``facts``, ``assessments`` and ``signals`` count the rows of those tables, which are numbered
    without gaps. ``facts_token`` changes with every added fact: whoever holds the facts in memory
    under the same token holds exactly the stored ones. ``said_token`` does with every assessment.
    ``summary`` describes the latest assessment in the words of the list of studies. ``degraded``:
    whether anything is noted that could not be applied.
    """

    study: str
    facts: int
    facts_token: UUID | None
    assessments: int
    signals: int
    as_of: datetime | None
    next_deadline: datetime | None
    summary: Mapping[str, Any] | None
    said_token: UUID | None
    degraded: bool

    @property
    def last_said(self) -> tuple[UUID | None, int]:
        """Changes with every assessment, also with one of a release that knows no ``said_token``,
        and is never again what it was in a transaction that was rolled back."""
        return self.said_token, self.assessments


_SELECT_STUDY = (
    "SELECT study, facts, facts_token, assessments, signals, as_of, next_deadline, summary,"
    " said_token, EXISTS (SELECT FROM dlt_monitor.degradation d"
    " WHERE d.study = s.study AND d.until IS NULL) FROM dlt_monitor.study s"
)
_MAKE = sa.text("INSERT INTO dlt_monitor.study (study) VALUES (:study) ON CONFLICT DO NOTHING")
_STUDY = sa.text(f"{_SELECT_STUDY} WHERE study = :study")
_STUDIES = sa.text(f"{_SELECT_STUDY} WHERE study = ANY(:studies) ORDER BY study")
_SAVE = sa.text(
    "UPDATE dlt_monitor.study SET facts = :facts, facts_token = :facts_token,"
    " assessments = :assessments, signals = :signals, as_of = :as_of,"
    " next_deadline = :next_deadline, summary = CAST(:summary AS json),"
    " said_token = :said_token WHERE study = :study"
)
_DUE = sa.text(
    "SELECT study FROM dlt_monitor.study"
    " WHERE next_deadline <= :now OR summary ->> 'engine' <> :engine ORDER BY next_deadline, study"
)
_NEXT = sa.text("SELECT min(next_deadline) FROM dlt_monitor.study")
_FACTS = sa.text(
    "SELECT number, value FROM dlt_monitor.fact"
    " WHERE study = :study AND number > :after AND number <= :through ORDER BY number"
)
_FACTS_ABOUT = sa.text(
    "SELECT value FROM dlt_monitor.fact WHERE study = :study AND number <= :through"
    " AND (kind = ANY(:of_study) OR value::json ->> 'subject' = :subject) ORDER BY number"
)
_DEGRADE = sa.text(
    "INSERT INTO dlt_monitor.degradation (study, message_id, reason, since)"
    " VALUES (:study, :message_id, :reason, :since)"
    " ON CONFLICT (study, message_id) WHERE until IS NULL DO NOTHING"
)
_RECOVER = sa.text(
    "UPDATE dlt_monitor.degradation SET until = :until"
    " WHERE study = :study AND message_id = ANY(:ids) AND until IS NULL"
)
_DEGRADED_AT = sa.text(
    "SELECT EXISTS (SELECT FROM dlt_monitor.degradation WHERE study = :study"
    " AND since <= :at AND (until IS NULL OR until > :at))"
)
_DEGRADED_NOW = sa.text(
    "SELECT study, message_id, reason FROM dlt_monitor.degradation"
    " WHERE study = ANY(:studies) AND until IS NULL ORDER BY id"
)


def study_row(conn: Connection, study: str) -> StudyRow | None:
    """Where the study stands; None if nothing was ever heard of it."""
    row = conn.execute(_STUDY, {"study": study}).one_or_none()
    return None if row is None else StudyRow(*row)


def make_study_row(conn: Connection, study: str) -> StudyRow:
    """Where the study stands, made on first sight. Needs the study's lock."""
    row = study_row(conn, study)
    if row is None:
        conn.execute(_MAKE, {"study": study})
        row = StudyRow(*conn.execute(_STUDY, {"study": study}).one())
    return row


def study_rows(conn: Connection, studies: Collection[str]) -> list[StudyRow]:
    """Those of the studies that were ever heard of, by name."""
    return [StudyRow(*row) for row in conn.execute(_STUDIES, {"studies": list(studies)})]


def all_studies(conn: Connection) -> list[str]:
    """Every study that was ever heard of."""
    return list(conn.execute(sa.text("SELECT study FROM dlt_monitor.study ORDER BY 1")).scalars())


def save_study_row(conn: Connection, row: StudyRow) -> None:
    """Stores where the study stands. Needs the study's lock."""
    summary = None if row.summary is None else json.dumps(row.summary)
    conn.execute(
        _SAVE,
        {
            "study": row.study,
            "facts": row.facts,
            "facts_token": row.facts_token,
            "assessments": row.assessments,
            "signals": row.signals,
            "as_of": row.as_of,
            "next_deadline": row.next_deadline,
            "summary": summary,
            "said_token": row.said_token,
        },
    )


def due_studies(conn: Connection, now: datetime, engine: str) -> list[str]:
    """Studies whose next deadline has come, the longest overdue first, and those assessed last by
    another version of the clinical engine."""
    return list(conn.execute(_DUE, {"now": now, "engine": engine}).scalars())


def earliest_deadline(conn: Connection) -> datetime | None:
    """When time alone next changes something in any study."""
    earliest: datetime | None = conn.execute(_NEXT).scalar_one()
    return earliest


# -- facts ----------------------------------------------------------------------------------------


def add_facts(
    conn: Connection, study: str, after: int, facts: Sequence[tuple[Fact, bytes]]
) -> None:
    """Adds facts as sent, numbered on from `after`."""
    copy_rows(
        conn,
        "dlt_monitor.fact",
        ("study", "number", "fact_id", "kind", "known_at", "value"),
        (
            (study, number, fact.fact_id, fact.kind, fact.known_at, value.decode())
            for number, (fact, value) in enumerate(facts, start=after + 1)
        ),
    )


def facts(conn: Connection, study: str, *, after: int, through: int) -> Iterator[str]:
    """Facts as sent, in the order they were added."""
    rows = conn.execute(_FACTS, {"study": study, "after": after, "through": through})
    for row in rows:
        yield row.value


def facts_about(conn: Connection, study: str, subject: str, *, through: int) -> Iterator[str]:
    """Facts of the study itself and of one subject by its USUBJID, in the order they were added.

    Looks at every fact of the study (100,000 of them: half a second of the database's): for the
    little while in which the study is not in memory, an index would make every new fact dearer.
    """
    asked = {"study": study, "subject": subject, "through": through, "of_study": [*STUDY_KINDS]}
    yield from conn.execute(_FACTS_ABOUT, asked).scalars()


# -- degradation ----------------------------------------------------------------------------------


def degrade(conn: Connection, study: str, message_id: str, reason: str, since: datetime) -> None:
    """Notes that a message about the study could not be applied."""
    conn.execute(
        _DEGRADE,
        {"study": study, "message_id": message_id, "reason": reason, "since": since},
    )


def recover(conn: Connection, study: str, message_ids: Collection[str], until: datetime) -> bool:
    """Notes that messages have been applied after all. True if any of them was missing."""
    result = conn.execute(_RECOVER, {"study": study, "ids": list(message_ids), "until": until})
    return result.rowcount > 0


def degraded_at(conn: Connection, study: str, at: datetime) -> bool:
    """Whether the study was known to miss something at this instant."""
    answer: bool = conn.execute(_DEGRADED_AT, {"study": study, "at": at}).scalar_one()
    return answer


def degraded_now(conn: Connection, studies: Collection[str]) -> dict[str, dict[str, str]]:
    """Per degraded study the reason by message id; studies that miss nothing are absent."""
    reasons: dict[str, dict[str, str]] = {}
    for study, message_id, reason in conn.execute(_DEGRADED_NOW, {"studies": list(studies)}):
        reasons.setdefault(study, {})[message_id] = reason
    return reasons
