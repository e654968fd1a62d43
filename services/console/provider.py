"""Signing in at the provider, and signing in there once more for what goes on record.

The intake says where to send the browser and judges the answer; here only the way is kept. An
answer comes from another site, so the browser holds the session's strict cookie back: what belongs
to it is found by the state, and the next page is asked for from our own origin.
"""

import hashlib
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.console import accounts
from services.console.asking import go, local, sessions_of, upstream_of
from services.console.going import Act, Going, Trip, Who
from services.console.guard import (
    SignedIn,
    check_csrf,
    forget_trip,
    form,
    secret_of_trip,
    session_of,
    set_cookie,
    set_trip,
)
from services.console.html import page
from services.console.recording import NotRecorded, put_confirmed_on_record, reason_of
from services.console.sessions import Session
from services.console.upstream import (
    Conflict,
    Forbidden,
    KeyRefused,
    NotFound,
    TooManyTries,
    Unavailable,
    Upstream,
    UpstreamError,
)
from shared.runtime.web import api_router, public

router = api_router()
AT = "/ingest/v1/provider"

_NOT_BELIEVED = "The provider’s answer was not believed. Nothing was done; try again."
_TOO_LATE = "This did not begin here, or too long ago. Begin again."
_SHUT = "Your account here is shut. Ask your study administrator."
_SILENT = "The provider or the intake does not answer, so nobody can sign in there now."
_TOO_MANY = "Too many sign-ins were begun from here and not ended. Try again in a few seconds."
_SAID_NO = "The provider did not sign you in."
_SOMEBODY_ELSE = "Not confirmed: signed in anew was not the person who was asked, or not anew."
_LABELS = {
    "USUBJID": "Subject",
    "criterion_id": "Criterion",
    "decision": "Judgement",
    "action": "Decision",
    "dose_level": "Dose level",
    "mtd": "MTD",
    "rp2d": "RP2D",
    "lifts_hold": "Lifts the hold",
    "evaluable": "Evaluable",
    "role": "Role",
    "decided_dtc": "Date",
    "rationale": "Rationale",
    "override_reason": "Why against the design",
    "members": "Members present",
    "assessment_digest": "Rests on",
}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Offered(_Answer):
    """``GET /ingest/v1/provider``"""

    name: str


class Direction(_Answer):
    """``POST …/sign-ins`` and ``POST …/confirmation-requests``"""

    state: str = Field(repr=False)
    url: str = Field(repr=False)


class Begun(_Answer):
    """``POST …/sessions``: a session, or with `subject` alone that it is nobody's account."""

    token: str | None = Field(default=None, repr=False)
    login: str | None = None
    name: str | None = None
    logout_url: str | None = None
    subject: str | None = None


async def offered(upstream: Upstream) -> str | None:
    """The provider's name; None where there is none, or nobody can say."""
    try:
        response = await upstream.ask("ingest", "GET", AT, None, seconds=upstream.beside_timeout)
        return upstream.read("ingest", response, Offered).name
    except UpstreamError:
        return None


async def sign_in_page(
    request: Request,
    status: int,
    goal: str,
    problem: str | None = None,
    *,
    with_key: bool = False,
) -> Response:
    """The form that asks who is there, with the ways in that there are."""
    return page(
        "login.html",
        status,
        next=goal,
        problem=problem,
        with_key=with_key,
        provider=await offered(upstream_of(request)),
    )


@router.post("/provider/start", include_in_schema=False)
@public
async def start(request: Request) -> Response:
    """Sends a person to the provider, from the sign-in page."""
    goal = local((await form(request)).get("next", "/"))
    try:
        asked = await _ask(upstream_of(request), f"{AT}/sign-ins", None, {}, _from(request))
    except Unavailable:
        return await sign_in_page(request, 503, goal, _SILENT)
    except TooManyTries:
        return await sign_in_page(request, 429, goal, _TOO_MANY)
    except UpstreamError:
        raise NotFound from None  # there is no provider here, so no such page
    return _leave(request, asked, Trip(asked.state, goal))


