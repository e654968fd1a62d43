"""The charts of a study and of a subject: a page with all, a page, a picture and a CSV of each.

A picture shows what its page's tables say, although it is asked for later: the charts of a page are
held for its session, and the address of a picture names its content. Where the study has changed
and they are no longer held, the picture says so instead.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Path, Request, Response

from services.console.acts import entry_of
from services.console.asking import Study, day_of, upstream_of
from services.console.charts import characteristics
from services.console.charts.exploring import ENGINE, engine, explorable
from services.console.charts.gallery import Gallery, Hung
from services.console.charts.linking import pages_by_name, pages_of
from services.console.charts.simulator import Simulator
from services.console.guard import SignedIn
from services.console.html import PAGE_HEADERS, page
from services.console.kept import Kept
from services.console.notes import Gap
from services.console.sessions import Session
from services.console.upstream import (
    LONG_TIMEOUT,
    Model,
    NotFound,
    Unavailable,
    Unread,
    Upstream,
    is_stale,
    source_of,
)
from shared.charts.blocks import Chart, Table, csv_text
from shared.charts.drawer import CannotDraw, Drawer, digest_of
from shared.charts.framing import narrow
from shared.charts.study import study_charts, subject_charts
from shared.contracts.figures import Figures
from shared.contracts.packet import LabSeries, Packet
from shared.contracts.profile import Profile
from shared.runtime.web import Problem, api_router

router = api_router()

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
Subject = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
ROWS_AT_ONCE = 40
"""Of a table on the page with all charts; the chart's own page has every row."""
MOST_CHARTED = 4
"""Answers of the monitor whose charts need not be made again."""
PATIENCE, LONG_PATIENCE = 0.3, 20.0
"""Seconds in which a simulation may end before its page is given without it."""
_MOVED_ON = Gap(
    "The study changed while this page was made.",
    "Its charts may not be of one moment: load it again.",
)
_SVG = "image/svg+xml"
_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"
_CHANGED = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="560" height="60" viewBox="0 0 560 60">'
    '<rect width="560" height="60" fill="white"/><text x="12" y="36" font-size="15"'
    ' font-family="Arial, sans-serif">The study has changed since this page was made.'
    " Load it again.</text></svg>"
)


@dataclass(frozen=True, slots=True)
class Where:
    """Whose charts are asked for: a study's, or one subject's by its opaque id."""

    study: str
    subject: str | None
    past: str | None

    @property
    def here(self) -> str:
        """The part of the address that follows the study."""
        return f"/subject/{self.subject}/charts" if self.subject else "/charts"

    def address(self, of: str, **more: str) -> str:
        """Of a chart (``/edish.svg``) or of the page with all."""
        asked = urlencode({**({"known_at": self.past} if self.past else {}), **more}, safe=":")
        return f"/studies/{self.study}{self.here}{of}" + (f"?{asked}" if asked else "")

    def pages(self, table: Table) -> tuple[str, ...]:
        """Where each row of a table leads; empty where its rows are about nobody."""
        return pages_of(table, self.study, self.past)


@router.get("/studies/{study}/charts", include_in_schema=False)
async def all_charts(
    request: Request, session: SignedIn, study: Study, known_at: str | None = None
) -> Response:
    """Every chart of the study with its table, now or as known at a past moment."""
    where = Where(study, None, day_of(known_at))
    entry, hung = await asyncio.gather(
        entry_of(upstream_of(request), session, study), _hang(request, session, where)
    )
    drawer_of(request).warm_up()
    return page(
        "charts_all.html",
        session=session,
        entry=entry,
        past=where.past,
        here=where.here,
        where=where,
        hung=hung,
        digest_of=digest_of,
        engine=ENGINE,
        rows_at_once=ROWS_AT_ONCE,
    )


@router.get("/studies/{study}/charts/{name}.svg", include_in_schema=False)
async def study_picture(
    request: Request,
    session: SignedIn,
    study: Study,
    name: Name,
    known_at: str | None = None,
    v: str | None = None,
) -> Response:
    """One chart of the study."""
    return await _picture(request, session, Where(study, None, day_of(known_at)), name, v)


@router.get("/studies/{study}/subject/{subject}/charts/{name}.svg", include_in_schema=False)
async def subject_picture(
    request: Request,
    session: SignedIn,
    study: Study,
    subject: Subject,
    name: Name,
    known_at: str | None = None,
    v: str | None = None,
) -> Response:
    """One chart of a subject: ``timeline``, or ``series-N`` in the order of its profile."""
    return await _picture(request, session, Where(study, subject, day_of(known_at)), name, v)


