"""Every alert of a study in few words, for lists that show who has answered."""

from __future__ import annotations

import json
from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy import Connection

_BRIEF = sa.text(
    "SELECT id, version, state, asks, raised_at, signal_id, severity, warnings FROM notifier.alert"
    " WHERE kind = 'signal' AND study = :study ORDER BY xid, number"
)
_SEEN = sa.text(
    "SELECT seen.alert, seen.name, seen.at FROM notifier.acknowledgement AS seen"
    " JOIN notifier.alert ON alert.id = seen.alert WHERE alert.study = :study ORDER BY seen.number"
)


def alerts_in_brief(conn: Connection, study: str) -> str:
    """A JSON array, oldest first."""
    found = conn.execute(_BRIEF, {"study": study}).all()
    # Afterwards: who has answered an alert of the list by then is not left out.
    seen: dict[str, list[dict[str, str]]] = defaultdict(list)
    for alert, name, at in conn.execute(_SEEN, {"study": study}):
        seen[alert].append({"name": name, "at": at.isoformat()})
    return json.dumps(
        [
            {
                "id": one.id,
                "study": study,
                "version": one.version,
                "state": one.state,
                "asks": one.asks,
                "raised_at": one.raised_at.isoformat(),
                "signal": {"id": one.signal_id, "severity": one.severity},
                "warnings": one.warnings,
                "acknowledgements": seen.get(one.id, []),
            }
            for one in found
        ]
    )
