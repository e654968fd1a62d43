"""Every alert of a study in few words, for lists that show who has answered."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

_BRIEF = sa.text(
    """
    WITH answered AS (
        SELECT alert,
            json_agg(json_build_object('name', name, 'at', at) ORDER BY number) AS answers
        FROM notifier.acknowledgement
        WHERE alert IN (SELECT id FROM notifier.alert WHERE study = :study) GROUP BY alert
    ), brief AS MATERIALIZED (
        SELECT xid, alert.number, id, study, version, state, asks, raised_at, warnings, signal_id,
            severity, coalesce(answers, '[]') AS answers
        FROM notifier.alert LEFT JOIN answered ON answered.alert = alert.id
        WHERE kind = 'signal' AND study = :study
    ), named AS (
        SELECT encode(sha256(convert_to(concat(CAST(:beside AS text), string_agg(
            concat_ws('|', id, version, state, asks, extract(epoch FROM raised_at), signal_id,
                severity, warnings, answers), ',' ORDER BY xid, number)), 'UTF8')), 'hex') AS name
        FROM brief
    )
    SELECT name, CASE WHEN name <> :known THEN (
        SELECT coalesce(string_agg(CAST(json_build_object(
            'id', id, 'study', study, 'version', version, 'state', state, 'asks', asks,
            'raised_at', raised_at, 'warnings', warnings,
            'signal', json_build_object('id', signal_id, 'severity', severity),
            'acknowledgements', answers
        ) AS text), ',' ORDER BY xid, number), '') FROM brief
    ) END AS document
    FROM named
    """
)
"""Written as JSON by the database: this process has one interpreter for all who wait. In one
statement, so that the name is of what is written, whatever happens meanwhile."""


@dataclass(frozen=True, slots=True)
class Brief:
    """``name`` is another as soon as anything in the list is another; ``document``: a JSON array,
    oldest first, None where the name is the one that was known."""

    name: str
    document: str | None


def alerts_in_brief(conn: Connection, study: str, *, beside: str, known: str) -> Brief:
    """``beside`` is told together with the list, and named with it; ``known`` is the name of what
    the reader has, empty for nothing."""
    values = {"study": study, "beside": beside, "known": known}
    row = conn.execute(_BRIEF, values).one()
    return Brief(row.name, None if row.document is None else f"[{row.document}]")
