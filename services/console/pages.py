"""The pages: the studies of a person, one study's board, acknowledging an alert.

A page shows what the person's session may see at that moment. Where a service does not answer, the
page says what is not known and since when, instead of showing less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse

from services.console.acts import me
from services.console.answers import Inbox, Raised, StudyEntry
from services.console.asking import AlertId, Study, day_of, go, local, sessions_of, upstream_of
from services.console.board import Board, make_board
from services.console.gather import Gathered, gather
from services.console.guard import SignedIn, check_csrf, form, signed_in
from services.console.html import (
    PAGE_HEADERS,
    TOKEN,
    asset_address,
    asset_response,
    page,
    part,
    piece,
    pieced_page,
    with_token,
)
from services.console.kept import Kept
from services.console.live import Watch
from services.console.needs import Need, needs_of_all
from services.console.notes import NOTES, Gap
from services.console.packets import begin_pdf
from services.console.pieces import Piece
from services.console.sessions import Session
from services.console.signals import list_signals
from services.console.subject import router as subject
from services.console.upstream import Conflict, Forbidden, Unavailable
from services.console.what_if import router as what_if
from services.console.words import ACTIONS, STUDY_STATES, UNKNOWN, Word
from shared.runtime.web import Problem, api_router, public

MOST_BOARDS = 32
MOST_TOLD = 4
"""Of one board: to those who may read alerts, to those who may not, and a moment ago."""
BOARD_PIECES = ("columns", "oversight", "records")

router = api_router()
router.include_router(what_if)
router.include_router(subject)


@dataclass(frozen=True, slots=True)
class Tile:
    """One study in the list."""

    entry: StudyEntry
    state: Word
    action: Word | None
    needs: tuple[Need, ...]


@router.get("/static/{name}", include_in_schema=False)
@public
def static(name: str) -> Response:
    """Our style sheet, script and icon."""
    found = asset_response(name)
    if found is None:
        raise Problem(404, "not-found", "Not Found")
    return found


@router.get("/favicon.ico", include_in_schema=False)
@public
def favicon() -> Response:
    """The icon for what names none: the packet's page, which is also read as a file."""
    return go(asset_address("icon.svg"))


@router.get("/", include_in_schema=False)
async def studies(request: Request, session: SignedIn) -> Response:
    """The studies this person may see, and what waits in each."""
    upstream = upstream_of(request)
    entries, person = await asyncio.gather(upstream.studies(session.key), me(upstream, session))
    needs = await needs_of_all(upstream, session.key, entries, person)
    tiles = [
        Tile(
            entry,
            STUDY_STATES.get(entry.status, UNKNOWN),
            ACTIONS[entry.action] if entry.action else None,
            waiting,
        )
        for entry, waiting in zip(entries, needs, strict=True)
    ]
    return page("studies.html", session=session, tiles=tiles)


@router.get("/as-known", include_in_schema=False, dependencies=[Depends(signed_in)])
async def as_known(where: str, day: str, time: str = "") -> Response:
    """A page of ours turned back to a day, or to a minute of it in UTC."""
    past = day_of(f"{day}T{time}Z" if time else day)
    return go(local(f"{local(where)}?known_at={past}"))


@router.get("/studies/{study}", include_in_schema=False)
async def board(
    request: Request,
    session: SignedIn,
    study: Study,
    known_at: str | None = None,
    note: str | None = None,
) -> Response:
    """The study page, now or as known at the end of a day."""
    past = day_of(known_at)
    gathered = await gather(upstream_of(request), session.key, study, past)
    boards: Kept[Written] = request.app.state.boards
    written = _written(boards, gathered, past)
    told = _told(written, gathered, past)
    if past is None:
        begin_pdf(request, session.key, study, None, first=True)
    return board_page(session, gathered.entry, written, told, gathered.gaps, past, note)


