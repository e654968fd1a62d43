"""Reviews and decisions as stored, beside what the assessments they cite rested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from shared.contracts.envelope import Fact, read_fact

_ACTS = sa.text("""
    SELECT act.value, act.digest,
        (SELECT max(facts) FROM dlt_monitor.assessment a
            WHERE a.study = act.study AND a.facts < act.number) AS before,
        (SELECT max(facts) FROM (
            SELECT facts FROM dlt_monitor.assessment
                WHERE study = act.study AND digest = act.digest AND facts < act.number
            UNION ALL SELECT facts FROM dlt_monitor.answer
                WHERE study = act.study AND digest = act.digest AND facts < act.number
            ) said) AS seen
    FROM (
        SELECT study, number, value, value::json #>> '{data,assessment_digest}' AS digest
        FROM dlt_monitor.fact WHERE study = :study AND kind IN ('dlt_review', 'decision')) act
    ORDER BY act.number
""")


@dataclass(frozen=True, slots=True)
class Act:
    """One version of a review or decision. ``before``: how many facts the assessment before it
    rested on; ``seen``: how many the cited one did, None where it was not given out before."""

    fact: Fact
    digest: str | None
    before: int | None
    seen: int | None

    @property
    def cites(self) -> Literal["current", "superseded", "unknown", "nothing"]:
        """What the cited assessment was at the time."""
        if self.digest is None:
            return "nothing"
        if self.seen is None:
            return "unknown"
        return "superseded" if self.facts_since else "current"

    @property
    def facts_since(self) -> int | None:
        """Facts that came between the cited assessment and the act."""
        return None if self.seen is None else max(0, (self.before or 0) - self.seen)


def all_acts(conn: Connection, study: str) -> Iterator[Act]:
    """Every version, in the order they were applied."""
    for value, digest, before, seen in conn.execute(_ACTS, {"study": study}):
        yield Act(read_fact(value), digest, before, seen)