@router.get("/provider/answer", include_in_schema=False)
@public
async def answer(
    request: Request,
    state: str = "",
    code: str = "",
    iss: str | None = None,
) -> Response:
    """Where the provider sends the browser back to."""
    trip = _going(request).trips.take(state)
    if trip is None or not trip.belongs_to(secret_of_trip(request, trip.cookie)):
        return await sign_in_page(request, 400, "/", _TOO_LATE)
    came = {"state": state, "code": code, "iss": iss}
    if trip.act is None:
        response = await _signed_in(request, trip, came)
    else:
        response = await _confirmed(request, trip, trip.act, came)
    forget_trip(request, response, trip.cookie)
    return response


async def _signed_in(request: Request, trip: Trip, came: Mapping[str, object]) -> Response:
    if not came["code"]:
        return await sign_in_page(request, 401, trip.goal, _SAID_NO)
    upstream = upstream_of(request)
    try:
        response = await upstream.ask(
            "ingest", "POST", f"{AT}/sessions", None, body=came, headers=_from(request)
        )
        begun = upstream.read("ingest", response, Begun)
    except UpstreamError as problem:
        return await sign_in_page(request, *_refusal(problem, trip))
    if begun.token is None:
        return page("provider_stranger.html", 403, subject=begun.subject)
    before = session_of(request)
    if before is not None:
        sessions_of(request).end(before)
    session = sessions_of(request).begin(begun.token, begun.login, begun.name or "")
    session.provider, session.by_provider = await offered(upstream), True
    session.logout_url = begun.logout_url
    reply = page("again.html", url=trip.goal)
    set_cookie(request, reply, session)
    return reply


def _refusal(problem: UpstreamError, trip: Trip) -> tuple[int, str, str]:
    match problem:
        case KeyRefused():
            return 401, trip.goal, _NOT_BELIEVED
        case Forbidden():
            return 403, trip.goal, _SHUT
        case Unavailable():
            return 503, trip.goal, _SILENT
    return 400, trip.goal, _TOO_LATE


async def _confirmed(
    request: Request, trip: Trip, act: Act, came: Mapping[str, object]
) -> Response:
    outcome = "confirmed"
    try:
        if not came["code"]:
            raise Forbidden
        upstream = upstream_of(request)
        response = await upstream.ask(
            "ingest", "POST", f"{AT}/confirmations", act.session.key, body=came
        )
        made = upstream.read("ingest", response, accounts.Confirmed)
        act.tokens[trip.who], act.names[trip.who] = made.token, made.name
    except Unavailable:
        outcome = "silent"
    except UpstreamError:
        outcome = "refused"
    return page("again.html", url=f"/confirm/{act.id}?{urlencode({'note': outcome})}")


def goes_to_provider(session: Session, second: accounts.SecondPerson | None) -> bool:
    """Whether somebody has to sign in at the provider before the record can be sent."""
    if session.by_provider:
        return True
    return session.provider is not None and second is not None and not second.password


async def to_provider(request: Request, act: Act) -> Response:
    """Keeps the record until it is confirmed, and sends its author to the provider."""
    _going(request).acts.keep(act.id, act)
    if act.session.by_provider:
        return await _confirm_at_provider(request, act, "own")
    return go(f"/confirm/{act.id}")


_NOTES = {
    "refused": _SOMEBODY_ELSE,
    "silent": _SILENT,
    "same": "The second person must be somebody else.",
    "none": "There is no provider for signing in any more.",
}


@router.get("/confirm/{id}", include_in_schema=False)
async def waiting(
    request: Request, session: SignedIn, id: str, note: str | None = None
) -> Response:
    """The record that waits: what it says, and who has confirmed it."""
    act = _mine(request, session, id)
    return _act_page(act, session, _NOTES.get(note or ""))


