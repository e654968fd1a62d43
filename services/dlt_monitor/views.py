"""What readers see: the current assessment, a past one, and whether either can be relied on.

Readers fold the committed facts for themselves and never share memory with the writers, whose
facts may still be rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from types import MappingProxyType

from sqlalchemy import Connection, Engine

from services.dlt_monitor.answers import Answers
from services.dlt_monitor.folding import MOST_AT_ONCE, Folded, Folding, StillReading, one_subject
from services.dlt_monitor.store import outputs, studies
from services.dlt_monitor.store.outputs import StoredAssessment
from services.dlt_monitor.store.studies import StudyRow
from shared.clinical import Room, Study
from shared.clinical.figures import figures_of
from shared.contracts.assessment import Assessment
from shared.runtime.clock import Clock
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

Work = Callable[[Study, Assessment], str | None]
"""What makes an answer of a study and one of its assessments; None where there is nothing."""


class NoProtocol(LookupError):
    """The study has no protocol at that time, so there is nothing to assess by."""


class NoVersion(LookupError):
    """The study has no such version of its protocol at that time."""


class NotYet(ValueError):
    """An instant in the future: what will be known then cannot be said."""


@dataclass(frozen=True)
class View:
    """One assessment as handed out: its JSON text, the facts it rests on, whether it knows that
    something is missing, and the object for those who need more."""

    document: str
    facts: int
    degraded: bool

    @cached_property
    def assessment(self) -> Assessment:
        return Assessment.model_validate_json(self.document)

    def __len__(self) -> int:
        """What keeping it weighs, in characters: the object takes seven times its text."""
        return 8 * len(self.document)


class Views:
    """Evaluates for readers. One per process, shared by all request threads. ``ahead``: questions
    whose answers are worked out for a study of more than ``most_at_once`` facts that was read."""

    def __init__(
        self,
        clock: Clock,
        ahead: Mapping[str, Work] = MappingProxyType({}),
        *,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._clock, self._ahead = clock, ahead
        self._folding = Folding(self._prepare, most_at_once=most_at_once)
        self._answers = Answers()

    def read_ahead(self, engine: Engine) -> None:
        """Begin to read every study there is, so that nobody has to wait for it."""
        self._folding.read_ahead(engine)

    def stop(self) -> None:
        """End what `read_ahead` has begun."""
        self._folding.stop()

    def current(self, conn: Connection, row: StudyRow) -> View:
        """The study now: the stored assessment, or a new view if a deadline has passed since.

        Raises NoProtocol.
        """
        now = self._clock.now()
        if row.summary is not None and row.next_deadline is not None and row.next_deadline <= now:
            return self._at(conn, row, as_of=now, known_at=now)
        return self.last(conn, row)

    def last(self, conn: Connection, row: StudyRow) -> View:
        """The stored assessment, whatever time has changed since. Raises NoProtocol."""
        if row.summary is None:
            raise NoProtocol
        key = row.study, "current", row.assessments, row.summary["digest"]
        return self._answers.get(key, lambda: _latest(conn, row))

    def at(
        self,
        conn: Connection,
        row: StudyRow,
        as_of: datetime | date | None,
        known_at: datetime | date | None,
        version: str | None = None,
    ) -> View:
        """The study at `as_of` by what was known at `known_at`, by the protocol in force then or by
        another version of it.

        A bare date means its end in the study's time zone, and today's means now; `as_of` defaults
        to `known_at`, that to now. Raises NoProtocol, NoVersion, and NotYet for an instant in the
        future.
        """
        latest = self._clock.now() if row.as_of is None else max(self._clock.now(), row.as_of)
        known = self._instant(conn, row, known_at, latest)
        seen = known if as_of is None else self._instant(conn, row, as_of, latest)
        return self._at(conn, row, as_of=seen, known_at=known, version=version)

    def versions(self, conn: Connection, row: StudyRow, known_at: datetime) -> list[str]:
        """The versions of the protocol known at a moment, in the order they came."""
        with self._folding.folded(conn, row) as folded:
            return list(folded.study.versions(known_at))

    def room(self, conn: Connection, study: str, view: View, dose_level: int) -> Room | None:
        """What one more subject at a level has to reckon with today, by at least the facts of the
        view; None where the protocol has no such level. The view may be days old: a gap that ends
        changes no assessment."""
        row = studies.study_row(conn, study)
        assert row is not None
        with self._folding.folded(conn, row) as folded:
            return folded.study.room(dose_level, max(self.now(), view.assessment.as_of))

    @contextmanager
    def folded(self, conn: Connection, study: str) -> Iterator[Study]:
        """The study with every committed fact, for questions that no assessment answers."""
        row = studies.study_row(conn, study)
        assert row is not None
        with self._folding.folded(conn, row) as folded:
            yield folded.study

    def answer(
        self,
        conn: Connection,
        view: View,
        question: Hashable,
        work: Work,
        *,
        about: str | None = None,
    ) -> str | None:
        """What ``work`` makes of the folded study for a view, kept as long as the study has no
        further fact. ``question`` tells the works from each other; ``about``: the USUBJID of the
        only subject whose facts the work looks at, so that it need not wait for the others'."""
        said = view.assessment
        row = studies.study_row(conn, said.study)
        assert row is not None
        try:
            patience = None if about is None else 0.0
            with self._folding.folded(conn, row, patience=patience) as folded:
                return self._answer(folded, said, question, work)
        except StillReading:
            if about is None:
                raise
            subject, key = about, _key(said, row.facts, question)
            return self._answers.get(key, lambda: work(one_subject(conn, row, subject), said))

    def _answer(
        self, folded: Folded, said: Assessment, question: Hashable, work: Work
    ) -> str | None:
        key = _key(said, folded.through, question)
        return self._answers.get(key, lambda: work(folded.study, said))

    def now(self) -> datetime:
        """The time by which a view is current."""
        return self._clock.now()

    def is_overdue(self, row: StudyRow) -> bool:
        """Whether time has changed something that is not assessed yet."""
        return row.next_deadline is not None and row.next_deadline <= self._clock.now()

    def _prepare(self, conn: Connection, row: StudyRow, folded: Folded) -> None:
        """Most answers need every value graded, the figures are made of that; and the answers
        ahead."""
        stored = outputs.latest_assessment(conn, row.study)
        conn.rollback()  # The database would end a transaction that is idle for as long as this.
        if stored is None:
            return
        said = _view_of(stored).assessment
        try:
            if self.is_overdue(row):
                # Whoever asks is shown the study as of now: this leaves little of it to work out.
                now = self._clock.now()
                said = folded.study.assess(as_of=now, known_at=now)
            figures_of(folded.study, said)
            for question, work in self._ahead.items():
                self._answer(folded, said, question, work)
        except Exception as error:
            # Whoever asks for the same is told; the study's other pages are none the worse.
            log.error("answers could not be prepared", exc_info=error)

    def _instant(
        self, conn: Connection, row: StudyRow, given: datetime | date | None, latest: datetime
    ) -> datetime:
        if given is None:
            return latest
        if isinstance(given, datetime):
            if given > latest:
                raise NotYet
            return given.astimezone(UTC)
        with self._folding.folded(conn, row) as folded:
            protocol = folded.study.protocol
            if protocol is None:
                raise NoProtocol
            if given > latest.astimezone(protocol.zone()).date():
                raise NotYet
            return min(protocol.end_of(given), latest).astimezone(UTC)

    def _at(
        self,
        conn: Connection,
        row: StudyRow,
        *,
        as_of: datetime,
        known_at: datetime,
        version: str | None = None,
    ) -> View:
        degraded = studies.degraded_at(conn, row.study, known_at)
        with self._folding.folded(conn, row) as folded:
            facts = folded.through
            if folded.study.protocol_at(known_at) is None:
                raise NoProtocol
            if version is not None and version not in folded.study.versions(known_at):
                raise NoVersion

            def assess() -> View:
                assessment = folded.study.assess(
                    as_of=as_of,
                    known_at=known_at,
                    degraded=degraded,
                    applied_through=str(facts),
                    version=version,
                )
                return View(assessment.model_dump_json(), facts, degraded)

            key = row.study, facts, as_of, known_at, degraded, version
            view = self._answers.get(key, assess)
        # Each time: the transaction of an earlier one may have come to nothing.
        outputs.add_answer(
            conn,
            facts=facts,
            assessment=view.assessment,
            given_at=self._clock.now(),
            document=view.document,
        )
        return view


def _key(said: Assessment, through: int, question: Hashable) -> Hashable:
    """All that an answer about an assessment rests on, with so many facts of its study."""
    return said.study, through, (said.as_of, said.known_at, said.digest), question


def _latest(conn: Connection, row: StudyRow) -> View:
    stored = outputs.latest_assessment(conn, row.study)
    if stored is None:
        raise NoProtocol
    return _view_of(stored)


def _view_of(stored: StoredAssessment) -> View:
    return View(stored.document, stored.facts, stored.degraded)
