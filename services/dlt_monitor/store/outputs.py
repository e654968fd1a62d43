"""What the monitor has said: assessments, answers and signals. Only ever added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from shared.contracts.assessment import Assessment
from shared.contracts.signals import Signal, read_signal
from shared.runtime import packing
from shared.runtime.db import copy_rows


@dataclass(frozen=True, slots=True)
class StoredAssessment:
    """One assessment or answer as it was given, and what it rested on: the first ``facts`` facts.

    ``number`` counts the study's assessments; 0 for a view that was only handed out. ``text`` or,
    of a large one, ``packed`` is how it is stored.
    """

    number: int
    as_of: datetime
    known_at: datetime
    facts: int
    degraded: bool
    digest: str
    engine: str
    text: str | None = field(repr=False)
    packed: bytes | None = field(repr=False)

    @property
    def document(self) -> str:
        """The assessment. Raises `packing.Damaged`."""
        if self.packed is None:
            return str(self.text)
        return packing.unpacked(bytes(self.packed)).decode()


_SELECT_ASSESSMENT = (
    "SELECT number, as_of, as_of AS known_at, facts, degraded, digest, engine, document, packed"
    " FROM dlt_monitor.assessment"
)
_SELECT_ANSWER = (
    "SELECT 0, as_of, known_at, facts, degraded, digest, engine, document, CAST(NULL AS bytea)"
    " FROM dlt_monitor.answer"
)
_LATEST = sa.text(f"{_SELECT_ASSESSMENT} WHERE study = :study ORDER BY number DESC LIMIT 1")
_BY_DIGEST = sa.text(
    f"{_SELECT_ASSESSMENT} WHERE study = :study AND digest = :digest"
    f" UNION ALL {_SELECT_ANSWER} WHERE study = :study AND digest = :digest"
    " ORDER BY number DESC LIMIT 1"
)
_EVERYTHING = sa.text(
    f"{_SELECT_ASSESSMENT} WHERE study = :study UNION ALL {_SELECT_ANSWER} WHERE study = :study"
    " ORDER BY facts, number"
)
_KNOWN_DIGESTS = sa.text(
    "SELECT digest FROM dlt_monitor.assessment WHERE study = :study AND digest = ANY(:digests)"
    " UNION SELECT digest FROM dlt_monitor.answer WHERE study = :study AND digest = ANY(:digests)"
)
_ADD_ASSESSMENT = sa.text(
    "INSERT INTO dlt_monitor.assessment (study, number, as_of, facts, degraded, digest,"
    " protocol_version, engine, cause, made_at, document, packed) VALUES (:study, :number, :as_of,"
    " :facts, :degraded, :digest, :protocol_version, :engine, :cause, :made_at, :document, :packed)"
)
_ADD_ANSWER = sa.text(
    "INSERT INTO dlt_monitor.answer (study, digest, as_of, known_at, facts, degraded, engine,"
    " given_at, document) VALUES (:study, :digest, :as_of, :known_at, :facts, :degraded, :engine,"
    " :given_at, :document)"
    " ON CONFLICT DO NOTHING"
)
_STANDING = sa.text(
    "SELECT document FROM dlt_monitor.standing WHERE study = :study ORDER BY number"
)
_RAISED = sa.text(
    "SELECT key, count(*) FROM dlt_monitor.signal WHERE study = :study AND NOT ends GROUP BY key"
)
_SIGNALS = (
    "SELECT s.number, s.id, s.document, st.id IS NOT NULL AS standing FROM dlt_monitor.signal s"
    " LEFT JOIN dlt_monitor.standing st ON st.study = s.study AND st.number = s.number"
    " WHERE s.study = :study AND s.number > :after"
)


def add_assessment(
    conn: Connection,
    *,
    number: int,
    facts: int,
    assessment: Assessment,
    cause: str,
    made_at: datetime,
    document: str,
) -> None:
    """Keeps an assessment of the first `facts` facts, made at its own ``as_of``."""
    plain = document.encode()
    stored = packing.packed(plain)
    is_packed = stored is not plain
    conn.execute(
        _ADD_ASSESSMENT,
        {
            "study": assessment.study,
            "number": number,
            "as_of": assessment.as_of,
            "facts": facts,
            "degraded": assessment.degraded,
            "digest": assessment.digest,
            "protocol_version": assessment.protocol_version,
            "engine": assessment.engine,
            "cause": cause,
            "made_at": made_at,
            "document": None if is_packed else document,
            "packed": stored if is_packed else None,
        },
    )


def add_answer(
    conn: Connection, *, facts: int, assessment: Assessment, given_at: datetime, document: str
) -> None:
    """Remembers that a view was handed out: a decision may cite its digest."""
    conn.execute(
        _ADD_ANSWER,
        {
            "study": assessment.study,
            "digest": assessment.digest,
            "as_of": assessment.as_of,
            "known_at": assessment.known_at,
            "facts": facts,
            "degraded": assessment.degraded,
            "engine": assessment.engine,
            "given_at": given_at,
            "document": document,
        },
    )


def latest_assessment(conn: Connection, study: str) -> StoredAssessment | None:
    """The current assessment, if there is one."""
    return _stored(conn.execute(_LATEST, {"study": study}).one_or_none())


def assessment_by_digest(conn: Connection, study: str, digest: str) -> StoredAssessment | None:
    """The latest assessment with this digest, or the answer that was given with it."""
    return _stored(conn.execute(_BY_DIGEST, {"study": study, "digest": digest}).one_or_none())


def everything_said(conn: Connection, study: str) -> Iterator[StoredAssessment]:
    """Every assessment and every answer, by the number of facts they rest on."""
    for row in conn.execute(_EVERYTHING, {"study": study}):
        yield StoredAssessment(*row)


def known_digests(conn: Connection, study: str, digests: Collection[str]) -> set[str]:
    """Those of the digests that this monitor has given out."""
    rows = conn.execute(_KNOWN_DIGESTS, {"study": study, "digests": list(digests)})
    return set(rows.scalars())


def _stored(row: Any) -> StoredAssessment | None:
    return None if row is None else StoredAssessment(*row)


# -- signals --------------------------------------------------------------------------------------


def add_signals(
    conn: Connection, study: str, after: int, signals: Sequence[tuple[Signal, str]], assessment: int
) -> None:
    """Keeps signals with their documents, numbered on from `after`."""
    if not signals:
        return
    copy_rows(
        conn,
        "dlt_monitor.signal",
        (
            "study",
            "number",
            "id",
            "key",
            "type",
            "ends",
            "supersedes",
            "assessment",
            "document",
        ),
        (
            (
                study,
                number,
                signal.id,
                signal.key,
                signal.type.value,
                signal.ends,
                signal.supersedes,
                assessment,
                document,
            )
            for number, (signal, document) in enumerate(signals, start=after + 1)
        ),
    )


def standing_signals(conn: Connection, study: str) -> list[Signal]:
    """Signals that stand: they end nothing and nothing has superseded them."""
    return [read_signal(text) for text in conn.execute(_STANDING, {"study": study}).scalars()]


def times_raised(conn: Connection, study: str) -> Counter[str]:
    """How often each key was raised so far."""
    return Counter({row[0]: row[1] for row in conn.execute(_RAISED, {"study": study})})


@dataclass(frozen=True, slots=True)
class StoredSignal:
    """A signal as it was published, with its place in the study's sequence."""

    number: int
    id: str
    document: str
    standing: bool


def signals_after(
    conn: Connection, study: str, *, after: int, standing: bool | None, limit: int
) -> list[StoredSignal]:
    """Signals beyond number `after`, oldest first; with `standing` only those that do or don't."""
    query = _SIGNALS
    if standing is not None:
        query += " AND st.id IS NOT NULL" if standing else " AND st.id IS NULL"
    rows = conn.execute(
        sa.text(query + " ORDER BY s.number LIMIT :limit"),
        {"study": study, "after": after, "limit": limit},
    )
    return [StoredSignal(*row) for row in rows]
