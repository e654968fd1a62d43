"""Signing in at an OpenID Connect provider, and signing in there once more for what counts.

What is asked is kept here and not where the browser is: the state is used once, the nonce and the
PKCE verifier never leave this side, and an answer that was asked for one purpose (a sign-in, or one
body's confirmation in one session) is good for no other.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

import sqlalchemy as sa
from sqlalchemy import Engine, Row

from shared.runtime import accesslog
from shared.runtime.accesslog import NOBODY, Kind
from shared.runtime.auth import Principal, session_digest
from shared.runtime.identity import LEEWAY, Answer, Expected, Identity, ProviderAway, TokenRefused
from shared.runtime.links import account_of
from shared.runtime.problems import Problem
from shared.runtime.sessions import Confirmation, Opened, Sessions
from shared.runtime.settings import OidcSettings
from shared.runtime.telemetry import get_logger
from shared.runtime.throttle import count_trip, forgive_trip

log = get_logger(__name__)

ASKED_FOR = timedelta(minutes=10)
"""How long a person may take at the provider."""
CONFIRMED_FOR = timedelta(minutes=5)
"""How long a confirmation holds: a second person may have to go to the provider meanwhile."""


class Asks(Protocol):
    """The provider, as `shared.runtime.provider.Provider` is."""

    settings: OidcSettings

    def authorization_url(self, state: str, nonce: str, challenge: str, *, again: bool) -> str: ...

    def logout_url(self) -> str | None: ...

    def identify(self, answer: Answer, verifier: str, expected: Expected) -> Identity: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to send the browser; the answer comes back with the state."""

    state: str
    url: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """The provider knows the person, and no account here is theirs."""

    subject: str


@dataclass(frozen=True, slots=True)
class ByProvider:
    """A session, and where to end the provider's own."""

    opened: Opened
    logout_url: str | None


