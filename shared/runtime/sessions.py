"""Signing in with a password, and giving it again for what counts.

A session's token is 256 random bits, kept as its digest. A confirmation is the password once more:
it holds for one body, in one session, once, for two minutes. Everything here runs by the machine's
clock: a simulated trial clock must not keep a session alive.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row

from shared.runtime import accesslog, accounts
from shared.runtime.accesslog import NOBODY, By, Kind
from shared.runtime.auth import IDLE, Grant, Principal, session_digest
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.passwords import LONGEST, Passwords, complaint
from shared.runtime.problems import Problem
from shared.runtime.throttle import count_attempt, forgive

LONGEST_SESSION = timedelta(hours=12)
CONFIRMATION = timedelta(minutes=2)

_ACCOUNT = sa.text(
    "SELECT id, login, name, password_hash, must_change, disabled_at"
    " FROM access.account WHERE login = :login"
)
_BY_ID = sa.text(
    "SELECT id, login, name, must_change, disabled_at FROM access.account WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose session or confirmation it becomes."""

    id: str
    login: str
    name: str
    must_change: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun: the only time its token is seen."""

    token: str = field(repr=False)
    login: str
    name: str
    must_change: bool
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """An open session. It ends at `ends_at`, and earlier once unused until `idle_at`."""

    login: str
    name: str
    must_change: bool
    started_at: datetime
    idle_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Confirmation:
    """That a person proved for one body once more who they are."""

    token: str = field(repr=False)
    login: str
    name: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Confirmer:
    """Whoever confirmed a body, with their roles at the time of use."""

    account_id: str
    login: str
    name: str
    grants: frozenset[Grant]


class Sessions:
    """Opens and ends sessions, and takes passwords again. One per process."""

    def __init__(
        self, engine: Engine, *, passwords: Passwords | None = None, clock: Clock | None = None
    ) -> None:
        self._engine = engine
        self.passwords = passwords or Passwords()
        self.clock = clock or SystemClock()

    def begin(self, login: str, password: str, address: str | None) -> Opened:
        """Opens a session. Raises Problem 401, which says nothing about why, or 429."""
        login, now = login.strip().lower(), self.clock.now()
        row = self._verified(login, password, address, now)
        with self._engine.begin() as conn:
            if row is None:
                self._note_failure(conn, login, "sign_in_failed", now)
            else:
                return self.open(conn, _account(row), now)
        raise Problem(
            401,
            "sign-in-refused",
            "The login or the password is not right, or the account is shut",
            headers={"WWW-Authenticate": 'Bearer realm="vigil"'},
        )

    def end(self, principal: Principal) -> None:
        """Ends the session; it is refused everywhere within seconds."""
        now, by = self.clock.now(), By(principal.key_id, principal.name)
        with self._engine.begin() as conn:
            ended = conn.execute(
                sa.text(
                    "UPDATE access.session SET ended_at = :now"
                    " WHERE digest = :digest AND ended_at IS NULL"
                ),
                {"digest": principal.session, "now": now},
            )
            if ended.rowcount:
                accesslog.note(
                    conn, now, "signed_out", by, principal.name, account=principal.account
                )

    def info(self, principal: Principal) -> SessionInfo:
        """The session of the principal. Raises Problem 404 where a key asked."""
        with self._engine.connect() as conn:
            row = conn.execute(
                sa.text(
                    "SELECT a.login, a.name, a.must_change, s.started_at, s.used_at, s.ends_at"
                    " FROM access.session s JOIN access.account a ON a.id = s.account_id"
                    " WHERE s.digest = :digest"
                ),
                {"digest": principal.session},
            ).one_or_none()
        if row is None:
            raise Problem(404, "not-found", "Not Found")
        return SessionInfo(
            row.login,
            row.name,
            row.must_change,
            row.started_at,
            row.used_at + IDLE,
            row.ends_at,
        )

    def change_password(self, principal: Principal, old: str, new: str) -> None:
        """Sets a password of one's own; every other session of the account ends."""
        login, now = self.info(principal).login, self.clock.now()
        row = self._verified(login, old, None, now)
        if row is None:
            self._refuse_confirmation(login, now)
        problem = complaint(new, login) or ("it is the old password" if new == old else None)
        if problem is not None:
            raise Problem(422, "password-refused", "This cannot be the new password", problem)
        with self._engine.begin() as conn:
            accounts.store_password(conn, self.passwords, row.id, new, must_change=False)
            accounts.end_sessions(conn, row.id, now, but=principal.session)
            by = By(row.id, row.name)
            accesslog.note(conn, now, "password_changed", by, row.name, account=row.id)

    def confirm(
        self, principal: Principal, password: str, body_sha256: bytes, login: str | None = None
    ) -> Confirmation:
        """The password once more, for one body; with `login`, that of a second person.

        Raises Problem 403 for a wrong password, 409 where the second person is the first, 429.
        """
        own, now = self.info(principal).login, self.clock.now()
        second = login.strip().lower() if login is not None else None
        if second == own:
            raise Problem(409, "same-person", "The second person is the first")
        asked = own if second is None else second
        row = self._verified(asked, password, None, now)
        if row is None or row.must_change:
            self._refuse_confirmation(asked, now)
        with self._engine.begin() as conn:
            return self.give(conn, principal, _account(row), body_sha256, now, CONFIRMATION)

    def give(
        self,
        conn: Connection,
        principal: Principal,
        person: Account,
        body_sha256: bytes,
        now: datetime,
        lasts: timedelta,
    ) -> Confirmation:
        """The confirmation of somebody who has just proved who they are."""
        token, ends = secrets.token_urlsafe(32), now + lasts
        conn.execute(
            sa.text(
                "INSERT INTO access.confirmation"
                " (digest, session, account_id, body_sha256, ends_at)"
                " VALUES (:digest, :session, :account, :body, :ends)"
            ),
            {
                "digest": session_digest(token),
                "session": principal.session,
                "account": person.id,
                "body": body_sha256,
                "ends": ends,
            },
        )
        by = By(person.id, person.name)
        accesslog.note(conn, now, "confirmed", by, person.name, account=person.id)
        return Confirmation(token, person.login, person.name, ends)

    def take(
        self, principal: Principal, tokens: Sequence[str], body_sha256: bytes
    ) -> list[Confirmer]:
        """Uses confirmations up, all or none; one of them must be the principal's own.

        Raises Problem 403 for any that was not given for this body in this session, was used
        before, or is too old.
        """
        with self._engine.begin() as conn:
            rows = conn.execute(
                sa.text(
                    "UPDATE access.confirmation c SET used_at = :now FROM access.account a"
                    " WHERE a.id = c.account_id AND a.disabled_at IS NULL"
                    " AND c.digest = ANY(:digests) AND c.session = :session"
                    " AND c.body_sha256 = :body AND c.used_at IS NULL AND c.ends_at > :now"
                    " RETURNING a.id, a.login, a.name,"
                    " ARRAY(SELECT ARRAY[g.study, g.role] FROM access.account_grant g"
                    "  WHERE g.account_id = a.id) AS grants"
                ),
                {
                    "digests": [session_digest(token) for token in tokens],
                    "session": principal.session,
                    "body": body_sha256,
                    "now": self.clock.now(),
                },
            ).all()
            if len(rows) != len(tokens) or principal.account not in {row.id for row in rows}:
                raise Problem(
                    403,
                    "confirmation-required",
                    "This needs the password again, for exactly this record",
                    "POST /ingest/v1/confirmations gives the token for Vigil-Confirmation; who"
                    " signs in at a provider asks POST /ingest/v1/provider/confirmation-requests",
                )
        return [Confirmer(row.id, row.login, row.name, _grants(row)) for row in rows]

    def note_act(
        self, principal: Principal, people: Sequence[Confirmer], acts: set[tuple[str, str]]
    ) -> None:
        """Puts on record who confirmed which kinds of acts in which studies."""
        now = self.clock.now()
        with self._engine.begin() as conn:
            for study, kind in sorted(acts):
                for person in people:
                    about = kind if person.account_id == principal.account else f"{kind}, second"
                    by = By(person.account_id, person.name)
                    accesslog.note(conn, now, "act_confirmed", by, about, study=study)

    def _verified(
        self, login: str, password: str, address: str | None, now: datetime
    ) -> "Row[tuple[object, ...]] | None":
        """The account if the password is its own and it is open. The same work whatever fails."""
        with self._engine.begin() as conn:
            count_attempt(conn, login, address, now)
            row = conn.execute(_ACCOUNT, {"login": login}).one_or_none()
        right = self.passwords.match(row.password_hash if row else None, password[: LONGEST + 1])
        if row is None or not right or row.disabled_at is not None:
            return None
        with self._engine.begin() as conn:
            forgive(conn, login, address, now)
            if self.passwords.outdated(row.password_hash):
                accounts.store_password(
                    conn, self.passwords, row.id, password, must_change=row.must_change
                )
        return row

    def open(self, conn: Connection, person: Account, now: datetime) -> Opened:
        """A session for somebody who has just proved who they are."""
        token = f"vigil_session_{secrets.token_urlsafe(32)}"
        ends = now + LONGEST_SESSION
        conn.execute(
            sa.text(
                "INSERT INTO access.session (digest, account_id, started_at, used_at, ends_at)"
                " VALUES (:digest, :account, :now, :now, :ends)"
            ),
            {"digest": session_digest(token), "account": person.id, "now": now, "ends": ends},
        )
        by = By(person.id, person.name)
        accesslog.note(conn, now, "signed_in", by, person.name, account=person.id)
        return Opened(token, person.login, person.name, person.must_change, ends)

    @staticmethod
    def account(conn: Connection, id: str) -> Account:
        """The account of that id, which there is."""
        return _account(conn.execute(_BY_ID, {"id": id}).one())

    @staticmethod
    def account_by_login(conn: Connection, login: str) -> Account | None:
        row = conn.execute(_ACCOUNT, {"login": login}).one_or_none()
        return _account(row) if row else None

    def _refuse_confirmation(self, login: str, now: datetime) -> NoReturn:
        with self._engine.begin() as conn:
            self._note_failure(conn, login, "confirmation_failed", now)
        raise Problem(403, "not-confirmed", "The login or the password is not right")

    @staticmethod
    def _note_failure(conn: Connection, login: str, kind: Kind, now: datetime) -> None:
        """A login that is nobody's is not kept: people type passwords there by mistake."""
        who = Sessions.account_by_login(conn, login)
        name, account = (who.name, who.id) if who else ("an unknown login", None)
        accesslog.note(conn, now, kind, NOBODY, name, account=account)


def body_digest(body: bytes) -> bytes:
    """What a confirmation is bound to."""
    return hashlib.sha256(body).digest()


def _account(row: "Row[tuple[object, ...]]") -> Account:
    return Account(row.id, row.login, row.name, row.must_change, row.disabled_at is not None)


def _grants(row: "Row[tuple[object, ...]]") -> frozenset[Grant]:
    return frozenset(Grant(*pair) for pair in row.grants)
