"""Who may have a page, and whether a form really comes from one of our pages."""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request, Response

from services.console.sessions import Session, Sessions
from shared.runtime.auth import ROLES
from shared.runtime.web import Problem

COOKIE = "__Host-vigil_session"
"""Over TLS: a browser takes it from this very host only, and sends it back over TLS only."""
PLAIN_COOKIE = "vigil_session"
"""On plain http, as the embedded default speaks on one's own machine."""
MOST_FORM_BYTES = 64 * 1024
"""A rationale of 4,000 characters takes up to nine bytes each in a form, and there may be two."""
MOST_FIELDS = 32


class NotSignedIn(Exception):
    """There is no open session behind the request."""


class MustChange(Exception):
    """The account's password is one that was given out: it has to be changed first."""


class Foreign(Exception):
    """A form that none of our pages has written."""


def session_of(request: Request) -> Session | None:
    """The open session of the request, if there is one. What a page asks for by itself is no use
    of it: a board that renews itself would keep a deserted screen signed in."""
    sessions: Sessions = request.app.state.sessions
    by_itself = request.method == "GET" and request.headers.get("sec-fetch-dest") == "empty"
    return sessions.find(request.cookies.get(_cookie(request)), used=not by_itself)


def seconds_left(request: Request) -> float | None:
    """How long the request's session lasts unless it is used; this question is no use of it."""
    sessions: Sessions = request.app.state.sessions
    return sessions.left(request.cookies.get(_cookie(request)))


async def signed_in_at_all(request: Request) -> Session:
    """The session of the request, also of one who has to change the password. Raises NotSignedIn.

    The session's credential is checked by the services at every request we make with it, so what a
    page shows is what it may see at that moment.
    """
    session = session_of(request)
    if session is None:
        raise NotSignedIn
    return session


async def signed_in(request: Request) -> Session:
    """The session of the request. Raises NotSignedIn, MustChange."""
    session = await signed_in_at_all(request)
    if session.must_change:
        raise MustChange
    return session


signed_in.vigil_roles = ROLES  # type: ignore[attr-defined]
signed_in_at_all.vigil_roles = ROLES  # type: ignore[attr-defined]

SignedIn = Annotated[Session, Depends(signed_in)]
SignedInAtAll = Annotated[Session, Depends(signed_in_at_all)]


async def form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises Foreign for another site's form, Problem for junk."""
    if not _from_our_own_page(request):
        raise Foreign
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Problem(415, "form-expected", "A form is expected here")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_FORM_BYTES:
            raise Problem(413, "form-too-large", "The form is too large")
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        )
    except ValueError:
        raise Problem(400, "form-unreadable", "The form cannot be read") from None


def check_csrf(session: Session, fields: dict[str, str]) -> None:
    """Raises Foreign unless a page of this very session wrote the form."""
    if not session.vouches_for(fields.get("csrf", "")):
        raise Foreign


def set_cookie(request: Request, response: Response, session: Session) -> None:
    """Gives the browser the session's name. It is sent over TLS only, once TLS was used."""
    response.set_cookie(
        _cookie(request),
        session.token,
        httponly=True,
        samesite="strict",
        secure=_over_tls(request),
        path="/",
    )


def forget_cookie(request: Request, response: Response) -> None:
    """Takes the session's name from the browser again."""
    response.delete_cookie(
        _cookie(request),
        httponly=True,
        samesite="strict",
        secure=_over_tls(request),
        path="/",
    )


def set_trip(request: Request, response: Response, name: str, secret: str) -> None:
    """Ties a way to the provider to this browser; lax, since it comes back from another site."""
    response.set_cookie(
        _trip(request, name),
        secret,
        max_age=15 * 60,
        httponly=True,
        samesite="lax",
        secure=_over_tls(request),
        path="/",
    )


def secret_of_trip(request: Request, name: str) -> str | None:
    """What `set_trip` gave the browser."""
    return request.cookies.get(_trip(request, name))


def forget_trip(request: Request, response: Response, name: str) -> None:
    """Takes it from the browser again."""
    response.delete_cookie(
        _trip(request, name), httponly=True, samesite="lax", secure=_over_tls(request), path="/"
    )


def from_another_site(request: Request) -> bool:
    """Whether a link elsewhere led here: then a strict cookie stays behind although it exists."""
    return request.headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _from_our_own_page(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # Browsers leave the header out on plain http; they still say where a form comes from.
    origin = request.headers.get("origin", "")
    host = request.headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc == host


def _cookie(request: Request) -> str:
    return COOKIE if _over_tls(request) else PLAIN_COOKIE


def _trip(request: Request, name: str) -> str:
    return f"__Host-{name}" if _over_tls(request) else name


def _over_tls(request: Request) -> bool:
    forwarded = request.headers.get("x-forwarded-proto", "")
    return (forwarded.split(",")[0].strip() or request.url.scheme) == "https"
