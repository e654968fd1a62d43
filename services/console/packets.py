"""The committee packet as a download, with the rights of the page it is offered on.

Its charts are drawn by the process that draws those of the pages: the engine would hold up every
other answer of this one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.console.asking import Study, day_of
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
from services.console.upstream import Upstream
from shared.charts.drawer import CannotDraw
from shared.contracts.packet import Packet
from shared.runtime.web import Problem, api_router

router = api_router()

Form = Annotated[Literal["pdf", "html", "json", "csv"], Path()]


@dataclass(frozen=True, slots=True)
class _Written:
    media_type: str
    write: Callable[[Packet, Draw], bytes]
    drawn: bool = False


_FORMS: Mapping[str, _Written] = {
    "pdf": _Written("application/pdf", packet_pdf, drawn=True),
    "html": _Written("text/html; charset=utf-8", packet_html, drawn=True),
    "json": _Written("application/json", lambda packet, _: packet.model_dump_json().encode()),
    "csv": _Written("text/csv; charset=utf-8", lambda packet, _: packet_csv(packet)),
}


@router.get("/studies/{study}/packet.{form}", include_in_schema=False)
async def packet(
    request: Request, session: SignedIn, study: Study, form: Form, known_at: str | None = None
) -> Response:
    """The packet now, or as known at the end of a day."""
    upstream: Upstream = request.app.state.upstream
    written, drawer = _FORMS[form], drawer_of(request)
    if written.drawn:
        drawer.warm_up()
    found = await upstream.packet(session.key, study, day_of(known_at))
    try:
        content = await run_in_threadpool(written.write, found, drawer.draw)
    except CannotDraw:
        raise Problem(
            503, "not-drawn", "A chart of the packet cannot be drawn; try again"
        ) from None
    return Response(content, media_type=written.media_type, headers=_headers(found, form))


def _headers(found: Packet, form: str) -> dict[str, str]:
    policy = PAGE_HEADERS["Content-Security-Policy"]
    allowed = policy.replace("style-src 'self'", f"style-src {STYLE_POLICY}")
    day = found.assessment.as_of.date()
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{found.assessment.study}-packet-{day}.{form}")
    shown = "inline" if form == "html" else "attachment"
    return {
        **PAGE_HEADERS,
        "Content-Security-Policy": allowed,
        "Content-Disposition": f'{shown}; filename="{name}"',
    }
