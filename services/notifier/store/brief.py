"""Every alert of a study in few words, for lists that show who has answered."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

_BRIEF = sa.text(
    """
    SELECT json_build_object(
        'id', alert.id, 'study', alert.study, 'version', alert.version, 'state', alert.state,
        'signal', json_build_object('id', alert.signal_id, 'severity', alert.severity),
        'warnings', alert.warnings,
        'acknowledgements', (
            SELECT coalesce(
                json_agg(json_build_object('name', seen.name, 'at', seen.at) ORDER BY seen.number),
                '[]'
            )
            FROM notifier.acknowledgement AS seen WHERE seen.alert = alert.id
        )
    )::text
    FROM notifier.alert WHERE kind = 'signal' AND study = :study ORDER BY xid, number
    """
)


def alerts_in_brief(conn: Connection, study: str) -> str:
    """A JSON array, oldest first."""
    return f"[{','.join(conn.execute(_BRIEF, {'study': study}).scalars())}]"
