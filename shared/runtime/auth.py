"""Who is asking, and what they may do in which study. Everything is denied by default.

A key is `vigil_<id>_<secret>`, a session of an account `vigil_session_<secret>`, each with 256
random bits of secret, stored as a SHA-256 digest: a slow hash protects secrets people choose, not
random ones, and would cost every request.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from sqlalchemy import Connection, Engine
from starlette.concurrency import run_in_threadpool

from shared.runtime import accesslog
from shared.runtime.accesslog import OPERATOR, By
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.problems import Problem

Role = Literal["edc_source", "medical_monitor", "committee_member", "study_admin", "auditor"]
ROLES: tuple[Role, ...] = (
    "edc_source",
    "medical_monitor",
    "committee_member",
    "study_admin",
    "auditor",
)

CACHE_SECONDS = 5.0
"""How long a key stays known without looking: a revocation works everywhere after this time."""

IDLE = timedelta(hours=2)
"""How long a session stays open without being used."""

_MOST_CACHED = 1024
_KEY = re.compile(r"vigil_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_SESSION = re.compile(r"vigil_session_[A-Za-z0-9_-]{43}")
_USED_EVERY = timedelta(minutes=1)

_INSERT = sa.text(
    "INSERT INTO access.api_key (id, name, digest, source, created_at, expires_at)"
    " VALUES (:id, :name, :digest, :source, :created_at, :expires_at)"
)
_GRANT = sa.text(
    "INSERT INTO access.key_grant (key_id, study, role) VALUES (:id, :study, :role)"
    " ON CONFLICT DO NOTHING"
)
_FIND = sa.text(
    "SELECT k.id, k.name, k.digest, k.source, k.expires_at, k.revoked_at, k.last_used_at,"
    " k.created_at, ARRAY(SELECT ARRAY[g.study, g.role] FROM access.key_grant g"
    "  WHERE g.key_id = k.id ORDER BY g.study, g.role) AS grants"
    " FROM access.api_key k"
)
_USED = sa.text(
    "UPDATE access.api_key SET last_used_at = :now WHERE id = :id"
    " AND (last_used_at IS NULL OR last_used_at < :before)"
)
_FIND_SESSION = sa.text(
    "SELECT s.account_id, a.name, a.must_change,"
    " ARRAY(SELECT ARRAY[g.study, g.role] FROM access.account_grant g"
    "  WHERE g.account_id = a.id ORDER BY g.study, g.role) AS grants"
    " FROM access.session s JOIN access.account a ON a.id = s.account_id"
    " WHERE s.digest = :digest AND s.ended_at IS NULL AND a.disabled_at IS NULL"
    " AND s.ends_at > :now AND s.used_at > :idle"
)
_USED_SESSION = sa.text(
    "UPDATE access.session SET used_at = :now WHERE digest = :digest AND used_at < :before"
)


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One role in one study. There is no role without a study."""

    study: str
    role: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `source` is the only event source an EDC key may send as, if it is set.

    A person with a session has an `account`, which is then the `key_id` too, and the digest of the
    `session`. An account whose password is still the one it was given has no grants.
    """

    key_id: str
    name: str
    grants: frozenset[Grant]
    source: str | None = None
    account: str | None = None
    session: bytes | None = field(default=None, repr=False)

    def roles_in(self, study: str) -> frozenset[str]:
        return frozenset(grant.role for grant in self.grants if grant.study == study)

    def studies(self, *roles: str) -> frozenset[str]:
        """Studies in which one of `roles` is held; of any role if none is named."""
        return frozenset(g.study for g in self.grants if not roles or g.role in roles)

    def check(self, study: str, *roles: str) -> None:
        """Raises Problem: 404 for a study of others, 403 for a role not held in an own study."""
        held = self.roles_in(study)
        if not held:
            raise Problem(404, "not-found", "Not Found")
        if not held.intersection(roles):
            raise Problem(403, "role-required", "This needs another role", _needed(roles))


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as it is listed: everything but its secret."""

    key_id: str
    name: str
    grants: tuple[Grant, ...]
    source: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def create_key(
    conn: Connection,
    name: str,
    grants: Iterable[Grant | tuple[str, str]],
    source: str | None = None,
    *,
    expires_at: datetime | None = None,
    by: By = OPERATOR,
) -> str:
    """Makes a key and returns it: the only time its secret is seen.

    `grants` are (study, role). Raises ValueError for none, an unknown role or an empty study.
    """
    wanted = {grant if isinstance(grant, Grant) else Grant(*grant) for grant in grants}
    if not wanted:
        raise ValueError("a key needs at least one grant of a role in a study")
    for grant in wanted:
        if grant.role not in ROLES:
            raise ValueError("the roles are " + ", ".join(ROLES))
        if not grant.study.strip():
            raise ValueError("a grant names its study")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    now = SystemClock().now()
    conn.execute(
        _INSERT,
        {
            "id": key_id,
            "name": name,
            "digest": _digest(secret),
            "source": source,
            "created_at": now,
            "expires_at": expires_at,
        },
    )
    conn.execute(_GRANT, [{"id": key_id, "study": g.study, "role": g.role} for g in sorted(wanted)])
    for grant in sorted(wanted):
        about = f"{name}: {grant.role}"
        accesslog.note(conn, now, "key_created", by, about, study=grant.study)
    return f"vigil_{key_id}_{secret}"


