"""Who is signed in. A session holds the person's credential (the token of an account's session, or
an API key), so it lives in this process's memory and nowhere else: not in the cookie, not on a
disk. A restart signs everybody out."""

import hmac
import secrets
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MOST_SESSIONS = 10_000
_SECRET_BYTES = 32


@dataclass(slots=True)
class Session:
    """`token` is what the cookie carries; `csrf` is what a form must carry beside it. With a key
    instead of an account there is no `login`. `until`: when it ends unless it is used again.
    `provider`: the name of the one at which people may sign in, and `by_provider` whether this
    person did; `logout_url` ends their session there."""

    key: str = field(repr=False)
    token: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))
    secret: bytes = field(repr=False, default_factory=lambda: secrets.token_bytes(_SECRET_BYTES))
    started: float = 0.0
    used: float = 0.0
    login: str | None = None
    name: str = ""
    must_change: bool = False
    provider: str | None = None
    by_provider: bool = False
    logout_url: str | None = field(default=None, repr=False)
    until: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def csrf(self) -> str:
        """Another text each time: pages are compressed, and the length of what is compressed tells
        a little of what is in it."""
        pad = secrets.token_bytes(_SECRET_BYTES)
        return urlsafe_b64encode(pad + _masked(self.secret, pad)).decode()

    def vouches_for(self, csrf: str) -> bool:
        """Whether a form was written by a page of this session."""
        try:
            told = urlsafe_b64decode(csrf.encode())
        except ValueError:
            return False
        pad, masked = told[:_SECRET_BYTES], told[_SECRET_BYTES:]
        return hmac.compare_digest(_masked(masked, pad), self.secret)


def _masked(secret: bytes, pad: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(secret, pad, strict=False))


class Sessions:
    """The open sessions. `idle` and `longest` in seconds of `clock`, a monotonic one: a simulated
    trial clock may jump by months, and nobody should be signed out by that."""

    def __init__(
        self, *, idle: float, longest: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle = idle
        self._longest = longest
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def begin(
        self, key: str, login: str | None = None, name: str = "", *, must_change: bool = False
    ) -> Session:
        """A new session. The one unused for longest gives way when there are too many."""
        now = self._clock()
        session = Session(key, started=now, login=login, name=name, must_change=must_change)
        self._use(session, now)
        with self._lock:
            self._forget_expired(now)
            if len(self._open) >= MOST_SESSIONS:
                del self._open[min(self._open, key=lambda token: self._open[token].used)]
            self._open[session.token] = session
        return session

    def find(self, token: str | None, *, used: bool = True) -> Session | None:
        """The open session of a cookie, from now on ``used`` last now; None once it has expired."""
        now = self._clock()
        with self._lock:
            session = self._open.get(token or "")
            if session is None:
                return None
            if self._expired(session, now):
                del self._open[session.token]
                return None
            if used:
                self._use(session, now)
            return session

    def holds(self, session: Session) -> bool:
        """Whether the session is still open; asking does not keep it open."""
        with self._lock:
            known = self._open.get(session.token)
            return known is not None and not self._expired(known, self._clock())

    def left(self, token: str | None) -> float | None:
        """Seconds until the session ends unless it is used; asking is no use. None if it is not
        open."""
        with self._lock:
            session, now = self._open.get(token or ""), self._clock()
            if session is None or self._expired(session, now):
                return None
            return self._left(session, now)

    def end(self, session: Session) -> None:
        with self._lock:
            self._open.pop(session.token, None)

    def _use(self, session: Session, now: float) -> None:
        session.used = now
        session.until = datetime.now(UTC) + timedelta(seconds=self._left(session, now))

    def _left(self, session: Session, now: float) -> float:
        return min(self._idle - (now - session.used), self._longest - (now - session.started))

    def _expired(self, session: Session, now: float) -> bool:
        return now - session.used > self._idle or now - session.started > self._longest

    def _forget_expired(self, now: float) -> None:
        for token in [t for t, session in self._open.items() if self._expired(session, now)]:
            del self._open[token]
