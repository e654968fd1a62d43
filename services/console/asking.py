"""What the handlers of all pages share: which addresses are ours, and what an app's state holds."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import RedirectResponse

from services.console.html import PAGE_HEADERS
from services.console.sessions import Sessions
from services.console.upstream import Upstream
from shared.runtime.web import Problem

_STUDY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_OURS = re.compile(
    rf"/(studies/{_STUDY}(/[a-z-]{{1,20}}(\.(pdf|html|json|csv))?(/[A-Za-z0-9._-]{{1,100}})?)?"
    r"(\?known_at=\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z)?)?"
    r"|alerts/[A-Za-z0-9._-]{1,100})?"
)
MINUTE = "%Y-%m-%dT%H:%MZ"
Study = Annotated[str, Path(pattern=rf"^{_STUDY}$")]
AlertId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


def local(address: str) -> str:
    """An address to go on to, if it is one of our pages; otherwise the list of studies."""
    return address if _OURS.fullmatch(address) else "/"


def day_of(text: str | None) -> str | None:
    """The past that was asked for: a day, meaning its end in the study's zone, or a minute in UTC
    (``2022-11-08T16:00Z``). Raises Problem for what is neither."""
    if text is None:
        return None
    try:
        if len(text) == len("2022-11-08"):
            return date.fromisoformat(text).isoformat()
        return datetime.strptime(text, MINUTE).replace(tzinfo=UTC).strftime(MINUTE)
    except ValueError:
        detail = "known_at is a day, YYYY-MM-DD, or a minute of it, YYYY-MM-DDTHH:MMZ"
        raise Problem(400, "not-a-date", detail) from None


def go(address: str) -> Response:
    return RedirectResponse(address, 303, headers=dict(PAGE_HEADERS))


def sessions_of(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


def upstream_of(request: Request) -> Upstream:
    upstream: Upstream = request.app.state.upstream
    return upstream
