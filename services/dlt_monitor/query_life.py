"""Keeps the life of data queries, turn by turn, as assessments ask them and records answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from services.dlt_monitor.store import queries
from services.dlt_monitor.store.queries import NewTurn
from shared.clinical import Study
from shared.clinical.data_queries import Turn, turns
from shared.contracts.assessment import Assessment, Query
from shared.contracts.envelope import Fact


def follow(
    conn: Connection,
    study: Study,
    standing: Mapping[str, tuple[Query, str | None]],
    assessment: Assessment,
    number: int,
    new: Sequence[Fact],
) -> list[NewTurn]:
    """Keep and return what this assessment, with its number, did to the study's queries; one that
    still stands goes with its subject to another site. ``standing``: each with its site, by id."""
    people = {one.subject: one.usubjid for one in assessment.subjects}
    stood = {query.id: query for query, _ in standing.values()}
    found = [
        _kept(turn, study.site_of(people.get(turn.query.subject or "", "")))
        for turn in turns(stood, assessment, new)
    ]
    turned = {turn.query.id for turn in found}
    touched = {fact.subject for fact in new}
    for query in assessment.queries:
        about = people.get(query.subject or "", "")
        if about in touched and query.id in stood and query.id not in turned:
            site = study.site_of(about)
            if site != standing[query.id][1]:
                found.append(NewTurn(query, "moved", assessment.as_of, site, []))
    if found:
        queries.add_turns(conn, assessment.study, number, found)
    return found


def _kept(turn: Turn, site: str | None) -> NewTurn:
    by = [one.model_dump(mode="json") for one in turn.by]
    return NewTurn(turn.query, turn.event, turn.at, site, by)
