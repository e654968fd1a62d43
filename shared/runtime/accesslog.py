"""The record of who got in and who changed what others may do: added to, never edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

Kind = Literal[
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "password_changed",
    "password_reset",
    "account_created",
    "account_disabled",
    "account_enabled",
    "account_linked",
    "account_unlinked",
    "role_granted",
    "role_revoked",
    "confirmed",
    "confirmation_failed",
    "act_confirmed",
    "key_created",
    "key_revoked",
]


@dataclass(frozen=True, slots=True)
class By:
    """Who did it: the id of a key or an account, and its name."""

    id: str | None
    name: str


OPERATOR = By(None, "operator")
"""Whoever runs commands where the database is."""
NOBODY = By(None, "not signed in")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record. `about`: whom or what it concerns, in words without health data."""

    number: int
    at: datetime
    kind: str
    by: By
    study: str | None
    about: str


def note(
    conn: Connection,
    at: datetime,
    kind: Kind,
    by: By,
    about: str,
    *,
    study: str | None = None,
    account: str | None = None,
) -> None:
    """Adds a line in the caller's transaction. Without a study all of `account`'s show it."""
    conn.execute(
        sa.text(
            "INSERT INTO access.record (at, kind, by_id, by_name, account_id, study, about)"
            " VALUES (:at, :kind, :by_id, :by_name, :account, :study, :about)"
        ),
        {
            "at": at,
            "kind": kind,
            "by_id": by.id,
            "by_name": by.name,
            "account": account,
            "study": study,
            "about": about,
        },
    )


def page(conn: Connection, study: str, before: int | None, limit: int) -> list[Entry]:
    """A study's lines, newest first: its own, and the sign-ins of those with a role in it."""
    rows = conn.execute(
        sa.text(
            "SELECT number, at, kind, by_id, by_name, study, about FROM access.record"
            " WHERE (study = :study OR study IS NULL AND account_id IN"
            "  (SELECT account_id FROM access.account_grant WHERE study = :study))"
            " AND (CAST(:before AS bigint) IS NULL OR number < :before)"
            " ORDER BY number DESC LIMIT :limit"
        ),
        {"study": study, "before": before, "limit": limit},
    )
    return [Entry(r.number, r.at, r.kind, By(r.by_id, r.by_name), r.study, r.about) for r in rows]
