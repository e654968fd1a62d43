"""Signing in at an OpenID Connect provider, where the installation has one.

Whoever serves the browser (the console) asks here where to send it, and brings back what the
provider answered; the tokens and the client's secret stay on this side.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from services.ingest.api.confirmations import Confirmed
from services.ingest.api.parts import PREFIX, Body, Parts
from services.ingest.api.sessions import Login, address_of, with_session
from shared.runtime.auth import AnyKey
from shared.runtime.identity import Answer
from shared.runtime.provider_sessions import Asked, ProviderSessions, Stranger
from shared.runtime.web import Problem, api_router, public


class Offered(Body):
    """The provider at which people may sign in, by the name that they know."""

    name: str


class Direction(Body):
    """Where to send the browser; it comes back with the state."""

    state: str = Field(repr=False)
    url: str = Field(repr=False)


class Answered(Body):
    """The parameters with which the browser came back."""

    state: Annotated[str, Field(min_length=1, max_length=200, repr=False)]
    code: Annotated[str, Field(min_length=1, max_length=4000, repr=False)]
    iss: Annotated[str, Field(max_length=2000)] | None = None

    def answer(self) -> Answer:
        return Answer(self.code, self.iss)


class ProviderSession(Body):
    """A session, as a password opens one; or, with a `subject` alone, that nobody here is linked to
    whom the provider knows by it. `logout_url` ends the provider's own session."""

    token: str | None = Field(default=None, repr=False)
    login: str | None = None
    name: str | None = None
    ends_at: datetime | None = None
    logout_url: str | None = None
    subject: str | None = None


class ConfirmationWanted(Body):
    """For which request body, in hexadecimal; with `login`, by that second person."""

    body_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    login: Login | None = None


def router(parts: Parts) -> APIRouter:
    """``GET /provider``, and a way there and back for a sign-in and for a confirmation."""
    router = api_router(f"{PREFIX}/provider", tags=["sessions"])

    @router.get("")
    @public
    def offered() -> Offered:
        """The provider's name; 404 where there is none."""
        return Offered(name=_provider(parts).name)

    @router.post("/sign-ins", status_code=201)
    @public
    def ask_sign_in(request: Request) -> Direction:
        """Begins a sign-in, which is good for ten minutes; 429 from an address where too many were
        begun that led nowhere."""
        return _direction(_provider(parts).ask_sign_in(address_of(request)))

    @router.post("/sessions", status_code=201)
    @public
    def sign_in(request: Request, answered: Answered, response: Response) -> ProviderSession:
        """The session of whom the provider has signed in; 200 where that is nobody's account."""
        begun = _provider(parts).begin(answered.state, answered.answer(), address_of(request))
        if isinstance(begun, Stranger):
            response.status_code = 200
            return ProviderSession(subject=begun.subject)
        return ProviderSession(
            token=begun.opened.token,
            login=begun.opened.login,
            name=begun.opened.name,
            ends_at=begun.opened.ends_at,
            logout_url=begun.logout_url,
        )

    @router.post("/confirmation-requests", status_code=201)
    def ask_confirmation(wanted: ConfirmationWanted, principal: AnyKey) -> Direction:
        """Begins a confirmation, for which the person signs in anew."""
        body = bytes.fromhex(wanted.body_sha256)
        return _direction(
            _provider(parts).ask_confirmation(with_session(principal), body, wanted.login)
        )

    @router.post("/confirmations", status_code=201)
    def confirm(answered: Answered, principal: AnyKey) -> Confirmed:
        """A confirmation that is good for five minutes."""
        made = _provider(parts).confirm(with_session(principal), answered.state, answered.answer())
        return Confirmed(token=made.token, login=made.login, name=made.name, ends_at=made.ends_at)

    return router


def _provider(parts: Parts) -> ProviderSessions:
    if parts.provider is None:
        raise Problem(404, "no-provider", "This installation has no provider for signing in")
    return parts.provider


def _direction(asked: Asked) -> Direction:
    return Direction(state=asked.state, url=asked.url)
