"""Signing in and out with a password, and changing it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from services.ingest.api.parts import PREFIX, Body, Parts
from shared.runtime.auth import AnyKey, Principal
from shared.runtime.web import Problem, api_router, public

Login = Annotated[str, Field(min_length=1, max_length=100)]
Secret = Annotated[str, Field(min_length=1, max_length=1000, repr=False)]


class SignIn(Body):
    """A login and its password."""

    login: Login
    password: Secret


class Session(Body):
    """The only time a session's token is seen; it is sent as a key is. With `must_change` it is
    good for nothing but a new password."""

    token: str = Field(repr=False)
    login: str
    name: str
    must_change: bool
    ends_at: datetime


class Me(Body):
    """Who is asking, and with which roles in which studies. A key has no login and no end here;
    a session ends at `ends_at`, and at `idle_at` if it is not used before."""

    id: str
    name: str
    roles: dict[str, tuple[str, ...]]
    login: str | None = None
    must_change: bool = False
    started_at: datetime | None = None
    idle_at: datetime | None = None
    ends_at: datetime | None = None


class PasswordChange(Body):
    """The old password and the new."""

    old: Secret
    new: Secret


def router(parts: Parts) -> APIRouter:
    """``POST /sessions``, ``GET`` and ``DELETE /sessions/current``, ``PUT`` its password."""
    router = api_router(PREFIX, tags=["sessions"])

    @router.post("/sessions", status_code=201)
    @public
    def sign_in(request: Request, wanted: SignIn) -> Session:
        """A session for a login and its password; 401 says nothing about what was wrong."""
        opened = parts.sessions.begin(wanted.login, wanted.password, address_of(request))
        return Session(
            token=opened.token,
            login=opened.login,
            name=opened.name,
            must_change=opened.must_change,
            ends_at=opened.ends_at,
        )

    @router.get("/sessions/current")
    def who_am_i(principal: AnyKey) -> Me:
        """The person or key that asks."""
        roles = {
            study: tuple(sorted(principal.roles_in(study))) for study in sorted(principal.studies())
        }
        if principal.session is None:
            return Me(id=principal.key_id, name=principal.name, roles=roles)
        info = parts.sessions.info(principal)
        return Me(
            id=principal.key_id,
            name=info.name,
            roles=roles,
            login=info.login,
            must_change=info.must_change,
            started_at=info.started_at,
            idle_at=info.idle_at,
            ends_at=info.ends_at,
        )

    @router.delete("/sessions/current", status_code=204)
    def sign_out(principal: AnyKey) -> Response:
        """Ends the session that asks."""
        parts.sessions.end(with_session(principal))
        return Response(status_code=204)

    @router.put("/sessions/current/password", status_code=204)
    def change_password(wanted: PasswordChange, principal: AnyKey) -> Response:
        """A new password of one's own; every other session of the account ends."""
        parts.sessions.change_password(with_session(principal), wanted.old, wanted.new)
        return Response(status_code=204)

    return router


def address_of(request: Request) -> str | None:
    """Where a request comes from, as a proxy that is trusted states it."""
    return request.client.host if request.client else None


def with_session(principal: Principal) -> Principal:
    """The principal, if it is a person who signed in. Raises Problem 403 for a key."""
    if principal.session is None:
        raise Problem(403, "session-required", "This needs an account's session, not a key")
    return principal