@router.get("/studies/{study}/charts/{name}.json", include_in_schema=False)
async def study_explored(
    request: Request,
    session: SignedIn,
    study: Study,
    name: Name,
    known_at: str | None = None,
    v: str | None = None,
) -> Response:
    """One chart of the study, to be drawn in the browser."""
    return await _explored(request, session, Where(study, None, day_of(known_at)), name, v)


@router.get("/explore/engine.js", include_in_schema=False)
async def explore_engine(request: Request, _session: SignedIn) -> Response:
    """What draws it there. Its address names all that it is made of, so browsers may keep it."""
    made = await asyncio.to_thread(engine)
    kept = {"Cache-Control": "private, max-age=31536000, immutable"}
    return _packed(request, made, "text/javascript", **kept)


@router.get("/studies/{study}/charts/{name}.csv", include_in_schema=False)
async def study_csv(
    request: Request, session: SignedIn, study: Study, name: Name, known_at: str | None = None
) -> Response:
    """The numbers of one chart of the study."""
    return await _csv(request, session, Where(study, None, day_of(known_at)), name)


@router.get("/studies/{study}/subject/{subject}/charts/{name}.csv", include_in_schema=False)
async def subject_csv(
    request: Request,
    session: SignedIn,
    study: Study,
    subject: Subject,
    name: Name,
    known_at: str | None = None,
) -> Response:
    """The numbers of one chart of a subject."""
    return await _csv(request, session, Where(study, subject, day_of(known_at)), name)


@router.get("/studies/{study}/charts/{name}", include_in_schema=False)
async def one_chart(
    request: Request, session: SignedIn, study: Study, name: Name, known_at: str | None = None
) -> Response:
    """One chart with its whole table."""
    where = Where(study, None, day_of(known_at))
    entry, hung = await asyncio.gather(
        entry_of(upstream_of(request), session, study), _hang(request, session, where, name)
    )
    return page(
        "charts_one.html",
        session=session,
        entry=entry,
        past=where.past,
        here=f"{where.here}/{name}",
        where=where,
        hung=hung,
        chart=_named(hung, name),
        digest_of=digest_of,
        engine=ENGINE,
    )


async def _picture(
    request: Request, session: Session, where: Where, name: str, wanted: str | None
) -> Response:
    chart = await _spoken_of(request, session, where, name, wanted)
    if chart is None or chart.spec is None:
        return _packed(request, gzip.compress(_CHANGED.encode(), mtime=0), _SVG)
    try:
        return _packed(request, await drawer_of(request).svg(chart.spec), _SVG)
    except CannotDraw:
        raise Problem(500, "not-drawn", "The chart cannot be drawn; see its table") from None


async def _spoken_of(
    request: Request, session: Session, where: Where, name: str, wanted: str | None
) -> Chart | None:
    """``wanted``: the digest of the picture that a page speaks of; None where the study has changed
    since and it is no longer held. For a phone as it is drawn there. Raises NotFound, also of a
    chart without a picture."""
    await entry_of(upstream_of(request), session, where.study)
    held = _gallery(request).find((session.token, where), fresh=wanted is None)
    chart = _named(held or await _hang(request, session, where, name), name)
    if chart.spec is None:
        raise NotFound
    if wanted is not None and digest_of(chart.spec) != wanted:
        return None
    slim = "narrow" in request.query_params
    return replace(chart, spec=narrow(chart.spec)) if slim else chart


async def _explored(
    request: Request, session: Session, where: Where, name: str, wanted: str | None
) -> Response:
    chart = await _spoken_of(request, session, where, name, wanted)
    if chart is None or chart.spec is None:
        raise Problem(409, "changed", "The study has changed since the page was made")
    pages = pages_by_name(chart.table, where.study, where.past)
    drawn = {**explorable(chart.spec), "usermeta": {"pages": pages}}
    text = json.dumps(drawn).encode()
    return _packed(request, gzip.compress(text, mtime=0), "application/json")


def _packed(request: Request, compressed: bytes, media_type: str, **more: str) -> Response:
    """Compressed for whom can read it. By its own policy it may do nothing."""
    headers = {**PAGE_HEADERS, "Content-Security-Policy": _POLICY, "Vary": "Accept-Encoding"} | more
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(compressed), media_type=media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(compressed, media_type=media_type, headers=headers)


async def _csv(request: Request, session: Session, where: Where, name: str) -> Response:
    await entry_of(upstream_of(request), session, where.study)
    table = _named(await _hang(request, session, where, name), name).table
    file = f"{where.study}-{name}.csv"
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{file}"'}
    text = csv_text((table.columns, *table.rows))
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _named(hung: Hung, name: str) -> Chart:
    """Raises NotFound."""
    chart = hung.named(name)
    if chart is None:
        raise NotFound
    return chart


