"""The committee packet as a download, with the rights of the page it is offered on.

Its charts are drawn by the process that draws those of the pages: the engine would hold up every
other answer of this one.
"""

import re
from collections.abc import Callable, Mapping
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
from services.console.upstream import Unread
from shared.charts.drawer import CannotDraw, Drawer
from shared.contracts.packet import Packet
from shared.runtime.web import Problem, api_router

router = api_router()

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


@router.get("/studies/{study}/packet.{form}", include_in_schema=False)
async def packet(
    request: Request, session: SignedIn, study: Study, form: Form, known_at: str | None = None
) -> Response:
    """The packet now, or as known at the end of a day."""
    printer: Printer = request.app.state.printer
    drawer = drawer_of(request)
    if form in ("pdf", "html"):
        drawer.warm_up()
    if form == "pdf":
        printer.warm_up()
    found = await upstream_of(request).packet(session.key, study, day_of(known_at))
    write = partial(_written, form, found, drawer, printer)
    try:
        printed = await printer.printed((form, found.source), write)
    except CannotDraw:
        raise Problem(
            503, "not-drawn", "A chart of the packet cannot be drawn; try again"
        ) from None
    except CannotPrint:
        raise Problem(
            503, "not-printed", "The pages of the packet cannot be set; try again"
        ) from None
    return Response(printed.content, media_type=_MEDIA_TYPES[form], headers=_headers(printed, form))


def _written(form: str, found: Unread[Packet], drawer: Drawer, printer: Printer) -> Printed:
    if form == "pdf":
        packet = found.read()
        with printer.typesetter() as typeset:
            content = packet_pdf(packet, drawer.begin, typeset)
    else:
        packet = found.read()
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
