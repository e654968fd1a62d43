"""A study in memory: how it gets there when it was not."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from services.dlt_monitor.memory import Memory
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import STUDY, Trial


def may_be_idle(conn: Connection) -> str:
    return str(conn.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar_one())


def test_only_a_study_read_anew_may_keep_its_transaction_idle(
    station: Station, trial: Trial
) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    row, memory = station.row(), Memory()
    with station.engine.begin() as conn:
        usual = may_be_idle(conn)
        memory.put_back(STUDY, memory.take(conn, row))
        assert may_be_idle(conn) == "15min" != usual
    with station.engine.begin() as conn:
        memory.take(conn, row)
        assert may_be_idle(conn) == usual