async def _hang(request: Request, session: Session, where: Where, name: str | None = None) -> Hung:
    """The charts, made anew unless that was just done for this session. ``name``: the one chart
    that is asked for, worth waiting for."""
    key = (session.token, where)
    hung = _gallery(request).find(key, fresh=True)
    if hung is None:
        upstream = upstream_of(request)
        if where.subject:
            hung = await _of_subject(upstream, session.key, where)
        else:
            patience = LONG_PATIENCE if name == characteristics.NAME else PATIENCE
            hung = await _of_study(request, session.key, where, patience)
        _gallery(request).hang(key, hung)
    return hung


async def _of_study(request: Request, key: str, where: Where, patience: float) -> Hung:
    upstream = upstream_of(request)
    simulator: Simulator = request.app.state.simulator
    (figures, stale, source), assessed, packet = await asyncio.gather(
        _read(upstream, key, where, "figures", Figures),
        upstream.assessment(key, where.study, where.past),
        _packet(upstream, key, where),
    )
    said = assessed.assessment
    kept: Kept[tuple[Chart, ...]] = request.app.state.charts
    made_of = assessed.source, source, packet.source if isinstance(packet, Unread) else None
    charts = kept.find(made_of)
    if charts is None:
        packet, labs = await asyncio.to_thread(_labs_of, packet)
        charts = await asyncio.to_thread(study_charts, said, figures, labs)
        if isinstance(packet, Unread):
            kept.keep(made_of, charts)
    gaps = _gaps(packet)
    digests = {said.digest, figures.assessment_digest}
    if len(digests) > 1:
        gaps += (_MOVED_ON,)
    worked_out = await simulator.of(figures.design, patience)
    last = characteristics.characteristics(figures.design, worked_out)
    return Hung(
        charts=(*charts, last),
        as_of=figures.as_of,
        digest=figures.assessment_digest,
        degraded=figures.degraded or said.degraded,
        stale=stale or assessed.stale,
        stale_since=figures.stale_since,
        gaps=gaps,
        notes=figures.notes,
        waiting=last.name if worked_out is None else None,
    )


async def _packet(upstream: Upstream, key: str, where: Where) -> Unread[Packet] | Unavailable:
    """The laboratory values of the packet, which a page can do without."""
    try:
        return await upstream.packet(key, where.study, where.past)
    except Unavailable as problem:
        return problem


def _labs_of(
    packet: Unread[Packet] | Unavailable,
) -> tuple[Unread[Packet] | Unavailable, tuple[LabSeries, ...]]:
    """The packet again, or why it cannot be read; and the values of it."""
    if isinstance(packet, Unavailable):
        return packet, ()
    try:
        return packet, packet.read().labs
    except Unavailable as problem:
        return problem, ()


def _gaps(packet: Unread[Packet] | Unavailable) -> tuple[Gap, ...]:
    if isinstance(packet, Unread):
        return ()
    lacking = "Laboratory values over time are not drawn; the charts below are complete."
    return (Gap(f"The monitor {packet.how}.", lacking),)


async def _of_subject(upstream: Upstream, key: str, where: Where) -> Hung:
    profile, stale, _ = await _read(upstream, key, where, f"subjects/{where.subject}", Profile)
    return await hung_of(profile, stale)


def hang(request: Request, session: Session, where: Where, hung: Hung) -> None:
    """Holds the charts of a page made elsewhere, for when its pictures are asked for."""
    _gallery(request).hang((session.token, where), hung)


async def hung_of(profile: Profile, stale: bool) -> Hung:
    """The charts of a subject."""
    return Hung(
        charts=await asyncio.to_thread(subject_charts, profile),
        as_of=profile.as_of,
        digest=profile.assessment_digest,
        degraded=profile.degraded,
        stale=stale,
        stale_since=profile.stale_since,
    )


async def _read(
    upstream: Upstream, key: str, where: Where, what: str, model: type[Model]
) -> tuple[Model, bool, bytes]:
    """What the monitor says of the study, whether it is behind, and the digest of the answer."""
    path = f"/monitor/v1/studies/{quote(where.study, safe='')}/{what}"
    params = {"known_at": where.past} if where.past else {}
    response = await upstream.ask("monitor", "GET", path, key, params=params, seconds=LONG_TIMEOUT)
    return upstream.read("monitor", response, model), is_stale(response), source_of(response)


def drawer_of(request: Request) -> Drawer:
    """Who draws for this app."""
    drawer: Drawer = request.app.state.drawer
    return drawer


def _gallery(request: Request) -> Gallery:
    gallery: Gallery = request.app.state.gallery
    return gallery
