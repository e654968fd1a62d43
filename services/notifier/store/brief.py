"""Every alert of a study in few words, for lists that show who has answered."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

_BRIEF = sa.text(
    """
    WITH answered AS (
        SELECT alert,
            json_agg(json_build_object('name', name, 'at', at) ORDER BY number) AS answers
        FROM notifier.acknowledgement
        WHERE alert IN (SELECT id FROM notifier.alert WHERE study = :study) GROUP BY alert
    )
    SELECT json_build_object(
        'id', id, 'study', study, 'version', version, 'state', state, 'asks', asks,
        'raised_at', raised_at, 'warnings', warnings,
        'signal', json_build_object('id', signal_id, 'severity', severity),
        'acknowledgements', coalesce(answers, '[]')
    )::text
    FROM notifier.alert LEFT JOIN answered ON answered.alert = alert.id
    WHERE kind = 'signal' AND study = :study ORDER BY xid, alert.number
    """
)
"""Written as JSON by the database: this process has one interpreter for all who wait."""


def alerts_in_brief(conn: Connection, study: str) -> str:
    """A JSON array, oldest first."""
    return f"[{','.join(conn.execute(_BRIEF, {'study': study}).scalars())}]"
