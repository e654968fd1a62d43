"""The data page: what was asked of the sites, what was refused or parked, and who has fallen
silent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict

from services.console.acts import entry_of, may, me, moment_of
from services.console.asking import Study, day_of, go, upstream_of
from services.console.board import subject_page
from services.console.guard import SignedIn, check_csrf, form
from services.console.html import page
from services.console.notes import Note
from services.console.office import get, part
from services.console.upstream import (
    Conflict,
    Forbidden,
    KeyRefused,
    NotFound,
    Unavailable,
    Upstream,
    UpstreamError,
)
from shared.contracts.assessment import Query
from shared.contracts.receipts import FieldError
from shared.runtime.web import api_router

router = api_router()

ADMINS = frozenset({"study_admin"})
QUERY_STATES = ("opened", "answered", "closed")
SHOWN = "50"
"""Refusals on the page."""
_MOST = 50
Parking = Literal["monitor", "notifier"]
"""Whose messages may be parked: records at the monitor, signals at the notifier."""
PARKING: tuple[Parking, ...] = ("monitor", "notifier")
_NOTES = {
    "replayed": Note("go", "The message was applied."),
    "still-parked": Note("warn", "The message still cannot be applied. Its reason is below."),
    "gone": Note("warn", "The message is not parked any more."),
    "not-allowed": Note("warn", "Not tried: this needs the role of a study administrator."),
    "silent": Note("stop", "Not known whether it was applied: the service did not answer."),
}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Turn(_Answer):
    """What happened to a query, when, and for which site it is since."""

    event: str
    at: datetime
    site: str | None = None


class DataQuery(Query):
    """``GET /monitor/v1/studies/{study}/queries``: a query with its life."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site: str | None
    state: str
    history: tuple[Turn, ...]


class Queries(_Answer):
    """A page of queries."""

    queries: tuple[DataQuery, ...]
    next: str | None


class Refusal(_Answer):
    """A delivery that was not taken."""

    receipt: str
    received_at: datetime
    key: str
    status: int
    type: str | None
    problems: tuple[FieldError, ...]


class Refusals(_Answer):
    """``GET /ingest/v1/studies/{study}/refusals``, newest first."""

    refusals: tuple[Refusal, ...]
    next: str | None


class Parked(_Answer):
    """A message that a service could not apply."""

    id: int
    reason: str
    error_class: str | None
    parked_at: datetime


class AllParked(_Answer):
    """``GET /monitor/v1/studies/{study}/parked``, and the notifier's."""

    parked: tuple[Parked, ...]


class Source(_Answer):
    """A source and its last contact."""

    source: str
    last_at: datetime
    deliveries: int


class Sources(_Answer):
    """``GET /ingest/v1/studies/{study}/sources``"""

    sources: tuple[Source, ...]


@router.get("/studies/{study}/data", include_in_schema=False)
async def data(
    request: Request,
    session: SignedIn,
    study: Study,
    state: Literal["opened", "answered", "closed"] | None = None,
    known_at: str | None = None,
    note: str | None = None,
) -> Response:
    """Everything about the records of a study that is not their content."""
    past, upstream, key = day_of(known_at), upstream_of(request), session.key
    quoted = quote(study, safe="")
    ingest, monitor = f"/ingest/v1/studies/{quoted}", f"/monitor/v1/studies/{quoted}"
    (entry, moment, person, pages), (queries, sources, refusals), parked = await asyncio.gather(
        asyncio.gather(
            entry_of(upstream, session, study),
            moment_of(upstream, session, study, past),
            me(upstream, session),
            _pages(upstream, key, study, past),
        ),
        asyncio.gather(
            part(all_queries(upstream, key, monitor)),
            part(get(upstream, "ingest", key, f"{ingest}/sources", Sources)),
            part(get(upstream, "ingest", key, f"{ingest}/refusals", Refusals, limit=SHOWN)),
        ),
        asyncio.gather(
            *(
                part(get(upstream, service, key, _parked(service, study), AllParked))
                for service in PARKING
            )
        ),
    )
    known = as_known(queries.found or (), moment)
    return page(
        "data_page.html",
        entry=entry,
        here="/data",
        past=past,
        session=session,
        counts={one: sum(query.state == one for query in known) for one in QUERY_STATES},
        state=state,
        queries=[query for query in known if state in (None, query.state)],
        queries_missing=queries.missing,
        pages=pages,
        sources=sources,
        refusals=refusals,
        parked=dict(zip(PARKING, parked, strict=True)),
        administers=past is None and may(person, study, ADMINS),
        note=_NOTES.get(note or ""),
    )


@router.post("/studies/{study}/data/parked/{service}/{number}", include_in_schema=False)
async def replay(
    request: Request,
    session: SignedIn,
    study: Study,
    service: Parking,
    number: Annotated[int, Path(ge=0, le=2**62)],
) -> Response:
    """Tries a parked message again."""
    check_csrf(session, await form(request))
    path = f"{_parked(service, study)}/{number}/replay"
    note = "replayed"
    try:
        await upstream_of(request).ask(service, "POST", path, session.key)
    except Conflict:
        note = "still-parked"
    except NotFound:
        note = "gone"
    except Forbidden:
        note = "not-allowed"
    except Unavailable:
        note = "silent"
    return go(f"/studies/{study}/data?note={note}#parked")


async def _pages(upstream: Upstream, key: str, study: str, past: str | None) -> Mapping[str, str]:
    """The pages of the subjects by their codes; none where there is no assessment that names
    them."""
    try:
        found = (await upstream.assessment(key, study, past)).assessment
    except KeyRefused:
        raise
    except UpstreamError:
        return {}
    return {one.subject: subject_page(study, one.usubjid, past) for one in found.subjects}


def _parked(service: Parking, study: str) -> str:
    return f"/{service}/v1/studies/{quote(study, safe='')}/parked"


async def all_queries(upstream: Upstream, key: str, monitor: str) -> tuple[DataQuery, ...]:
    """Every query of the study, oldest first."""
    found: list[DataQuery] = []
    params: dict[str, str] = {}
    for _ in range(_MOST):
        answer = await get(upstream, "monitor", key, f"{monitor}/queries", Queries, **params)
        found += answer.queries
        if answer.next is None:
            return tuple(found)
        params = {"after": answer.next}
    raise upstream.unavailable("monitor", "has more queries than a page can show")


def as_known(queries: Sequence[DataQuery], moment: datetime | None) -> list[DataQuery]:
    """The queries in their state at a moment, newest turn first; those asked later left out."""
    found = []
    for query in queries:
        turns = tuple(turn for turn in query.history if moment is None or turn.at <= moment)
        if turns:
            state = next(turn.event for turn in reversed(turns) if turn.event != "moved")
            then = {"history": turns, "state": state, "site": turns[-1].site}
            found.append(query.model_copy(update=then))
    return sorted(found, key=lambda query: query.history[-1].at, reverse=True)
