"""Which account is whose at the OpenID Connect provider. Only an operator makes that link.

A linked account has no password any more: whom the provider shuts out must not come in beside it.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from shared.runtime import accesslog
from shared.runtime.accesslog import By
from shared.runtime.accounts import AccountInfo, Taken, end_sessions, store_password
from shared.runtime.identity import Identity
from shared.runtime.passwords import Passwords, one_time

_FIND = sa.text(
    "SELECT account_id FROM access.account_link WHERE issuer = :issuer AND subject = :subject"
)
_CLAIM = sa.text(
    "UPDATE access.account_link SET subject = :subject, email = NULL"
    " WHERE issuer = :issuer AND email = :email RETURNING account_id"
)


@dataclass(frozen=True, slots=True)
class Link:
    """Whose the account is: a subject of the issuer, or whoever first comes with the verified
    e-mail address."""

    issuer: str
    subject: str | None = None
    email: str | None = None


def link(
    conn: Connection,
    passwords: Passwords,
    account: AccountInfo,
    whose: Link,
    by: By,
    now: datetime,
) -> None:
    """Ties the account to a person at the provider; its password and its sessions end.

    Raises ValueError unless exactly one of subject and e-mail is given; Taken for another's.
    """
    if (whose.subject is None) == (whose.email is None):
        raise ValueError("a link names a subject or an e-mail address")
    try:
        with conn.begin_nested():
            conn.execute(
                sa.text(
                    "INSERT INTO access.account_link"
                    " (account_id, issuer, subject, email, linked_at)"
                    " VALUES (:account, :issuer, :subject, lower(:email), :now)"
                    " ON CONFLICT (account_id) DO UPDATE SET issuer = :issuer,"
                    " subject = :subject, email = lower(:email), linked_at = :now"
                ),
                {
                    "account": account.account_id,
                    "issuer": whose.issuer,
                    "subject": whose.subject,
                    "email": whose.email,
                    "now": now,
                },
            )
    except IntegrityError:
        raise Taken("this person is linked to another account") from None
    # A password that nobody knows: signing in with one costs the same work and fails the same.
    store_password(conn, passwords, account.account_id, one_time(), must_change=False)
    end_sessions(conn, account.account_id, now)
    _note(conn, "account_linked", account, by, now)


def unlink(conn: Connection, account: AccountInfo, by: By, now: datetime) -> bool:
    """Ends the link and the sessions; a way in is then a new password. False if there is none."""
    gone = conn.execute(
        sa.text("DELETE FROM access.account_link WHERE account_id = :account"),
        {"account": account.account_id},
    )
    if gone.rowcount:
        end_sessions(conn, account.account_id, now)
        _note(conn, "account_unlinked", account, by, now)
    return bool(gone.rowcount)


def links(conn: Connection) -> dict[str, Link]:
    """Every link by its account."""
    rows = conn.execute(
        sa.text("SELECT account_id, issuer, subject, email FROM access.account_link")
    )
    return {row.account_id: Link(row.issuer, row.subject, row.email) for row in rows}


def account_of(conn: Connection, person: Identity) -> str | None:
    """The person's account. A verified e-mail address that an operator has named is used up here:
    from then on the subject counts, whatever address it has."""
    whose = {"issuer": person.issuer, "subject": person.subject, "email": person.email}
    found = conn.execute(_FIND, whose).scalar_one_or_none()
    if found is None and person.email is not None:
        found = conn.execute(_CLAIM, whose).scalar_one_or_none()
    return found


def _note(
    conn: Connection, kind: accesslog.Kind, account: AccountInfo, by: By, now: datetime
) -> None:
    for study in sorted(account.studies):
        accesslog.note(conn, now, kind, by, account.name, study=study, account=account.account_id)
