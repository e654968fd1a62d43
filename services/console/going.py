"""Who is on the way to the provider and back, and what waits for it: in this process's memory only,
as sessions are."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from services.console.sessions import Session

MOST_WAITING = 10_000
PATIENCE = 15 * 60.0
"""Seconds: a little longer than what was asked of the provider holds."""

Who = Literal["own", "second"]
Kept = TypeVar("Kept")


@dataclass(slots=True)
class Act:
    """A record that is written out and waits to be confirmed. `changed` says what has moved since
    its page was made; `tokens` are the confirmations there are."""

    session: Session
    event: Mapping[str, Any]
    page: str
    changed: Callable[[], Awaitable[Sequence[str]]]
    second_login: str | None = None
    tokens: dict[Who, str] = field(default_factory=dict, repr=False)
    names: dict[Who, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class Trip:
    """One way there and back. Only the browser with the `secret` in its cookie ends it: an answer
    that somebody else has sent along signs nobody in."""

    state: str = field(repr=False)
    goal: str = "/"
    act: Act | None = None
    who: Who = "own"
    secret: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        return f"vigil_trip_{hashlib.sha256(self.state.encode()).hexdigest()[:8]}"

    def belongs_to(self, secret: str | None) -> bool:
        return hmac.compare_digest((secret or "").encode(), self.secret.encode())


class Waiting(Generic[Kept]):
    """What waits, for a while, under a name that cannot be guessed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, Kept]] = {}

    def keep(self, name: str, what: Kept) -> None:
        """The oldest gives way when there are too many."""
        now = self._clock()
        for old in [one for one, (since, _) in self._kept.items() if now - since > PATIENCE]:
            del self._kept[old]
        while len(self._kept) >= MOST_WAITING:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = now, what

    def find(self, name: str) -> Kept | None:
        since, what = self._kept.get(name, (0.0, None))
        return what if what is not None and self._clock() - since <= PATIENCE else None

    def take(self, name: str) -> Kept | None:
        """The same, and it is gone."""
        found = self.find(name)
        self._kept.pop(name, None)
        return found


@dataclass(frozen=True, slots=True)
class Going:
    """All that is under way in one console."""

    trips: Waiting[Trip] = field(default_factory=Waiting)
    acts: Waiting[Act] = field(default_factory=Waiting)
