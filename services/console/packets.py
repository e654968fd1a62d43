"""The committee packet as a download, with the rights of the page it is offered on.

Its charts are drawn by the process that draws those of the pages: the engine would hold up every
other answer of this one. The PDF is begun when the committee's page is opened, and so mostly there
when it is asked for; the first of a study, for which most charts are drawn, with the study's page.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Literal

from fastapi import Path, Request, Response

from services.console.asking import Study, day_of, upstream_of
from services.console.charting import drawer_of
from services.console.guard import SignedIn
from services.console.html import PAGE_HEADERS
from services.console.packet import (
    STYLE_POLICY,
    Draw,
    packet_csv,
    packet_html,
    packet_pdf,
)
from services.console.printing import CannotPrint, Printed, Printer
from services.console.settings import ConsoleSettings
from services.console.upstream import StillReading, Unread, UpstreamError
from shared.charts.drawer import CannotDraw, Drawer
from shared.contracts.packet import Packet
from shared.runtime.turns import giving_way
from shared.runtime.web import Problem, api_router

router = api_router()

Wish = tuple[str, Callable[[], Awaitable[Printed]]]
"""A study, and what writes its packet."""

Form = Annotated[Literal["pdf", "html", "json", "csv"], Path()]

_MEDIA_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}
_PLAIN: Mapping[str, Callable[[Packet, Draw], bytes]] = {
    "html": packet_html,
    "json": lambda packet, _: packet.model_dump_json().encode(),
    "csv": lambda packet, _: packet_csv(packet),
}


class Ahead:
    """Writes packets that nobody has asked for yet, one after the other; of those wished for
    meanwhile only the last. ``pause``: seconds until a monitor that still reads is asked again."""

    def __init__(self, pause: float = 0.5) -> None:
        self.written: set[str] = set()
        """Studies of which one was written."""
        self._pause = pause
        self._wish: Wish | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, study: str, write: Callable[[], Awaitable[Printed]]) -> None:
        """Begins with it now or next."""
        self._wish = study, write
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Gives up what it was at."""
        self._wish = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _write(self) -> None:
        while (wish := self._next()) is not None:
            study, write = wish
            try:
                await write()
                self.written.add(study)
            except StillReading:
                await asyncio.sleep(self._pause)
                self._wish = self._wish or wish
            except (UpstreamError, CannotDraw, CannotPrint):
                pass  # whoever asks for it is told

    def _next(self) -> Wish | None:
        wish, self._wish = self._wish, None
        return wish


@router.get("/studies/{study}/packet.{form}", include_in_schema=False)
async def packet(
    request: Request, session: SignedIn, study: Study, form: Form, known_at: str | None = None
) -> Response:
    """The packet now, or as known at the end of a day."""
    try:
        printed = await _printed(request, session.key, study, form, day_of(known_at))
    except CannotDraw:
        raise Problem(
            503, "not-drawn", "A chart of the packet cannot be drawn; try again"
        ) from None
    except CannotPrint:
        raise Problem(
            503, "not-printed", "The pages of the packet cannot be set; try again"
        ) from None
    return Response(printed.content, media_type=_MEDIA_TYPES[form], headers=_headers(printed, form))


def begin_pdf(
    request: Request, key: str, study: str, past: str | None, *, first: bool = False
) -> None:
    """Begins to write the PDF that whoever has just opened a page is likely to ask for; ``first``:
    unless there was one of the study, after which the next takes less than half as long. Not for a
    page that fetches itself anew: it may do that all day."""
    console: ConsoleSettings = request.app.state.console
    ahead: Ahead = request.app.state.ahead
    opened = request.headers.get("sec-fetch-dest", "document") == "document"
    if opened and console.packets_ahead and not (first and study in ahead.written):
        ahead.begin(study, partial(_printed, request, key, study, "pdf", past))


async def _printed(request: Request, key: str, study: str, form: str, past: str | None) -> Printed:
    """Raises UpstreamError, CannotDraw and CannotPrint."""
    printer: Printer = request.app.state.printer
    drawer = drawer_of(request)
    if form in ("pdf", "html"):
        drawer.warm_up()
    if form == "pdf":
        printer.warm_up()
    found = await upstream_of(request).packet(key, study, past)
    write = partial(_written, form, found, drawer, printer)
    return await printer.printed((form, found.source), write)


def _written(form: str, found: Unread[Packet], drawer: Drawer, printer: Printer) -> Printed:
    with giving_way():
        packet = found.read()
        if form == "pdf":
            content = packet_pdf(packet, drawer.begin, printer.typeset)
        else:
            content = _PLAIN[form](packet, drawer.begin)
    return Printed(content, packet.assessment.study, packet.assessment.as_of.date())


def _headers(printed: Printed, form: str) -> dict[str, str]:
    policy = PAGE_HEADERS["Content-Security-Policy"]
    allowed = policy.replace("style-src 'self'", f"style-src {STYLE_POLICY}")
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{printed.study}-packet-{printed.day}.{form}")
    shown = "inline" if form == "html" else "attachment"
    return {
        **PAGE_HEADERS,
        "Content-Security-Policy": allowed,
        "Content-Disposition": f'{shown}; filename="{name}"',
    }
