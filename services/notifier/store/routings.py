"""Routing documents, every version kept, and the secrets webhooks are signed with."""

# ruff: noqa: S608 - what is put into the statements is this module's own list of columns

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class StoredRouting:
    """One version of a study's routing, as it was sent."""

    study: str
    version: int
    document: str
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What a subscriber's webhooks are signed with; `previous` signs too until the next change."""

    secret: str = field(repr=False)
    previous: str | None = field(repr=False)
    set_at: datetime


_SELECT = (
    "SELECT study, version, document, set_by, set_at FROM notifier.routing WHERE study = :study"
)


def current(conn: Connection, study: str) -> StoredRouting | None:
    """The routing in force."""
    query = sa.text(f"{_SELECT} ORDER BY version DESC LIMIT 1")
    row = conn.execute(query, {"study": study}).mappings().one_or_none()
    return None if row is None else StoredRouting(**row)


def by_version(conn: Connection, study: str, version: int) -> StoredRouting | None:
    """A routing as it once was, or is."""
    query = sa.text(f"{_SELECT} AND version = :version")
    row = conn.execute(query, {"study": study, "version": version}).mappings().one_or_none()
    return None if row is None else StoredRouting(**row)


def versions(conn: Connection, study: str) -> list[StoredRouting]:
    """All that the study has had, newest first."""
    query = sa.text(f"{_SELECT} ORDER BY version DESC")
    return [StoredRouting(**row) for row in conn.execute(query, {"study": study}).mappings()]


def studies(conn: Connection) -> list[str]:
    """The studies that have a routing."""
    return list(conn.execute(sa.text("SELECT DISTINCT study FROM notifier.routing")).scalars())


def add(conn: Connection, routing: StoredRouting) -> None:
    """Puts a version in force. The caller holds the study's lock."""
    names = StoredRouting.__slots__
    conn.execute(
        sa.text(
            f"INSERT INTO notifier.routing ({', '.join(names)})"
            f" VALUES ({', '.join(':' + name for name in names)})"
        ),
        {name: getattr(routing, name) for name in names},
    )


def secrets_of(
    conn: Connection, subscribers: Collection[tuple[str, str]]
) -> dict[tuple[str, str], WebhookSecret]:
    """The secrets of subscribers, each named with its study, that have one."""
    rows = conn.execute(
        sa.text(
            "SELECT study, subscriber, secret, previous, set_at FROM notifier.webhook_secret"
            " JOIN unnest(CAST(:studies AS text[]), CAST(:names AS text[]))"
            " AS asked (study, subscriber) USING (study, subscriber)"
        ),
        {"studies": [one for one, _ in subscribers], "names": [one for _, one in subscribers]},
    )
    return {
        (row.study, row.subscriber): WebhookSecret(row.secret, row.previous, row.set_at)
        for row in rows
    }


def secrets_set_at(conn: Connection, study: str) -> dict[str, datetime]:
    """When each subscriber's secret was set."""
    rows = conn.execute(
        sa.text("SELECT subscriber, set_at FROM notifier.webhook_secret WHERE study = :study"),
        {"study": study},
    )
    return {row.subscriber: row.set_at for row in rows}


def set_secret(conn: Connection, study: str, subscriber: str, secret: str, at: datetime) -> None:
    """Sets or replaces a secret; the one before becomes `previous`."""
    conn.execute(
        sa.text(
            "INSERT INTO notifier.webhook_secret (study, subscriber, secret, set_at)"
            " VALUES (:study, :subscriber, :secret, :at)"
            " ON CONFLICT (study, subscriber) DO UPDATE SET previous = webhook_secret.secret,"
            " secret = excluded.secret, set_at = excluded.set_at"
        ),
        {"study": study, "subscriber": subscriber, "secret": secret, "at": at},
    )