def revoke_key(conn: Connection, key_id: str, *, by: By = OPERATOR) -> bool:
    """Ends a key, CACHE_SECONDS after commit at the latest. False if unknown or ended already."""
    now = SystemClock().now()
    name = conn.execute(
        sa.text(
            "UPDATE access.api_key SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"
            " RETURNING name"
        ),
        {"id": key_id, "now": now},
    ).scalar_one_or_none()
    if name is None:
        return False
    studies = sa.text("SELECT DISTINCT study FROM access.key_grant WHERE key_id = :id ORDER BY 1")
    for study in conn.execute(studies, {"id": key_id}).scalars().all():
        accesslog.note(conn, now, "key_revoked", by, name, study=study)
    return True


def list_keys(conn: Connection) -> list[KeyInfo]:
    """All keys, ended ones included, oldest first."""
    rows = conn.execute(sa.text(f"{_FIND} ORDER BY k.created_at, k.id"))
    return [
        KeyInfo(
            key_id=row.id,
            name=row.name,
            grants=tuple(Grant(study, role) for study, role in row.grants),
            source=row.source,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            last_used_at=row.last_used_at,
        )
        for row in rows
    ]


class Authenticator:
    """Turns an Authorization header into a Principal. One per process, shared by all threads.

    Keys expire by `clock`, the machine's unless a test says otherwise: a simulated trial clock
    must not revive an expired key.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock | None = None,
        cache_seconds: float = CACHE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._clock = clock or SystemClock()
        self._cache_seconds = cache_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._cache: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    def cached(self, authorization: str | None) -> Principal | None:
        """The principal if the key was checked moments ago. Never waits."""
        digest = _digest(authorization or "")
        with self._lock:
            until, principal = self._cache.get(digest, (0.0, None))
            return principal if self._monotonic() < until else None

    def authenticate(self, authorization: str | None) -> Principal:
        """Checks against the database. Raises Problem 401, which says nothing about why."""
        token = _bearer(authorization)
        match = _KEY.fullmatch(token)
        if match is not None:
            principal = self._look_up(match[1], match[2])
        elif _SESSION.fullmatch(token):
            principal = self._look_up_session(token)
        else:
            raise _unauthorised()
        with self._lock:
            self._cache[_digest(authorization or "")] = (
                self._monotonic() + self._cache_seconds,
                principal,
            )
            while len(self._cache) > _MOST_CACHED:
                self._cache.popitem(last=False)
        return principal

    def _look_up(self, key_id: str, secret: str) -> Principal:
        now = self._clock.now()
        with self._engine.begin() as conn:
            row = conn.execute(sa.text(f"{_FIND} WHERE k.id = :id"), {"id": key_id}).one_or_none()
            known = hmac.compare_digest(_digest(secret), row.digest if row else bytes(32))
            if row is None or not known or row.revoked_at is not None:
                raise _unauthorised()
            if row.expires_at is not None and row.expires_at <= now:
                raise _unauthorised()
            conn.execute(_USED, {"id": key_id, "now": now, "before": now - _USED_EVERY})
            grants = frozenset(Grant(study, role) for study, role in row.grants)
            return Principal(row.id, row.name, grants, row.source)

    def _look_up_session(self, token: str) -> Principal:
        now, digest = self._clock.now(), session_digest(token)
        with self._engine.begin() as conn:
            row = conn.execute(
                _FIND_SESSION, {"digest": digest, "now": now, "idle": now - IDLE}
            ).one_or_none()
            if row is None:
                raise _unauthorised()
            conn.execute(_USED_SESSION, {"digest": digest, "now": now, "before": now - _USED_EVERY})
        held = () if row.must_change else row.grants
        grants = frozenset(Grant(study, role) for study, role in held)
        return Principal(row.account_id, row.name, grants, account=row.account_id, session=digest)


def require(*roles: Role, study: str | None = "study") -> Any:
    """A dependency that lets a key with one of `roles` pass, and gives its Principal.

    `study` names the path parameter that holds the study. None: the study is not in the path; one
    of the roles in any study lets pass, and the handler calls `principal.check(study, ...)`.
    The app's state must hold an `authenticator`.
    """
    if not roles or not set(roles) <= set(ROLES):
        raise ValueError("the roles are " + ", ".join(ROLES))

    async def guard(request: Request) -> Principal:
        principal = await _authenticated(request)
        if study is not None:
            principal.check(request.path_params[study], *roles)
        elif not principal.studies(*roles):
            raise Problem(403, "role-required", "This needs another role", _needed(roles))
        return principal

    guard.vigil_roles = roles  # type: ignore[attr-defined]
    return Depends(guard)


async def _authenticated(request: Request) -> Principal:
    authenticator: Authenticator = request.app.state.authenticator
    header = request.headers.get("authorization")
    principal = authenticator.cached(header)
    if principal is None:
        principal = await run_in_threadpool(authenticator.authenticate, header)
    request.state.key_id = principal.key_id
    return principal


async def _any_key(request: Request) -> Principal:
    return await _authenticated(request)


_any_key.vigil_roles = ROLES  # type: ignore[attr-defined]

AnyKey = Annotated[Principal, Depends(_any_key)]
"""For handlers that every valid key may call; what they show depends on the key's grants."""


def session_digest(token: str) -> bytes:
    """What is kept of a session's or a confirmation's token."""
    return _digest(token)


def unguarded(app: FastAPI) -> list[str]:
    """Routes that neither require a key nor are marked public; a test fails on any."""
    return sorted(_unguarded(app))


def _unguarded(app: FastAPI) -> Iterator[str]:
    for context in iter_route_contexts(app.routes):
        if context.path == app.openapi_url:
            continue
        dependant = getattr(context, "dependant", None)
        guarded = isinstance(dependant, Dependant) and _asks_for_key(dependant)
        if not guarded and not getattr(context.endpoint, "vigil_public", False):
            yield f"{','.join(sorted(context.methods or ()))} {context.path}".strip()


def _asks_for_key(dependant: Dependant) -> bool:
    return hasattr(dependant.call, "vigil_roles") or any(
        _asks_for_key(inner) for inner in dependant.dependencies
    )


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _unauthorised() -> Problem:
    return Problem(
        401,
        "key-required",
        "A valid API key or session is required",
        "send it as: Authorization: Bearer vigil_...",
        headers={"WWW-Authenticate": 'Bearer realm="vigil"'},
    )


def _needed(roles: Iterable[str]) -> str:
    return "one of: " + ", ".join(roles)
