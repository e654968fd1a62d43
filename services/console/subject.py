"""The page of one subject: everything known about it, down to the versions of each record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import httpx2
from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict

from services.console.asking import Study, day_of, upstream_of
from services.console.charting import Where, hang, hung_of
from services.console.charts.gallery import Hung
from services.console.gather import got, line_of
from services.console.guard import SignedIn
from services.console.html import page, part
from services.console.kept import Kept
from services.console.subject_view import view_of, when
from services.console.upstream import LONG_TIMEOUT, Upstream, is_stale, source_of
from shared.charts.drawer import digest_of
from shared.contracts.profile import Profile
from shared.runtime.web import api_router

MOST_SUBJECTS = 16
"""Pages kept; one of a long study has some megabytes with its charts."""

router = api_router()

OpaqueId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


class _Dose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    level: int
    label: str


class _Cohorts(BaseModel):
    """``GET …/cohorts`` of the monitor, as far as it names the doses."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    doses: tuple[_Dose, ...]


@router.get("/studies/{study}/subject/{subject}", include_in_schema=False)
async def subject_page(
    request: Request,
    session: SignedIn,
    study: Study,
    subject: OpaqueId,
    known_at: str | None = None,
    whole: bool = False,
) -> Response:
    """One subject, now or as known in the past. `whole`: with every value and every record."""
    where, upstream = Where(study, subject, day_of(known_at)), upstream_of(request)
    entries, answer, labels = await asyncio.gather(
        upstream.studies(session.key),
        _ask_profile(upstream, session.key, where),
        dose_labels(upstream, session.key, study, where.past),
        return_exceptions=True,
    )
    entry = line_of(study, got(entries))
    written = await _written(request, where, got(answer), got(labels), whole=whole)
    hang(request, session, where, written.hung)
    return page(
        "subject_page.html",
        session=session,
        entry=entry,
        here=f"/subject/{subject}",
        past=where.past,
        hung=written.hung,
        written=written,
    )


@dataclass(frozen=True, slots=True)
class Written:
    """The page of a subject as far as it is the same for everybody, and its charts."""

    title: str
    body: str
    hung: Hung


async def _written(
    request: Request,
    where: Where,
    answer: httpx2.Response,
    labels: Mapping[int, str],
    *,
    whole: bool,
) -> Written:
    kept: Kept[Written] = request.app.state.subjects
    stale = is_stale(answer)
    key = where, source_of(answer), stale, tuple(labels.items()), whole
    found = kept.find(key)
    if found is None:
        profile = upstream_of(request).read("monitor", answer, Profile)
        hung = await hung_of(profile, stale)
        found = kept.keep(key, write_subject(profile, hung, labels, where, whole=whole))
    return found


def write_subject(
    profile: Profile, hung: Hung, labels: Mapping[int, str], where: Where, *, whole: bool
) -> Written:
    """Made of what is given and of nothing else: no clock, nobody's session."""
    view = view_of(profile, labels, where.past, whole=whole)
    body = part(
        "subject_body.html",
        past=where.past,
        whole=whole,
        view=view,
        where=where,
        charts={chart.name: chart for chart in hung.charts},
        digest_of=digest_of,
        profile=profile,
        said=profile.assessment,
        when=when,
    )
    title = f"{profile.assessment.subject}, {profile.study}: {view.word.text}"
    return Written(title, body, hung)


async def _ask_profile(upstream: Upstream, key: str, where: Where) -> httpx2.Response:
    path = f"/monitor/v1/studies/{quote(where.study, safe='')}/subjects/{where.subject}"
    return await upstream.ask(
        "monitor", "GET", path, key, params=_known(where.past), seconds=LONG_TIMEOUT
    )


async def dose_labels(
    upstream: Upstream, key: str, study: str, past: str | None
) -> Mapping[int, str]:
    """The protocol's names of the dose levels."""
    path = f"/monitor/v1/studies/{quote(study, safe='')}/cohorts"
    response = await upstream.ask("monitor", "GET", path, key, params=_known(past))
    cohorts = upstream.read("monitor", response, _Cohorts)
    return {dose.level: dose.label for dose in cohorts.doses}


def _known(past: str | None) -> dict[str, str]:
    return {"known_at": past} if past else {}
