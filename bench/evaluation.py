"""What evaluating costs: one new result on a study of 60 subjects and 100,000 facts, and replay.

The replay's baseline is reading and parsing the same facts without evaluating them, in the same
run. The whole replay is done as `vigil replay` does it, by as many processes, and by the clock: an
otherwise quiet machine shows what it can. Beside it the CPU time, which says less about what else
the machine does, of all processes and of the parts in one; a new result's wall time with a real
database.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from statistics import median
from typing import Any, TypeVar

from sqlalchemy import Engine

from bench.large_study import records
from bench.systems import Ground
from services import HISTORIES
from services.cli.replay_halves import replayed
from services.demo.records import LABORATORY, event
from services.demo.replay import facts_of, protocol_fact
from services.dlt_monitor.monitor import GROUP, Monitor
from shared.clinical import Study
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact, read_fact
from shared.contracts.topics import FACTS
from shared.runtime.bus import Message
from shared.runtime.clock import ManualClock
from shared.runtime.db import create_engine, migrate
from shared.runtime.heap import leaving_out_what_lasts, uncollected
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.worker import Worker

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Size:
    """How many subjects and facts, and how many new results are timed one by one."""

    subjects: int
    facts: int
    results: int


ROUNDS = 3
"""Whole replays, of which the median counts."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Seconds of a whole replay by the clock, beside those of reading alone right before it, and of
    CPU in this process and in the other one, if there was one."""

    taken: float
    read: float
    cpu: float
    other_cpu: float


@dataclass(frozen=True, slots=True)
class Commit:
    """Milliseconds from a fact on the topic to its assessment and signals committed: by the clock,
    of CPU in this process, and of collecting garbage."""

    wall: float
    cpu: float
    collecting: float


@dataclass(frozen=True, slots=True)
class Result:
    """Whole replays, CPU seconds of each part of one in one process, and milliseconds of each new
    result."""

    facts: int
    replays: list[Replay]
    read: float
    fold: float
    assess: float
    core: list[float]
    committed: list[Commit]

    @property
    def rates(self) -> list[float]:
        """Facts a second of each replay, by the clock."""
        return [self.facts / one.taken for one in self.replays]

    @property
    def ratio(self) -> float:
        """Of a replay to reading alone, by the clock."""
        return median(one.taken / one.read for one in self.replays)


def measure(ground: Ground, size: Size) -> Result:
    """A replay from the log's own documents, then new results on the replayed study."""
    facts = facts_of(records(size.subjects, size.facts))
    logged = [protocol_fact(facts[0].known_at - timedelta(days=1)), *facts]
    new = _new_results(facts, size.results)
    with leaving_out_what_lasts():  # as the servers do
        # First, as a server never forks: after a fork each page costs a fault when it is written.
        committed = _committed(ground, logged, new)
    gc.collect()
    documents = [fact.model_dump_json().encode() for fact in logged]
    with uncollected():
        read, again = _timed(lambda: [read_fact(text) for text in documents])
        study = Study(facts[0].study)
        fold, _ = _timed(lambda: study.add(again))
        assess, assessed = _timed(lambda: _assess(study, facts[-1]))
        replays = [_replay(documents, assessed) for _ in range(ROUNDS)]
    with leaving_out_what_lasts():
        gc.collect()
        core = [_taken(study, fact) for fact in new]
    return Result(len(facts), replays, read, fold, assess, core, committed)


def _taken(study: Study, fact: Fact) -> float:
    """CPU milliseconds for a new result."""
    begun = time.process_time()
    study.add([fact])
    _assess(study, fact)
    return (time.process_time() - begun) * 1e3


def _replay(documents: Sequence[bytes], expected: Assessment) -> Replay:
    """As `vigil replay` does it; it has to say what is ``expected``."""
    begun = time.perf_counter()
    for text in documents:
        read_fact(text)
    read, before, begun = time.perf_counter() - begun, os.times(), time.perf_counter()
    found = replayed(
        expected.study,
        documents,
        lambda lines: map(read_fact, lines),
        lambda study, _, last: study.assess(as_of=last),
    )
    taken, after = time.perf_counter() - begun, os.times()
    if found.digest != expected.digest:
        raise RuntimeError("a replay says something else")
    spent = [now - then for now, then in zip(after[:4], before[:4], strict=True)]
    return Replay(taken, read, sum(spent[:2]), sum(spent[2:]))


def _assess(study: Study, last: Fact) -> Assessment:
    assessment = study.assess(as_of=last.known_at)
    study.next_deadline(last.known_at)
    return assessment