class ProviderSessions:
    """Opens sessions and gives confirmations on the provider's word. One per process."""

    def __init__(self, engine: Engine, sessions: Sessions, provider: Asks) -> None:
        self._engine = engine
        self._sessions = sessions
        self._provider = provider

    @property
    def name(self) -> str:
        return self._provider.settings.name

    def ask_sign_in(self, address: str | None) -> Asked:
        """Begins a sign-in from an address. Raises Problem 429 where too many begun there led
        nowhere, 503."""
        with self._engine.begin() as conn:
            count_trip(conn, address, self._sessions.clock.now())
        return self._ask(None, None, None)

    def ask_confirmation(
        self, principal: Principal, body_sha256: bytes, login: str | None = None
    ) -> Asked:
        """Begins a confirmation of one body by the session's person, or by the second one of that
        login. Raises Problem 409 where the second person is the first, 503."""
        own = self._sessions.info(principal).login
        second = login.strip().lower() if login is not None else None
        if second == own:
            raise Problem(409, "same-person", "The second person is the first")
        return self._ask(principal, body_sha256, second or own)

    def begin(self, state: str, answer: Answer, address: str | None) -> ByProvider | Stranger:
        """Opens the session of whom the provider has signed in, asked for from an address.

        Raises Problem 409 for a state that is unknown, used or old, 401 for an answer that is not
        believed, 403 for an account that is shut, 503.
        """
        now = self._sessions.clock.now()
        asked = self._use(state, None, now)
        person = self._identify(asked, answer, now, "sign_in_failed")
        with self._engine.begin() as conn:
            found = account_of(conn, person)
            if found is None:
                accesslog.note(conn, now, "sign_in_failed", NOBODY, "nobody's at the provider")
                log.warning("provider_sign_in_refused", reason="no account is linked")
                return Stranger(person.subject)
            account = self._sessions.account(conn, found)
            if account.disabled:
                accesslog.note(
                    conn, now, "sign_in_failed", NOBODY, account.name, account=account.id
                )
            else:
                opened = self._sessions.open(conn, account, now)
                forgive_trip(conn, address)
        if account.disabled:
            raise Problem(403, "account-shut", "The account is shut")
        return ByProvider(opened, self._logout_url())

    def confirm(self, principal: Principal, state: str, answer: Answer) -> Confirmation:
        """That the person who was asked has signed in anew for the body that was asked about.

        Raises Problem 409 and 401 as `begin` does; 403 for somebody else, a shut account, or a
        sign-in from before it was asked for.
        """
        now = self._sessions.clock.now()
        asked = self._use(state, principal, now)
        person = self._identify(asked, answer, now, "confirmation_failed")
        fresh = person.authenticated_at
        with self._engine.begin() as conn:
            found = account_of(conn, person)
            account = self._sessions.account(conn, found) if found is not None else None
            if (
                account is not None
                and account.login == asked.login
                and not account.disabled
                and fresh is not None
                and asked.created_at - LEEWAY <= fresh <= now + LEEWAY
            ):
                return self._sessions.give(
                    conn, principal, account, bytes(asked.body_sha256), now, CONFIRMED_FOR
                )
        self._refuse(asked, "confirmation_failed", now, "not the person, or not signed in anew")
        raise Problem(403, "not-confirmed", "Not signed in anew by the person who was asked")

    def _ask(
        self, principal: Principal | None, body_sha256: bytes | None, login: str | None
    ) -> Asked:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        now = self._sessions.clock.now()
        try:
            url = self._provider.authorization_url(
                state, nonce, _challenge(verifier), again=principal is not None
            )
        except ProviderAway as away:
            self._unavailable(away)
        with self._engine.begin() as conn:
            conn.execute(_FORGET, {"before": now})
            conn.execute(
                _ASK,
                {
                    "digest": session_digest(state),
                    "nonce": nonce,
                    "verifier": verifier,
                    "session": principal.session if principal else None,
                    "body": body_sha256,
                    "login": login,
                    "now": now,
                    "ends": now + ASKED_FOR,
                },
            )
        return Asked(state, url)

    def _use(
        self, state: str, principal: Principal | None, now: datetime
    ) -> "Row[tuple[object, ...]]":
        """What was asked with this state, once, for this purpose."""
        session = principal.session if principal else None
        with self._engine.begin() as conn:
            row = conn.execute(
                _USE, {"digest": session_digest(state), "session": session, "now": now}
            ).one_or_none()
        if row is None:
            log.warning("provider_answer_refused", reason="the state is unknown, used or old")
            raise Problem(409, "not-asked", "Nothing was asked that this answers", "begin again")
        return row

    def _identify(
        self, asked: "Row[tuple[object, ...]]", answer: Answer, now: datetime, kind: Kind
    ) -> Identity:
        settings = self._provider.settings
        expected = Expected(settings.issuer, settings.client_id, asked.nonce, now)
        try:
            return self._provider.identify(answer, asked.verifier, expected)
        except ProviderAway as away:
            self._unavailable(away)
        except TokenRefused as refused:
            self._refuse(asked, kind, now, str(refused))
            raise Problem(401, "sign-in-refused", "The provider's answer is not believed") from None

    def _refuse(
        self, asked: "Row[tuple[object, ...]]", kind: Kind, now: datetime, reason: str
    ) -> None:
        log.warning("provider_answer_refused", reason=reason)
        with self._engine.begin() as conn:
            who = self._sessions.account_by_login(conn, asked.login) if asked.login else None
            name = who.name if who else "an answer of the provider"
            accesslog.note(conn, now, kind, NOBODY, name, account=who.id if who else None)

    def _logout_url(self) -> str | None:
        try:
            return self._provider.logout_url()
        except ProviderAway:
            return None

    @staticmethod
    def _unavailable(away: ProviderAway) -> NoReturn:
        log.error("provider_away", reason=str(away))
        raise Problem(503, "provider-away", "The provider for signing in is not available")


_FORGET = sa.text("DELETE FROM access.provider_request WHERE ends_at < :before")
_ASK = sa.text(
    "INSERT INTO access.provider_request"
    " (digest, nonce, verifier, session, body_sha256, login, created_at, ends_at)"
    " VALUES (:digest, :nonce, :verifier, :session, :body, :login, :now, :ends)"
)
_USE = sa.text(
    "UPDATE access.provider_request SET used_at = :now WHERE digest = :digest"
    " AND session IS NOT DISTINCT FROM CAST(:session AS bytea)"
    " AND used_at IS NULL AND ends_at > :now"
    " RETURNING nonce, verifier, body_sha256, login, created_at"
)


def _challenge(verifier: str) -> str:
    """RFC 7636, S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
