"""A study in memory: how it gets there when it was not."""

from __future__ import annotations

import subprocess
import sys

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


READING = """
import gc, weakref
from services.dlt_monitor.memory import keeping_all

class Knot:
    "Something that only the collector can let go."
    def __init__(self):
        self.me = self

def grow():
    return [[number] for number in range(300_000)]

seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]))
with keeping_all():
    gone = weakref.ref(Knot())
    kept = grow()
    assert gone() is None, "what is new is looked at"
    assert 2 not in seen, "and not what there was"
kept += grow()
assert 2 in seen, "as it is afterwards"
"""


def test_while_a_study_is_read_only_what_is_new_is_looked_at() -> None:
    # In a process of its own: the more one holds, the rarer the collector looks at all of it.
    subprocess.run([sys.executable, "-c", READING], check=True)
