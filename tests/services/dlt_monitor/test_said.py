"""What a process remembers of what was said is never used where the database says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from services.dlt_monitor.store import LOCK_SPACE
from shared.contracts.envelope import Fact
from shared.contracts.signals import SignalType
from shared.runtime.clock import ManualClock
from shared.runtime.db import create_engine, lock_studies
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.test_queries import without_unit
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, garbage, message

DAY_10 = DAY_1 + timedelta(days=9)
OVER = DAY_1 + timedelta(days=22)


@pytest.fixture
def elsewhere(new_database: Callable[[], str]) -> Iterator[Engine]:
    """Another database, where every step is taken by a process that remembers nothing."""
    engine = create_engine(new_database(), application_name="tests")
    yield engine
    engine.dispose()


def eventful() -> list[list[Fact]]:
    """Signals raised, withdrawn and raised again; queries opened, closed and opened again."""
    trial = Trial()
    counts, units = ("18", "78", "18", "78", "18"), (None, "10^9/L", None, "bogus")
    return [
        [trial.protocol(), *trial.cohort()],
        *([trial.platelets("1-02", DAY_10, one, revision=n)] for n, one in enumerate(counts, 1)),
        *([without_unit(trial, n, unit)] for n, unit in enumerate(units, 1)),
    ]


def apply(station: Station, facts: Sequence[Fact]) -> None:
    """Hand facts to the monitor as a worker does, without the bus between."""
    with station.engine.begin() as conn:
        lock_studies(conn, [STUDY], space=LOCK_SPACE)
        station.monitor.on_facts(conn, [message(fact) for fact in facts])


def park(station: Station) -> None:
    with station.engine.begin() as conn:
        lock_studies(conn, [STUDY], space=LOCK_SPACE)
        station.monitor.on_parked(conn, garbage(STUDY), "not a fact")


def everything(engine: Engine) -> list[Sequence[object]]:
    """All that was said of the study."""
    with engine.connect() as conn:
        assessed = conn.execute(
            sa.text("SELECT number, facts, cause, digest, document FROM dlt_monitor.assessment")
        ).all()
        signals = conn.execute(
            sa.text("SELECT number, id, assessment, document FROM dlt_monitor.signal")
        ).all()
        turns = conn.execute(
            sa.text(
                "SELECT assessment, event, site, answers::text, document"
                " FROM dlt_monitor.query_turn ORDER BY assessment, query, number"
            )
        ).all()
    return [sorted(assessed), sorted(signals), turns]


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_in_turns_say_what_new_ones_would(
    engine: Engine, elsewhere: Engine, processes: int
) -> None:
    clock = ManualClock(at(DAY_10))
    turns = cycle([Station(engine, clock) for _ in range(processes)])
    for facts in eventful():
        apply(next(turns), facts)
        apply(Station(elsewhere, clock), facts)
    assert everything(engine) == everything(elsewhere)
    said = [one.type for one in Station(engine, clock).signals() if one.subject == "1-02"]
    assert said.count(SignalType.DLT_CANDIDATE) == 3
    assert said.count(SignalType.DLT_WITHDRAWN) == 2


def test_what_another_process_said_without_a_fact_is_seen(
    engine: Engine, elsewhere: Engine
) -> None:
    clock = ManualClock(at(DAY_10))
    one, other = Station(engine, clock), Station(engine, clock)
    for number, facts in enumerate(eventful()):
        apply(one, facts)
        apply(Station(elsewhere, clock), facts)
        if number == 3:
            park(other)
            park(Station(elsewhere, clock))
    assert everything(engine) == everything(elsewhere)


@contextmanager
def lost_at_commit(engine: Engine) -> Iterator[None]:
    """The database goes away when everything is done but the commit."""

    def refuse(_conn: object) -> None:
        raise ConnectionError

    sa.event.listen(engine, "commit", refuse)
    try:
        with pytest.raises(ConnectionError):
            yield
    finally:
        sa.event.remove(engine, "commit", refuse)


def test_what_a_lost_deadline_said_was_not_said(engine: Engine, elsewhere: Engine) -> None:
    """No fact came, so the facts in memory are still those of the database: what was said is
    not, and another process says as much of its own."""
    clock, trial = ManualClock(at(DAY_1)), Trial()
    base = [trial.protocol(), *trial.cohort()]
    more = [trial.platelets("1-01", OVER, "180"), trial.platelets("1-02", OVER, "20")]
    one, other = Station(engine, clock), Station(engine, clock)
    apply(one, base)
    clock.set(at(OVER))
    with lost_at_commit(engine):
        one.tick()
    park(other)
    apply(one, more)

    clock.set(at(DAY_1))
    apply(Station(elsewhere, clock), base)
    clock.set(at(OVER))
    park(Station(elsewhere, clock))
    apply(Station(elsewhere, clock), more)
    assert everything(engine) == everything(elsewhere)
    assert Station(engine, clock).assessment().degraded


def test_what_a_lost_batch_said_is_said_by_the_next(engine: Engine, elsewhere: Engine) -> None:
    clock = ManualClock(at(DAY_10))
    one = Station(engine, clock)
    for facts in eventful():
        with lost_at_commit(engine):
            apply(one, facts)
        apply(one, facts)
        apply(Station(elsewhere, clock), facts)
    assert everything(engine) == everything(elsewhere)