def board_page(
    session: Session,
    entry: StudyEntry,
    written: Written,
    told: Told,
    gaps: Sequence[Gap],
    past: str | None,
    note: str | None,
) -> Response:
    """What is kept, and around it what is another for each reader or at each moment."""
    return pieced_page(
        "board.html",
        {**written.pieces, "recommendation": told.recommendation},
        entry=entry,
        here="",
        board=written.board,
        signals=with_token(told.signals, session),
        past=past,
        gaps=gaps,
        note=NOTES.get(note or ""),
        session=session,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What of a board is made of the signals and alerts, too: in `signals`, forms have no token
    yet."""

    recommendation: Piece
    signals: str


@dataclass(frozen=True, slots=True)
class Written:
    """A board, and the pieces of its page that are made of nothing else, by their templates; and
    what was told beside it."""

    board: Board
    pieces: Mapping[str, Piece]
    told: Kept[Told]


def _written(boards: Kept[Written], gathered: Gathered, past: str | None) -> Written:
    entry, assessed = gathered.entry, gathered.assessed
    key = entry, assessed.source, assessed.stale, past
    return boards.get(key, lambda: write_board(make_board(entry, assessed, past), past))


def write_board(board: Board, past: str | None) -> Written:
    """Most of the page: it is the same for everybody who may see the study, at any time."""
    pieces = {name: piece(f"{name}.html", board=board, past=past) for name in BOARD_PIECES}
    return Written(board, pieces, Kept(MOST_TOLD))


def _told(written: Written, gathered: Gathered, past: str | None) -> Told:
    inbox = gathered.inbox
    key = gathered.raised.source, inbox.source if inbox else None
    return written.told.get(key, lambda: write_told(written.board, gathered.raised, inbox, past))


def write_told(board: Board, raised: Raised, inbox: Inbox | None, past: str | None) -> Told:
    """What changes with an alert; it is the same for everybody who may see the study's alerts, and
    another for those who may not."""
    signals = list_signals(
        raised.signals,
        inbox.alerts if inbox else None,
        {column.dose.level: column.dose.label for column in board.columns},
        known_by=board.known_at if past else None,
    )
    return Told(
        piece("recommendation.html", board=board, signals=signals, past=past),
        part(
            "signals.html",
            board=board,
            signals=signals,
            warnings=inbox.warnings if inbox else (),
            past=past,
            token=TOKEN,
        ),
    )


@router.get("/live", include_in_schema=False)
async def live_studies(request: Request, session: SignedIn) -> Response:
    """The same as for a study, for the list of all."""
    return _live(request, session, None)


@router.get("/studies/{study}/live", include_in_schema=False)
async def live(request: Request, session: SignedIn, study: Study) -> Response:
    """Server-sent events: the page is out of date, or it cannot be known whether it is."""
    return _live(request, session, study)


def _live(request: Request, session: Session, study: str | None) -> Response:
    sessions = sessions_of(request)
    watch = Watch(
        upstream_of(request),
        session.key,
        study,
        pace=request.app.state.pace,
        signed_in=lambda: sessions.holds(session),
    )
    return StreamingResponse(
        watch.events(),
        media_type="text/event-stream",
        headers={**PAGE_HEADERS, "X-Accel-Buffering": "no"},
    )


@router.post("/studies/{study}/alerts/{alert}/acknowledge", include_in_schema=False)
async def acknowledge(
    request: Request, session: SignedIn, study: Study, alert: AlertId
) -> Response:
    """Acknowledges the version of the alert that the page showed."""
    fields = await form(request)
    check_csrf(session, fields)
    version = fields.get("version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise Problem(400, "form-unreadable", "The form cannot be read")
    try:
        await upstream_of(request).acknowledge(session.key, alert, int(version))
    except Conflict:
        note = "alert-changed"
    except Forbidden:
        note = "not-allowed"
    except Unavailable:
        note = "notifier-silent"
    else:
        note = "acknowledged"
    return go(f"/studies/{study}?{urlencode({'note': note})}#alert-{alert}")


@router.get("/alerts/{alert}", include_in_schema=False)
async def alert_link(request: Request, session: SignedIn, alert: AlertId) -> Response:
    """Where the link in a message leads: the alert's own page."""
    found = await upstream_of(request).alert(session.key, alert)
    return go(f"/studies/{found.study}/alerts/{alert}")