@router.post("/confirm/{id}/{who}", include_in_schema=False)
async def confirm_at_provider(request: Request, session: SignedIn, id: str, who: Who) -> Response:
    """Sends one of the two to the provider."""
    check_csrf(session, await form(request))
    return await _confirm_at_provider(request, _mine(request, session, id), who)


@router.post("/confirm/{id}", include_in_schema=False)
async def record(request: Request, session: SignedIn, id: str) -> Response:
    """Puts the record where it belongs, unless what it rests on has moved since."""
    fields = await form(request)
    check_csrf(session, fields)
    act, upstream = _mine(request, session, id), upstream_of(request)
    try:
        changes = await act.changed()
        if changes:
            _going(request).acts.take(id)
            return _act_page(act, session, None, changes)
        tokens = await _tokens(upstream, session, act, fields)
        applied = await put_confirmed_on_record(upstream, session, act.event, tokens)
    except NotRecorded as problem:
        return _act_page(act, session, str(problem))
    _going(request).acts.take(id)
    return go(f"{act.page}?note={'recorded' if applied else 'recorded-not-applied'}")


async def _tokens(
    upstream: Upstream, session: Session, act: Act, fields: Mapping[str, str]
) -> list[str]:
    """Everybody's confirmation: from the provider, or by a password that was given just now."""
    asked: list[tuple[Who, str | None, str]] = [("own", None, fields.get("password", ""))]
    if act.second_login is not None:
        asked.append(("second", act.second_login, fields.get("second_password", "")))
    tokens, body = dict(act.tokens), accounts.body_of(act.event)
    for who, login, password in asked:
        if who not in tokens:
            try:
                made = await accounts.confirm(upstream, session, password, body, login)
            except UpstreamError as error:
                raise NotRecorded(reason_of(error)) from error
            tokens[who] = made.token
    return list(tokens.values())


async def _confirm_at_provider(request: Request, act: Act, who: Who) -> Response:
    wanted: dict[str, object] = {
        "body_sha256": hashlib.sha256(accounts.body_of(act.event)).hexdigest()
    }
    if who == "second":
        wanted["login"] = act.second_login
    upstream = upstream_of(request)
    try:
        asked = await _ask(upstream, f"{AT}/confirmation-requests", act.session.key, wanted)
    except KeyRefused:
        raise
    except Conflict:
        return go(f"/confirm/{act.id}?note=same")
    except NotFound:
        return go(f"/confirm/{act.id}?note=none")
    except UpstreamError:
        return go(f"/confirm/{act.id}?note=silent")
    return _leave(request, asked, Trip(asked.state, act=act, who=who))


async def _ask(
    upstream: Upstream,
    path: str,
    key: str | None,
    wanted: Mapping[str, object],
    headers: Mapping[str, str] | None = None,
) -> Direction:
    response = await upstream.ask("ingest", "POST", path, key, body=wanted, headers=headers)
    return upstream.read("ingest", response, Direction)


def _from(request: Request) -> dict[str, str]:
    """The browser's address, by which sign-ins that lead nowhere are counted."""
    return {"X-Forwarded-For": request.client.host} if request.client else {}


def _leave(request: Request, asked: Direction, trip: Trip) -> Response:
    """By our own policy no form leads to another site, also not by its answer: a page does."""
    _going(request).trips.keep(trip.state, trip)
    response = page("again.html", url=asked.url)
    set_trip(request, response, trip.cookie, trip.secret)
    return response


def _mine(request: Request, session: Session, id: str) -> Act:
    act = _going(request).acts.find(id)
    if act is None or act.session is not session:
        raise NotFound
    return act


def _act_page(act: Act, session: Session, problem: str | None, changes: object = ()) -> Response:
    data = act.event["data"]
    told = [(title, data[name]) for name, title in _LABELS.items() if data.get(name) is not None]
    return page(
        "provider_confirm.html",
        409 if problem or changes else 200,
        session=session,
        act=act,
        study=act.event["studyid"],
        told=told,
        problem=problem,
        changes=changes,
    )


def _going(request: Request) -> Going:
    going: Going = request.app.state.going
    return going
