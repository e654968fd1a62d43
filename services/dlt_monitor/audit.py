"""Proof that the record was not touched: every assessment is made again from its own facts.

What was said must follow from the facts it names, and a document must have the digest it carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from services.dlt_monitor.memory import stored_facts
from services.dlt_monitor.store import outputs, studies
from services.dlt_monitor.store.outputs import StoredAssessment
from shared.clinical import Study
from shared.clinical.study import ENGINE
from shared.contracts.assessment import Assessment, digest_of

Verdict = Literal["proved", "other_engine", "altered", "differs"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One assessment or answer of a study.

    ``proved``: made again with the same digest. ``other_engine``: its document has its digest, but
    another version of the engine made it. ``altered``: the document no longer has its digest,
    or cannot be read. ``differs``: its facts do not lead to it.
    """

    study: str
    number: int
    digest: str
    verdict: Verdict

    @property
    def sound(self) -> bool:
        return self.verdict in ("proved", "other_engine")


def verify(conn: Connection, study: str | None = None) -> Iterator[Checked]:
    """Check every assessment and answer of the study, or of all; read-only."""
    for name in [study] if study is not None else studies.all_studies(conn):
        folded, through = Study(name), 0
        for stored in outputs.everything_said(conn, name):
            for facts in stored_facts(conn, name, after=through, through=stored.facts):
                folded.add(facts)
            through = max(through, stored.facts)
            yield Checked(name, stored.number, stored.digest, _verdict(folded, stored))


def _verdict(folded: Study, stored: StoredAssessment) -> Verdict:
    try:
        said = Assessment.model_validate_json(stored.document)
    except ValueError:
        return "altered"
    if digest_of(said) != stored.digest:
        return "altered"
    if stored.engine != ENGINE:
        return "other_engine"
    again = folded.assess(
        as_of=stored.as_of,
        known_at=stored.known_at,
        degraded=stored.degraded,
        version=said.protocol_version,
    )
    return "proved" if again.digest == stored.digest else "differs"
