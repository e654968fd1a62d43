"""A study in memory: how it gets there when it was not."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from services.dlt_monitor.memory import Memory, keeping_all
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


class Knot:
    """Something that only the collector can let go."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def full_collections() -> Iterator[Callable[[], int]]:
    """How often the collector has looked at everything since the test began."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    gc.collect()
    gc.freeze()
    gc.callbacks.append(note)
    yield lambda: seen.count(2)
    gc.callbacks.remove(note)
    gc.unfreeze()


def test_while_a_study_is_read_only_what_is_new_is_looked_at(
    full_collections: Callable[[], int],
) -> None:
    def grow() -> list[list[int]]:
        return [[number] for number in range(300_000)]

    with keeping_all():
        gone = weakref.ref(Knot())
        kept = grow()
        assert full_collections() == 0
        assert gone() is None
    kept += grow()
    assert full_collections() > 0
