"""The administration page: accounts and keys of a study, its routing, and its protocol's versions.

What each part shows and does is the services' decision; a one-time password or a key is shown on
the page that answers its making, and never again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import quote

import httpx2
from fastapi import Path, Request, Response

from services.console.accounts import ROLE_NAMES
from services.console.acts import entry_of, moment_of
from services.console.admin_answers import (
    Accounts,
    Keys,
    MadeKey,
    OneTime,
    Routing,
    WhoWouldBeTold,
)
from services.console.asking import Study, day_of, go, upstream_of
from services.console.audit import Revision, Revisions
from services.console.guard import SignedIn, check_csrf, form
from services.console.html import page
from services.console.notes import Note
from services.console.office import Part, get, part
from services.console.sessions import Session
from services.console.upstream import (
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    Unavailable,
    Upstream,
)
from services.console.words import SEVERITIES, SIGNALS
from shared.clinical import DocumentError, load_protocol
from shared.clinical.plain import differences
from shared.contracts.signals import Severity, SignalType
from shared.runtime.auth import ROLES
from shared.runtime.web import api_router

router = api_router()

_NOTES = {
    "done": Note("go", "Done. It works everywhere within five seconds."),
    "not-allowed": Note("warn", "Not done: this needs the role of a study administrator."),
    "gone": Note("warn", "Not done: there is no such account or key in this study any more."),
    "refused": Note(
        "warn",
        "Not done: a login has small letters, digits and . _ @ + -, a name is not empty, and at"
        " least one role is chosen.",
    ),
    "conflict": Note(
        "warn",
        "Not done: the login or name is another account's, or this also serves other studies, or"
        " signs in at a provider; the operator can do it.",
    ),
    "silent": Note("stop", "Not known whether it was done: the intake did not answer."),
}


@dataclass(frozen=True, slots=True)
class Secret:
    """What is shown once: for whom, and what."""

    whose: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Amendment:
    """A document that was put, and in English what it changed; None where that is not known."""

    revision: Revision
    changes: tuple[str, ...] | None


@router.get("/studies/{study}/admin", include_in_schema=False)
async def admin(
    request: Request,
    session: SignedIn,
    study: Study,
    known_at: str | None = None,
    note: str | None = None,
    type: SignalType | None = None,
    severity: Severity | None = None,
) -> Response:
    """The study's accounts, keys, routing and protocol."""
    asked = {"type": str(type), "severity": severity} if type and severity else None
    return await _page(request, session, study, day_of(known_at), _NOTES.get(note or ""), asked)


@router.post("/studies/{study}/admin/accounts", include_in_schema=False)
async def make_account(request: Request, session: SignedIn, study: Study) -> Response:
    """A new account; its one-time password is on the answer."""
    fields = await _fields(request, session)
    body = {
        "login": fields.get("login", "").strip().lower(),
        "name": fields.get("name", "").strip(),
        "roles": _roles(fields),
    }
    return await _secret(request, session, study, "POST", "accounts", body)


@router.post("/studies/{study}/admin/keys", include_in_schema=False)
async def make_key(request: Request, session: SignedIn, study: Study) -> Response:
    """A new key, which is on the answer."""
    fields = await _fields(request, session)
    source = fields.get("source", "").strip()
    body = {
        "name": fields.get("name", "").strip(),
        "roles": _roles(fields),
        "source": source or None,
    }
    return await _secret(request, session, study, "POST", "keys", body)


Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,100}$")]


@router.post("/studies/{study}/admin/accounts/{id}/password", include_in_schema=False)
async def reset_password(request: Request, session: SignedIn, study: Study, id: Id) -> Response:
    """A new one-time password, on the answer."""
    await _fields(request, session)
    return await _secret(request, session, study, "PUT", f"accounts/{id}/password", None)


@router.post("/studies/{study}/admin/accounts/{id}/roles", include_in_schema=False)
async def set_roles(request: Request, session: SignedIn, study: Study, id: Id) -> Response:
    """The roles of an account in this study."""
    body = {"roles": _roles(await _fields(request, session))}
    return await _do(request, session, study, "PUT", f"accounts/{id}/roles", body)


@router.post("/studies/{study}/admin/accounts/{id}/{action}", include_in_schema=False)
async def shut_or_open(
    request: Request,
    session: SignedIn,
    study: Study,
    id: Id,
    action: Literal["disable", "enable"],
) -> Response:
    """Shuts an account, or opens it again."""
    await _fields(request, session)
    return await _do(request, session, study, "POST", f"accounts/{id}/{action}")


@router.post("/studies/{study}/admin/keys/{id}/end", include_in_schema=False)
async def end_key(request: Request, session: SignedIn, study: Study, id: Id) -> Response:
    """Ends a key."""
    await _fields(request, session)
    return await _do(request, session, study, "DELETE", f"keys/{id}")


async def _fields(request: Request, session: Session) -> dict[str, str]:
    fields = await form(request)
    check_csrf(session, fields)
    return fields


def _roles(fields: Mapping[str, str]) -> list[str]:
    return [role for role in ROLES if fields.get(f"role-{role}") == "on"]


