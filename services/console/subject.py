"""The page of one subject: everything known about it, down to the versions of each record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict

from services.console.asking import Study, day_of, upstream_of
from services.console.charting import Where, hang_subject
from services.console.charts.drawer import digest_of
from services.console.gather import got, line_of
from services.console.guard import SignedIn
from services.console.html import page
from services.console.subject_view import in_zone, view_of, when
from services.console.upstream import LONG_TIMEOUT, Upstream, is_stale
from shared.contracts.profile import Profile
from shared.runtime.web import api_router

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
    past, upstream = day_of(known_at), upstream_of(request)
    entries, found, labels = await asyncio.gather(
        upstream.studies(session.key),
        profile_of(upstream, session.key, study, subject, past),
        dose_labels(upstream, session.key, study, past),
        return_exceptions=True,
    )
    profile, stale = got(found)
    hung = await hang_subject(request, session, Where(study, subject, past), profile, stale=stale)
    view = view_of(profile, got(labels), past, whole=whole)
    return page(
        "subject_page.html",
        session=session,
        entry=line_of(study, got(entries)),
        here=f"/subject/{subject}",
        past=past,
        stale=stale,
        whole=whole,
        view=view,
        where=Where(study, subject, past),
        charts={chart.name: chart for chart in hung.charts},
        digest_of=digest_of,
        profile=profile,
        said=profile.assessment,
        when=when,
        in_zone=lambda instant: in_zone(instant, profile.zone),
    )


async def profile_of(
    upstream: Upstream, key: str, study: str, subject: str, past: str | None
) -> tuple[Profile, bool]:
    """The subject's profile, and whether the monitor calls itself behind."""
    path = f"/monitor/v1/studies/{quote(study, safe='')}/subjects/{subject}"
    response = await upstream.ask(
        "monitor", "GET", path, key, params=_known(past), seconds=LONG_TIMEOUT
    )
    return upstream.read("monitor", response, Profile), is_stale(response)


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
