"""The facts of studies folded for readers, who never share memory with the writers: the writers'
facts may still be rolled back.

Reading a large study takes longer than anybody waits for a page. So a thread reads ahead, and who
asks meanwhile is told that it is still being read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from services.dlt_monitor.memory import MOST_STUDIES, stored_facts
from services.dlt_monitor.store import studies
from services.dlt_monitor.store.studies import StudyRow
from shared.clinical import Study
from shared.contracts.envelope import read_fact
from shared.runtime.heap import adding_what_lasts, let_go
from shared.runtime.polling import Polling
from shared.runtime.telemetry import get_logger
from shared.runtime.turns import giving_way

log = get_logger(__name__)

MOST_AT_ONCE = 5_000
"""Facts that are folded while somebody waits for the answer: less than a second's work."""
PATIENCE_SECONDS = 0.5
"""How long an answer waits for the thread that reads ahead."""
_LOOK_SECONDS = 0.1
_STOP_SECONDS = 5.0


class StillReading(Exception):
    """The study's records are being read; its stored assessment can be had, nothing else yet."""


@dataclass(slots=True)
class Folded:
    """A study with its first ``through`` facts; of the first ``prepared`` nothing is left to be
    worked out that every answer needs."""

    study: Study
    through: int = 0
    prepared: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    progress: threading.Condition = field(default_factory=threading.Condition)

    def catch_up(self, conn: Connection, row: StudyRow) -> None:
        """Fold what was stored since. Needs the lock."""
        after = self.through
        for facts in stored_facts(conn, row.study, after=after, through=max(after, row.facts)):
            self.study.add(facts)
            self.through += len(facts)

    def note_prepared(self) -> None:
        """Whoever waits for the thread that reads ahead may go on."""
        with self.progress:
            self.prepared = self.through
            self.progress.notify_all()


class Folding:
    """The studies held for readers. One per process, shared by all request threads.

    ``prepare`` works out of a study just read what most answers need and what takes long, before
    the study can be had: afterwards everybody would wait for its lock meanwhile.
    """

    def __init__(
        self,
        prepare: Callable[[Connection, StudyRow, Folded], None],
        *,
        most_at_once: int = MOST_AT_ONCE,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._prepare = prepare
        self._most_at_once, self._patience = most_at_once, patience
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Folded] = OrderedDict()
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._listed = False
        self._ahead: Polling | None = None

    @contextmanager
    def folded(
        self, conn: Connection, row: StudyRow, *, patience: float | None = None
    ) -> Iterator[Folded]:
        """The study with every fact of the row, for as long as the context lasts. Raises
        StillReading, after ``patience`` seconds where that is not the usual."""
        held = self._of(row.study)
        if self._ahead is not None and row.facts - held.prepared > self._most_at_once:
            self._wait_for(held, row, self._patience if patience is None else patience)
        with held.lock:
            held.catch_up(conn, row)
            held.note_prepared()
            yield held

    def read_ahead(self, engine: Engine) -> None:
        """Start the thread, which reads every study there is and then those that are wanted."""
        self._ahead = Polling(
            "monitor-read-ahead",
            lambda: self._turn(engine),
            on_error=lambda error: log.error("a study could not be read ahead", exc_info=error),
        )
        self._ahead.start()

    def stop(self) -> None:
        """End the thread after the study it reads."""
        if self._ahead is not None:
            self._ahead.stop(_STOP_SECONDS)

    def _of(self, study: str) -> Folded:
        with self._lock:
            held = self._held.setdefault(study, Folded(Study(study)))
            self._held.move_to_end(study)
            while len(self._held) > MOST_STUDIES:
                self._held.popitem(last=False)
                let_go()
            return held

    def _wait_for(self, held: Folded, row: StudyRow, patience: float) -> None:
        with self._lock:
            self._wanted[row.study] = None
        with held.progress:
            enough = row.facts - self._most_at_once
            if not held.progress.wait_for(lambda: held.prepared >= enough, patience):
                raise StillReading

    def _turn(self, engine: Engine) -> float:
        if not self._listed:
            with engine.connect() as conn, self._lock:
                self._wanted.update(dict.fromkeys(studies.all_studies(conn)[:MOST_STUDIES]))
            self._listed = True
        with self._lock:
            study = next(iter(self._wanted), None)
        if study is None:
            return _LOOK_SECONDS
        with engine.connect() as conn:
            row = studies.study_row(conn, study)
            if row is not None:
                self._read(conn, row)
        with self._lock:
            self._wanted.pop(study, None)
        return 0

    def _read(self, conn: Connection, row: StudyRow) -> None:
        """Where that takes longer than an answer may take."""
        held = self._of(row.study)
        with held.lock:
            if row.facts - held.prepared <= self._most_at_once:
                return
            with giving_way(), adding_what_lasts():
                held.catch_up(conn, row)
                self._prepare(conn, row, held)
            held.note_prepared()


def one_subject(conn: Connection, row: StudyRow, usubjid: str) -> Study:
    """The study with its own facts and those of one subject alone. Another subject's say nothing of
    this one's records; what the study makes of them all is in its assessments."""
    study = Study(row.study)
    about = studies.facts_about(conn, row.study, usubjid, through=row.facts)
    study.add(map(read_fact, about))
    return study
