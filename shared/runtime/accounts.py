"""Local accounts: people with a login, a password, and roles in studies.

A login and a name belong to one account in the whole installation: the name signs what the person
records. Whoever gives a password out (`create_account`, `reset_password`) gives out one that has
to be changed before anything else can be done with the account.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from shared.runtime import accesslog
from shared.runtime.accesslog import By
from shared.runtime.auth import ROLES, Grant
from shared.runtime.passwords import Passwords, one_time
from shared.runtime.throttle import locked_until

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,99}")
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")

_ACCOUNTS = (
    "SELECT a.id, a.login, a.name, a.must_change, a.created_at, a.disabled_at,"
    " (SELECT max(s.used_at) FROM access.session s WHERE s.account_id = a.id) AS last_used_at,"
    " ARRAY(SELECT ARRAY[g.study, g.role] FROM access.account_grant g"
    "  WHERE g.account_id = a.id ORDER BY g.study, g.role) AS grants"
    " FROM access.account a"
)


class Taken(ValueError):
    """The login or the name is another account's."""


class Linked(ValueError):
    """The account's person signs in at a provider, and has no password."""


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """An account as it is listed. `locked_until`: after failed tries, and by itself."""

    account_id: str
    login: str
    name: str
    grants: tuple[Grant, ...]
    must_change: bool
    created_at: datetime
    disabled_at: datetime | None
    last_used_at: datetime | None
    locked_until: datetime | None

    @property
    def studies(self) -> frozenset[str]:
        return frozenset(grant.study for grant in self.grants)


def create_account(
    conn: Connection,
    passwords: Passwords,
    login: str,
    name: str,
    grants: Iterable[Grant | tuple[str, str]],
    *,
    by: By,
    now: datetime,
    password: str | None = None,
) -> tuple[str, str]:
    """Makes an account: its id, and its password, which is one-time unless given.

    Raises ValueError for what cannot be a login, a name or a role; Taken for another's.
    """
    if not LOGIN.fullmatch(login):
        raise ValueError("a login has 2 to 100 of a-z, 0-9 and . _ @ + -, and begins with a letter")
    if not NAME.fullmatch(name) or not name.strip():
        raise ValueError("a name has 1 to 200 characters")
    wanted = _checked(grants)
    account, first = f"account-{secrets.token_hex(6)}", password or one_time()
    try:
        with conn.begin_nested():
            conn.execute(
                sa.text(
                    "INSERT INTO access.account"
                    " (id, login, name, password_hash, must_change, created_at)"
                    " VALUES (:id, :login, :name, :hash, :must_change, :now)"
                ),
                {
                    "id": account,
                    "login": login,
                    "name": name.strip(),
                    "hash": passwords.hash(first),
                    "must_change": password is None,
                    "now": now,
                },
            )
    except IntegrityError:
        raise Taken("the login or the name is another account's") from None
    for study in sorted({grant.study for grant in wanted}):
        accesslog.note(conn, now, "account_created", by, name, study=study, account=account)
    _grant(conn, account, name, wanted, by, now)
    return account, first


def list_accounts(
    conn: Connection, now: datetime, *, study: str | None = None
) -> list[AccountInfo]:
    """All accounts by login, disabled ones included; of one study, those with a role in it."""
    where = (
        " WHERE EXISTS (SELECT FROM access.account_grant g"
        "  WHERE g.account_id = a.id AND g.study = :study)"
        if study is not None
        else ""
    )
    rows = conn.execute(
        sa.text(_ACCOUNTS + where + " ORDER BY a.login"),
        {} if study is None else {"study": study},
    ).all()
    return [
        AccountInfo(
            account_id=row.id,
            login=row.login,
            name=row.name,
            grants=tuple(Grant(*pair) for pair in row.grants),
            must_change=row.must_change,
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            last_used_at=row.last_used_at,
            locked_until=locked_until(conn, row.login, now),
        )
        for row in rows
    ]