async def _do(
    request: Request,
    session: Session,
    study: str,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
) -> Response:
    try:
        await _change(request, session, study, method, path, body)
    except _FAILURES as problem:
        return go(f"/studies/{study}/admin?note={_failed(problem)}")
    return go(f"/studies/{study}/admin?note=done")


async def _secret(
    request: Request,
    session: Session,
    study: str,
    method: str,
    path: str,
    body: Mapping[str, object] | None,
) -> Response:
    """The page with what was made: an address must not hold it, so nothing is gone on to."""
    try:
        response = await _change(request, session, study, method, path, body)
    except _FAILURES as problem:
        return go(f"/studies/{study}/admin?note={_failed(problem)}")
    upstream = upstream_of(request)
    if path == "keys":
        key = upstream.read("ingest", response, MadeKey)
        made = Secret(f"The key {(body or {}).get('name', '')}", key.key)
    else:
        password = upstream.read("ingest", response, OneTime)
        made = Secret(f"The one-time password of {password.login}", password.password)
    return await _page(request, session, study, None, None, None, made)


_FAILURES = (Forbidden, NotFound, Refused, Conflict, Unavailable)


def _failed(problem: Exception) -> str:
    match problem:
        case Forbidden():
            return "not-allowed"
        case NotFound():
            return "gone"
        case Refused():
            return "refused"
        case Conflict():
            return "conflict"
    return "silent"


async def _change(
    request: Request,
    session: Session,
    study: str,
    method: str,
    path: str,
    body: Mapping[str, object] | None,
) -> httpx2.Response:
    whole = f"/ingest/v1/studies/{quote(study, safe='')}/{path}"
    return await upstream_of(request).ask("ingest", method, whole, session.key, body=body)


async def _page(
    request: Request,
    session: Session,
    study: str,
    past: str | None,
    note: Note | None,
    asked: Mapping[str, str] | None,
    made: Secret | None = None,
) -> Response:
    upstream, key, quoted = upstream_of(request), session.key, quote(study, safe="")
    ingest, notifier = f"/ingest/v1/studies/{quoted}", f"/notifier/v1/studies/{quoted}"
    (entry, moment), (accounts, keys, routing, told, amendments) = await asyncio.gather(
        asyncio.gather(
            entry_of(upstream, session, study), moment_of(upstream, session, study, past)
        ),
        asyncio.gather(
            part(get(upstream, "ingest", key, f"{ingest}/accounts", Accounts)),
            part(get(upstream, "ingest", key, f"{ingest}/keys", Keys)),
            part(
                get(upstream, "notifier", key, f"{notifier}/routing", Routing),
                "No routing is in force: alerts reach the inbox only.",
            ),
            _who_would_be_told(upstream, key, f"{notifier}/routing/test", asked),
            part(amendments_of(upstream, key, f"{ingest}/protocol")),
        ),
    )
    known = [
        one for one in amendments.found or () if moment is None or one.revision.known_at <= moment
    ]
    return page(
        "admin_page.html",
        entry=entry,
        here="/admin",
        past=past,
        session=session,
        note=note,
        made=made,
        accounts=accounts,
        keys=keys,
        routing=routing,
        asked=asked or {},
        told=told,
        amendments=known,
        amendments_missing=amendments.missing,
        roles={role: ROLE_NAMES[role] for role in ROLES},
        signal_types=[(str(one), SIGNALS[one]) for one in SignalType],
        severities=[(name, word.text) for name, word in SEVERITIES.items()],
    )


async def _who_would_be_told(
    upstream: Upstream, key: str, path: str, asked: Mapping[str, str] | None
) -> Part[WhoWouldBeTold] | None:
    if asked is None:
        return None

    async def answer() -> WhoWouldBeTold:
        response = await upstream.ask("notifier", "POST", path, key, body=asked)
        return upstream.read("notifier", response, WhoWouldBeTold)

    return await part(answer())


async def amendments_of(upstream: Upstream, key: str, path: str) -> tuple[Amendment, ...]:
    """The documents of a study, newest first, each with what it changed."""
    listed = await get(upstream, "ingest", key, f"{path}/revisions", Revisions)
    texts = await asyncio.gather(*(_document(upstream, key, path, one) for one in listed.revisions))
    return tuple(
        Amendment(one, _changes(texts[place + 1], texts[place]) if place + 1 < len(texts) else ())
        for place, one in enumerate(listed.revisions)
    )


async def _document(upstream: Upstream, key: str, path: str, one: Revision) -> str | None:
    if one.version is None:
        return None
    asked = {"revision": str(one.revision)}
    return (await upstream.ask("ingest", "GET", path, key, params=asked)).text


def _changes(old: str | None, new: str | None) -> tuple[str, ...] | None:
    """In English, what the newer document says otherwise; None where one cannot be read."""
    if old is None or new is None:
        return None
    try:
        told = differences(load_protocol(old), load_protocol(new))
    except DocumentError:
        return None
    return tuple(line for line in told.splitlines()[1:] if line.strip()) or ("They say the same.",)
