"""Who has acknowledged an alert, in which version and role. Only ever added."""

# ruff: noqa: S608 - what is put into the statements is this module's own list of columns

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from services.notifier.store import alerts
from services.notifier.store.alerts import Alert


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That a person has seen an alert, in which version, in which role."""

    alert: str
    key_id: str
    name: str
    role: str
    version: int
    at: datetime


def add(conn: Connection, alert: Alert, seen: Acknowledgement) -> None:
    """Records the acknowledgement. The caller holds the alert's lock and has found none by this
    key."""
    names = Acknowledgement.__slots__
    conn.execute(
        sa.text(
            f"INSERT INTO notifier.acknowledgement ({', '.join(names)})"
            f" VALUES ({', '.join(':' + name for name in names)})"
        ),
        {name: getattr(seen, name) for name in names},
    )
    if alert.state == "open":
        alerts.set_state(conn, alert, "acknowledged")
    else:
        alerts.note_change(conn, alert.study, alert.id, "acknowledged")


def of_alerts(conn: Connection, ids: Collection[str]) -> dict[str, list[Acknowledgement]]:
    """Who acknowledged each alert, first one first."""
    found: dict[str, list[Acknowledgement]] = {alert: [] for alert in ids}
    rows = conn.execute(
        sa.text(
            "SELECT alert, key_id, name, role, version, at FROM notifier.acknowledgement"
            " WHERE alert = ANY(:ids) ORDER BY number"
        ),
        {"ids": list(ids)},
    ).mappings()
    for row in rows:
        found[row["alert"]].append(Acknowledgement(**row))
    return found
