"""The life of a data query: opened, answered by a record, closed, and perhaps opened again.

An assessment says what is asked at a moment. What is kept beside it is each query's last turn; the
next turns follow from that, the next assessment and the records that became known in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.contracts.assessment import Assessment, Evidence, Query
from shared.contracts.envelope import Fact

Event = Literal["opened", "answered", "closed"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One step in a query's life. ``by``: the record versions that answer it; none where it was
    closed by time alone or by another version of the protocol."""

    query: Query
    event: Event
    at: datetime
    by: tuple[Evidence, ...] = ()


def turns(
    standing: Mapping[str, Query], assessment: Assessment, new: Sequence[Fact]
) -> Iterator[Turn]:
    """What happens to the queries that stood, by id, and to those that stand by ``assessment``.

    ``new``: the facts known since. A further version of a record that a query names answers it,
    also where the query still stands: then the answer did not settle it.
    """
    asked = {query.id: query for query in assessment.queries}
    people = {one.subject: one.usubjid for one in assessment.subjects}
    by_subject: dict[str, list[Fact]] = {}
    for fact in new:
        by_subject.setdefault(fact.subject, []).append(fact)
    for query in asked.values():
        if query.id not in standing:
            yield Turn(query, "opened", assessment.as_of)
    for query in standing.values():
        about = people.get(query.subject or "", assessment.study)
        answers = _answers(query, by_subject[about]) if about in by_subject else ()
        stands = query.id in asked
        if answers and (not stands or _names(answers, query.evidence)):
            yield Turn(asked.get(query.id, query), "answered", assessment.as_of, answers)
        if not stands:
            yield Turn(query, "closed", assessment.as_of, answers)


def _answers(query: Query, new: Sequence[Fact]) -> tuple[Evidence, ...]:
    """The versions of the records the query names; where there are none, all that is new."""
    named = _records(query.evidence)
    found = [
        Evidence(source=fact.source, recordid=fact.recordid, revision=fact.revision) for fact in new
    ]
    return tuple(one for one in found if _records([one]) <= named) or tuple(found)


def _names(answers: Collection[Evidence], evidence: Collection[Evidence]) -> bool:
    return bool(_records(answers) & _records(evidence))


def _records(versions: Collection[Evidence]) -> set[tuple[str, str]]:
    return {(one.source, one.recordid) for one in versions}
