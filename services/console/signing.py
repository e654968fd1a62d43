"""Signing in and out, and one's own account: the pages that belong to no study."""

from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from services.console import accounts
from services.console.acts import me
from services.console.asking import go, local, sessions_of, upstream_of
from services.console.guard import (
    SignedInAtAll,
    check_csrf,
    forget_cookie,
    form,
    seconds_left,
    session_of,
    set_cookie,
)
from services.console.html import PAGE_HEADERS, page
from services.console.provider import offered, sign_in_page
from services.console.sessions import Session
from services.console.upstream import (
    Forbidden,
    KeyRefused,
    Refused,
    TooManyTries,
    Unavailable,
    UpstreamError,
)
from shared.runtime.passwords import SHORTEST
from shared.runtime.web import api_router, public

router = api_router()

_WRONG_LOGIN = "The login or the password is not right, or the account is shut."
_WRONG_KEY = "This key is not valid."
_TOO_MANY = "Too many failed tries. Wait a while (at most a quarter of an hour), then try again."
_SILENT = {
    "ingest": "The intake does not answer, so no password can be checked now. Try again shortly.",
    "monitor": "The monitor does not answer, so no key can be checked now. Try again shortly.",
}
_UNFIT = (
    f"Not changed: a password has at least {SHORTEST} characters, is not the old one and does not"
    " hold the login."
)
CHANGED = {
    "changed": ("go", "The password is changed. Other sessions of this account have ended."),
    "wrong": ("warn", "Not changed: the old password is not right."),
    "unfit": ("warn", _UNFIT),
    "differ": ("warn", "Not changed: the two new passwords differ."),
    "too-many": ("warn", _TOO_MANY),
    "silent": ("stop", "Not known whether it was changed: the intake did not answer."),
}


@router.get("/login", include_in_schema=False)
@public
async def login_page(request: Request, next: str = "/") -> Response:
    """The form that asks who is there."""
    return await sign_in_page(request, 200, local(next))


@router.post("/login", include_in_schema=False)
@public
async def login(request: Request) -> Response:
    """Opens a session for an account, or for a key that the monitor accepts."""
    fields = await form(request)
    goal, with_key = local(fields.get("next", "/")), "key" in fields
    try:
        session = await (_with_key if with_key else _with_password)(request, fields)
    except (KeyRefused, Forbidden, Refused):
        wrong = _WRONG_KEY if with_key else _WRONG_LOGIN
        return await sign_in_page(request, 401, goal, wrong, with_key=with_key)
    except TooManyTries:
        return await sign_in_page(request, 429, goal, _TOO_MANY)
    except Unavailable as problem:
        silent = _SILENT[problem.service]
        return await sign_in_page(request, 503, goal, silent, with_key=with_key)
    before = session_of(request)
    if before is not None:
        sessions_of(request).end(before)
    response = go("/account" if session.must_change else goal)
    set_cookie(request, response, session)
    return response


async def _with_password(request: Request, fields: dict[str, str]) -> Session:
    login, password = fields.get("login", "").strip(), fields.get("password", "")
    if not login or not password:
        raise KeyRefused
    address = request.client.host if request.client else None
    opened = await accounts.sign_in(upstream_of(request), login, password, address)
    session = sessions_of(request).begin(
        opened.token, opened.login, opened.name, must_change=opened.must_change
    )
    session.provider = await offered(upstream_of(request))
    return session


async def _with_key(request: Request, fields: dict[str, str]) -> Session:
    key = fields["key"].strip()
    if not key.isascii() or not key:
        raise KeyRefused
    await upstream_of(request).studies(key)
    return sessions_of(request).begin(key)


@router.post("/logout", include_in_schema=False)
async def logout(request: Request, session: SignedInAtAll) -> Response:
    """Ends the session here and in the services; its streams close."""
    check_csrf(session, await form(request))
    sessions_of(request).end(session)
    end = session.logout_url
    # By our own policy no form leads to another site, also not by its answer: a page does.
    response = page("again.html", url=end) if end else go("/login")
    forget_cookie(request, response)
    try:
        await accounts.sign_out(upstream_of(request), session)
    except UpstreamError:
        # It is forgotten here, and ends unused by itself.
        return response
    return response


@router.get("/account", include_in_schema=False)
async def account(request: Request, session: SignedInAtAll, changed: str | None = None) -> Response:
    """Who is signed in, with which roles, until when; and the way to another password."""
    return page(
        "login_account.html",
        session=session,
        person=await me(upstream_of(request), session),
        role_names=accounts.ROLE_NAMES,
        shortest=SHORTEST,
        changed=CHANGED.get(changed or ""),
    )


@router.get("/account/left", include_in_schema=False)
@public
async def left(request: Request) -> Response:
    """How many seconds the session of this browser lasts unless it is used."""
    seconds = seconds_left(request)
    return _left(seconds) if seconds is not None else Response(status_code=401)


@router.post("/account/stay", include_in_schema=False)
async def stay(request: Request, session: SignedInAtAll) -> Response:
    """Uses the session, here and in the services, and nothing else."""
    check_csrf(session, await form(request))
    await me(upstream_of(request), session)
    return _left(seconds_left(request) or 0.0)


def _left(seconds: float) -> Response:
    return JSONResponse({"left": int(seconds)}, headers=dict(PAGE_HEADERS))


@router.post("/account/password", include_in_schema=False)
async def change_password(request: Request, session: SignedInAtAll) -> Response:
    """Another password of one's own."""
    fields = await form(request)
    check_csrf(session, fields)
    old, new = fields.get("old", ""), fields.get("new", "")
    outcome = "changed"
    try:
        if new != fields.get("again", ""):
            outcome = "differ"
        else:
            await accounts.change_password(upstream_of(request), session, old, new)
            session.must_change = False
    except accounts.NotConfirmed:
        outcome = "wrong"
    except Refused:
        outcome = "unfit"
    except TooManyTries:
        outcome = "too-many"
    except Unavailable:
        outcome = "silent"
    return go(f"/account?{urlencode({'changed': outcome}, quote_via=quote)}")