def _new_results(facts: Sequence[Fact], number: int) -> list[Fact]:
    """Results of the subjects in order of nothing in particular, one every few minutes."""
    random, last = Random(2), facts[-1].known_at
    sampled = [fact for fact in facts if fact.kind == "lab" and fact.op == "upsert"]
    return facts_of(_again(one, last, n) for n, one in enumerate(random.sample(sampled, number), 1))


def _again(fact: Fact, last: Any, number: int) -> dict[str, Any]:
    known = last + timedelta(minutes=5 * number)
    data = fact.data | {"LBDTC": (known - timedelta(hours=2)).isoformat(timespec="minutes")}
    return event("lab", LABORATORY, f"new/{number}", known, data)


def _committed(ground: Ground, facts: Sequence[Fact], new: Sequence[Fact]) -> list[Commit]:
    """Each new result on a study that is in the database."""
    # On a busy machine all grades of so many facts take long to publish at once.
    engine = create_engine(
        ground.new_database("evaluation"), application_name="bench", statement_timeout_ms=600_000
    )
    for package in HISTORIES:
        migrate(engine, package)
    bus, clock = PostgresBus(engine), ManualClock(facts[-1].known_at)
    monitor = Monitor(bus, clock)
    worker = Worker(
        engine=engine,
        bus=bus,
        topic=FACTS.name,
        group=GROUP,
        handle=monitor.on_facts,
        clock=clock,
        batch_limit=len(facts),
    )
    try:
        _publish(engine, bus, facts)
        while worker.run_once():
            pass
        _settle(engine)
        taken = []
        for fact in new:
            clock.set(fact.known_at)
            _publish(engine, bus, [fact])
            taken.append(_one_commit(worker))
        return taken
    finally:
        worker.close()
        bus.close()
        engine.dispose()


def _settle(engine: Engine) -> None:
    """What 100,000 facts at once leave to be done is not a single result's."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE")
        conn.exec_driver_sql("CHECKPOINT")
    gc.collect()


def _one_commit(worker: Worker) -> Commit:
    with _collecting() as collecting:
        wall, cpu = time.perf_counter(), time.process_time()
        while worker.run_once():
            pass
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Commit(wall * 1e3, cpu * 1e3, sum(collecting) * 1e3)


@contextmanager
def _collecting() -> Iterator[list[float]]:
    """Seconds of each collection meanwhile."""
    taken: list[float] = []
    begun = 0.0

    def note(phase: str, _: dict[str, int]) -> None:
        nonlocal begun
        if phase == "start":
            begun = time.perf_counter()
        else:
            taken.append(time.perf_counter() - begun)

    gc.callbacks.append(note)
    try:
        yield taken
    finally:
        gc.callbacks.remove(note)


def _publish(engine: Engine, bus: PostgresBus, facts: Iterable[Fact]) -> None:
    messages = [
        Message(FACTS.name, fact.study, fact.fact_id, fact.model_dump_json().encode())
        for fact in facts
    ]
    with engine.begin() as conn:
        bus.publish(conn, messages)


def _timed(work: Callable[[], Found]) -> tuple[float, Found]:
    begun = time.process_time()
    found = work()
    return time.process_time() - begun, found


def lines(found: Result) -> Iterator[str]:
    """What was found, in words."""
    each, replay = 1e6 / found.facts, sorted(found.replays, key=lambda one: one.taken)[ROUNDS // 2]
    rates = sorted(found.rates)
    yield (
        f"replay of {found.facts} facts, by the clock: {median(rates):.0f} facts/s"
        f" [{rates[0]:.0f} to {rates[-1]:.0f}]; aim 20000 facts/s"
    )
    alone = replay.read * each
    yield f"  {found.ratio:.1f} times reading and parsing alone ({alone:.0f} µs a fact)"
    yield (
        f"  CPU: {replay.cpu * each:.0f} µs a fact in this process,"
        f" {replay.other_cpu * each:.0f} in a second one"
    )
    yield (
        f"  in one process, CPU: read {found.read * each:.0f}, fold {found.fold * each:.0f},"
        f" assess {found.assess * each:.0f} µs a fact"
    )
    yield (
        f"  a new result, core, CPU: median {median(found.core):.0f} ms,"
        f" worst {max(found.core):.0f} ms"
    )
    wall, worst = [one.wall for one in found.committed], max(found.committed, key=_wall)
    yield (
        f"  committed, wall: median {median(wall):.0f} ms, worst {worst.wall:.0f} ms, of which"
        f" {worst.cpu:.0f} ms CPU here and {worst.collecting:.0f} ms collecting garbage"
    )
    yield f"  committed, CPU here: median {median(one.cpu for one in found.committed):.0f} ms"
    yield "  aim: committed within 50 ms at the median"


def _wall(commit: Commit) -> float:
    return commit.wall