def set_roles(
    conn: Connection, account: AccountInfo, study: str, roles: Iterable[str], by: By, now: datetime
) -> None:
    """Makes `roles` all that the account may do in the study; none takes it out of the study."""
    held = {grant for grant in account.grants if grant.study == study}
    wanted = _checked((study, role) for role in roles)
    for gone in sorted(held - wanted):
        conn.execute(
            sa.text(
                "DELETE FROM access.account_grant"
                " WHERE account_id = :id AND study = :study AND role = :role"
            ),
            {"id": account.account_id, "study": study, "role": gone.role},
        )
        about = f"{account.name}: {gone.role}"
        accesslog.note(
            conn, now, "role_revoked", by, about, study=study, account=account.account_id
        )
    _grant(conn, account.account_id, account.name, wanted - held, by, now)


def set_disabled(
    conn: Connection, account: AccountInfo, disabled: bool, by: By, now: datetime
) -> None:
    """Shuts the account and ends its sessions, or opens it again; its roles stay on record."""
    conn.execute(
        sa.text("UPDATE access.account SET disabled_at = :at WHERE id = :id"),
        {"id": account.account_id, "at": now if disabled else None},
    )
    if disabled:
        end_sessions(conn, account.account_id, now)
    kind: accesslog.Kind = "account_disabled" if disabled else "account_enabled"
    for study in sorted(account.studies):
        accesslog.note(conn, now, kind, by, account.name, study=study, account=account.account_id)


def reset_password(
    conn: Connection, passwords: Passwords, account: AccountInfo, by: By, now: datetime
) -> str:
    """A new one-time password; the old one and all sessions end. Raises Linked."""
    linked = sa.text("SELECT FROM access.account_link WHERE account_id = :id")
    if conn.execute(linked, {"id": account.account_id}).first() is not None:
        raise Linked("this account signs in at a provider; unlink it first")
    new = one_time()
    store_password(conn, passwords, account.account_id, new, must_change=True)
    end_sessions(conn, account.account_id, now)
    for study in sorted(account.studies):
        accesslog.note(
            conn,
            now,
            "password_reset",
            by,
            account.name,
            study=study,
            account=account.account_id,
        )
    return new


def store_password(
    conn: Connection, passwords: Passwords, account: str, password: str, *, must_change: bool
) -> None:
    conn.execute(
        sa.text(
            "UPDATE access.account SET password_hash = :hash, must_change = :must WHERE id = :id"
        ),
        {"id": account, "hash": passwords.hash(password), "must": must_change},
    )


def end_sessions(
    conn: Connection, account: str, now: datetime, *, but: bytes | None = None
) -> None:
    """Ends the account's sessions, all `but` the one of that digest."""
    conn.execute(
        sa.text(
            "UPDATE access.session SET ended_at = :now WHERE account_id = :id"
            " AND ended_at IS NULL AND digest IS DISTINCT FROM :but"
        ),
        {"id": account, "now": now, "but": but},
    )


def _grant(
    conn: Connection, account: str, name: str, grants: set[Grant], by: By, now: datetime
) -> None:
    for grant in sorted(grants):
        conn.execute(
            sa.text(
                "INSERT INTO access.account_grant (account_id, study, role)"
                " VALUES (:id, :study, :role) ON CONFLICT DO NOTHING"
            ),
            {"id": account, "study": grant.study, "role": grant.role},
        )
        about = f"{name}: {grant.role}"
        accesslog.note(conn, now, "role_granted", by, about, study=grant.study, account=account)


def _checked(grants: Iterable[Grant | tuple[str, str]]) -> set[Grant]:
    wanted = {grant if isinstance(grant, Grant) else Grant(*grant) for grant in grants}
    for grant in wanted:
        if grant.role not in ROLES:
            raise ValueError("the roles are " + ", ".join(ROLES))
        if not grant.study.strip():
            raise ValueError("a grant names its study")
    return wanted
