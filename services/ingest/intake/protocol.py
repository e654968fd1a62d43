"""Puts a protocol document: the same text again changes nothing, another text is the next revision.

A transaction of its own: the revision depends on the one before, so it is read under the lock.
"""

from dataclasses import dataclass

from sqlalchemy import Engine

from services.ingest.intake.documents import RECORD_ID, SOURCE, next_version, version_of
from services.ingest.intake.recording import Entry, record
from services.ingest.store import LOCK_SPACE, views
from shared.contracts.reader import FieldProblem, Refused
from shared.contracts.receipts import IngestResult
from shared.runtime.auth import Principal
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.db import lock_studies

_SAME_VERSION = FieldProblem(
    "/version",
    "version-unchanged",
    "the latest document has this version and another text; every assessment names its version,"
    " so give the new text a new one",
)


@dataclass(frozen=True, slots=True)
class Put:
    """The version that stands after a document was put, and the receipt that proves it."""

    status: int
    result: IngestResult
    version: str
    revision: int
    receipt: str


def put_protocol(
    engine: Engine,
    bus: Bus,
    clock: Clock,
    study: str,
    text: str,
    principal: Principal,
    traceparent: str,
) -> Put:
    """Makes the text the study's latest protocol document, signed by the principal.

    Raises Refused for a document that is no acceptable protocol of this study, or another text
    under the version of the latest.
    """
    version = version_of(text, study)
    with engine.begin() as conn:
        lock_studies(conn, [study], space=LOCK_SPACE)
        now = clock.now()
        latest = views.protocol(conn, study, SOURCE, RECORD_ID)
        if latest is not None and latest.document == text:
            return Put(200, "duplicate", version, latest.revision, latest.receipt)
        if latest is not None and latest.version == version:
            raise Refused([_SAME_VERSION])
        revision = latest.revision + 1 if latest else 1
        candidate = next_version(
            text,
            study=study,
            version=version,
            revision=revision,
            actor=principal.name,
            time=now.isoformat(),
        )
        [outcome] = record(conn, bus, [Entry(candidate, principal.key_id, traceparent)], now)
    bus.wake()
    return Put(outcome.status, outcome.result, version, revision, outcome.receipt)
