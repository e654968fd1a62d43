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
    standing: Mapping[str, Query],
    assessment: Assessment,
    number: int,
    new: Sequence[Fact],
) -> list[NewTurn]:
    """Keep and return what this assessment, with its number, did to the study's queries."""
    people = {one.subject: one.usubjid for one in assessment.subjects}
    found = [
        _kept(turn, study.site_of(people.get(turn.query.subject or "", "")))
        for turn in turns(standing, assessment, new)
    ]
    if found:
        queries.add_turns(conn, assessment.study, number, found)
    return found


def _kept(turn: Turn, site: str | None) -> NewTurn:
    by = [one.model_dump(mode="json") for one in turn.by]
    return NewTurn(turn.query, turn.event, turn.at, site, by)
