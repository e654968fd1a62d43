"""What happens when facts arrive, when time passes, and when a message could not be applied.

Each of the three ends in the same step: assess the study, compare with the signals that stand,
keep and publish what is new, all in the caller's transaction and under the study's lock.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from services.dlt_monitor import query_life
from services.dlt_monitor.memory import HeldStudy, Memory
from services.dlt_monitor.store import LOCK_SPACE, grades, outputs, studies
from services.dlt_monitor.store.grades import Panels, Told
from services.dlt_monitor.store.studies import StudyRow
from shared.clinical import DocumentError, Protocol, compare
from shared.clinical.study import ENGINE
from shared.contracts.assessment import Assessment, document_of
from shared.contracts.envelope import Fact, read_fact
from shared.contracts.facts import STUDY_KINDS
from shared.contracts.graded import GradedResult
from shared.contracts.signals import Signal
from shared.contracts.topics import ASSESSMENTS, GRADED, SIGNALS
from shared.runtime.bus import MAX_MESSAGE_BYTES, Bus, Message
from shared.runtime.clock import Clock
from shared.runtime.db import is_outage, lock_studies
from shared.runtime.telemetry import get_logger
from shared.runtime.worker import Poison

log = get_logger(__name__)

GROUP = LOCK_SPACE
"""The consumer group, and the name of the study locks: worker and ticker must share it."""

Cause = Literal["facts", "deadline", "engine", "parked", "replayed"]
TICK_FAILED = "tick"
"""Stands for a message id where it was not a message but the passing of time that failed."""

MOST_FINDINGS = 5

RETRY_SECONDS = 30.0
"""How long a study whose deadline could not be assessed is left alone by this process."""


class Monitor:
    """The writer of the schema `dlt_monitor`. One per process; any number of processes."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._memory = Memory()
        self._failed: dict[str, float] = {}
        self.last_known_at: datetime | None = None
        """When the latest fact this process has been given was known."""

    # -- facts ------------------------------------------------------------------------------------

    def on_facts(self, conn: Connection, messages: Sequence[Message]) -> None:
        """Handler of ``vigil.facts.v1``: one assessment per study, however many facts.

        Raises Poison for a message that is not a fact of its study, or a protocol document that
        can't be read. Needs the locks of all studies of the batch.
        """
        by_study: dict[str, list[tuple[Message, Fact]]] = {}
        for message in messages:
            by_study.setdefault(message.key, []).append((message, _fact(message)))
        for study, arrivals in by_study.items():
            self._apply(conn, study, arrivals)

    def _apply(
        self, conn: Connection, study: str, arrivals: Sequence[tuple[Message, Fact]]
    ) -> None:
        now = self._clock.now()
        row = studies.make_study_row(conn, study)
        held = self._memory.take(conn, row)
        new = {
            fact.fact_id: (fact, message.value)
            for message, fact in arrivals
            if fact.fact_id not in held.subjects
        }
        arrived = [message.id for message, _ in arrivals]
        recovered = row.degraded and studies.recover(conn, study, arrived, now)
        if new or recovered:
            facts = [fact for fact, _ in new.values()]
            known = sorted(fact.known_at for fact in facts) or [now]
            self.last_known_at = known[-1]
            row = self._pass_deadlines(conn, row, held, before=min(now, known[0]))
            row = self._add(conn, row, held, list(new.values()))
            cause: Cause = "replayed" if recovered else "facts"
            row = self._assess(conn, row, held, max(now, known[-1]), cause, facts)
            studies.save_study_row(conn, row)
        self._memory.put_back(study, held)

    def _add(
        self,
        conn: Connection,
        row: StudyRow,
        held: HeldStudy,
        new: Sequence[tuple[Fact, bytes]],
    ) -> StudyRow:
        if not new:
            return row
        before = held.study.protocol
        try:
            held.add([fact for fact, _ in new])
        except DocumentError as error:
            raise Poison(_refusal(error)) from None
        except ValueError:
            raise Poison("the data of a fact do not keep to the contract of its kind") from None
        studies.add_facts(conn, row.study, row.facts, new)
        if held.study.protocol is not None:
            self._grade(conn, held, _to_grade(held, before, [fact for fact, _ in new]))
        return replace(row, facts=row.facts + len(new), facts_token=held.token)

    def _pass_deadlines(
        self, conn: Connection, row: StudyRow, held: HeldStudy, before: datetime
    ) -> StudyRow:
        """Say first what time alone had changed before the facts to come were known."""
        while row.next_deadline is not None and row.next_deadline < before:
            row = self._assess(conn, row, held, row.next_deadline, "deadline")
        return row

    def _grade(self, conn: Connection, held: HeldStudy, subjects: Collection[str]) -> None:
        """Keep and publish what has changed in the grades of these subjects, each as the next
        version of its result."""
        study = held.study.study
        changed: list[tuple[GradedResult, str]] = []
        for subject in sorted(subjects):
            if subject not in held.told:
                held.told[subject] = grades.told(conn, study, subject)
            told, panels = held.told[subject], held.study.graded_by_panel(subject)
            for result in _changes(told, held.shown.get(subject), panels):
                told[result.id] = result
                changed.append((result, result.model_dump_json()))
            held.shown[subject] = panels
        grades.add_grades(conn, changed)
        self._bus.publish(
            conn,
            [
                Message(GRADED.name, study, f"{result.id}/{result.version}", document.encode())
                for result, document in changed
            ],
        )

    # -- time -------------------------------------------------------------------------------------

    def on_tick(self, engine: Engine, now: datetime) -> int:
        """Assess every study whose deadlines have come, each at its deadline, oldest first, and
        every study whose assessment another version of the clinical engine has made, now.

        One transaction per deadline, so that nobody waits long for the study. Returns the number
        of assessments. A study that fails is marked degraded; the others go on. Raises outages.
        """
        with engine.connect() as conn:
            due = studies.due_studies(conn, now, ENGINE)
        count = 0
        for study in due:
            if self._failed.get(study, 0.0) + RETRY_SECONDS > time.monotonic():
                continue
            while self._tick(engine, study, now):
                count += 1
        return count

    def _tick(self, engine: Engine, study: str, now: datetime) -> bool:
        try:
            with engine.begin() as conn:
                lock_studies(conn, [study], space=LOCK_SPACE)
                done = self._assess_if_due(conn, study, now)
        except Exception as error:
            if is_outage(error):
                raise
            log.error("a deadline could not be assessed", exc_info=error)
            self._failed[study] = time.monotonic()
            with engine.begin() as conn:
                lock_studies(conn, [study], space=LOCK_SPACE)
                studies.degrade(
                    conn, study, TICK_FAILED, "a deadline could not be assessed", since=now
                )
            return False
        self._bus.wake()
        return done

    def _assess_if_due(self, conn: Connection, study: str, now: datetime) -> bool:
        row = studies.study_row(conn, study)
        at, cause = _due(row, now)
        if row is None or at is None:
            # Another process, or a batch of facts, was faster.
            return False
        held = self._memory.take(conn, row)
        if cause == "engine":
            self._grade(conn, held, held.study.people())
        row = self._assess(conn, row, held, at, cause)
        studies.save_study_row(conn, row)
        if cause != "engine":
            # Grades told in a transaction that may still fail: no new fact changes the token.
            self._memory.put_back(study, held)
        return True

    # -- what could not be applied ----------------------------------------------------------------

    def on_parked(self, conn: Connection, message: Message, reason: str) -> None:
        """Mark the message's study as degraded and say so; called in the parking transaction."""
        now = self._clock.now()
        row = studies.make_study_row(conn, message.key)
        studies.degrade(conn, message.key, message.id, reason, since=now)
        row = replace(row, degraded=True)
        try:
            with conn.begin_nested():
                held = self._memory.take(conn, row)
                row = self._assess(conn, row, held, now, "parked")
                studies.save_study_row(conn, row)
                self._memory.put_back(message.key, held)
        except Exception as error:
            if is_outage(error):
                raise
            # Parking must succeed whatever is wrong with the study: the mark alone says enough.
            log.error("a degraded study could not be assessed", exc_info=error)

    # -- the step all of them end in --------------------------------------------------------------

    def _assess(
        self,
        conn: Connection,
        row: StudyRow,
        held: HeldStudy,
        at: datetime,
        cause: Cause,
        new: Sequence[Fact] = (),
    ) -> StudyRow:
        """Assess at `at`, never before the assessment that went before, after facts `new` since;
        the row to be saved."""
        study, protocol = held.study, held.study.protocol
        if protocol is None:
            return row
        # In UTC: the digest covers the instant as it is written.
        as_of = (at if row.as_of is None else max(at, row.as_of)).astimezone(UTC)
        assessment = study.assess(
            as_of=as_of,
            known_at=as_of,
            degraded=row.degraded and self._degraded(conn, row.study),
            applied_through=str(row.facts),
        )
        said, number = held.what_was_said(conn), row.assessments + 1
        raised = partial(said.times_raised, conn)
        rules = study.rule_versions(as_of)
        sent = compare(said.signals, assessment, raised, study.site_of, rules)
        signals = [(signal, signal.model_dump_json()) for signal in sent]
        document = document_of(assessment)
        outputs.add_assessment(
            conn,
            number=number,
            facts=row.facts,
            assessment=assessment,
            cause=cause,
            made_at=self._clock.now(),
            document=document,
        )
        outputs.add_signals(conn, row.study, row.signals, signals, number)
        turns = query_life.follow(conn, study, said.queries, assessment, number, new)
        self._publish(conn, assessment, number, document, signals)
        said.take_in(sent, turns)
        row = replace(
            row,
            assessments=number,
            signals=row.signals + len(signals),
            as_of=as_of,
            next_deadline=study.next_deadline(as_of),
            summary=summary(protocol, assessment),
            said_token=uuid4(),
        )
        held.last_said = row.last_said
        return row

    def _degraded(self, conn: Connection, study: str) -> bool:
        """Whether something is missing; an assessment that succeeds ends a failed tick."""
        missing = set(studies.degraded_now(conn, [study]).get(study, {}))
        if TICK_FAILED in missing:
            studies.recover(conn, study, [TICK_FAILED], self._clock.now())
        return bool(missing - {TICK_FAILED})

    def _publish(
        self,
        conn: Connection,
        assessment: Assessment,
        number: int,
        document: str,
        signals: Sequence[tuple[Signal, str]],
    ) -> None:
        study = assessment.study
        messages = [
            Message(SIGNALS.name, study, signal.id, text.encode()) for signal, text in signals
        ]
        value = document.encode()
        if len(value) <= MAX_MESSAGE_BYTES:
            messages.append(Message(ASSESSMENTS.name, study, f"{study}/{number}", value))
        else:
            log.warning("an assessment is too large for the event log", bytes=len(value))
        self._bus.publish(conn, messages)


def summary(protocol: Protocol, assessment: Assessment) -> dict[str, Any]:
    """A study in one line: what the list of studies shows of its assessment."""
    return {
        "title": protocol.title,
        "synthetic": protocol.synthetic,
        "protocol_version": assessment.protocol_version,
        "ctcae": assessment.ctcae,
        "status": assessment.status,
        "degraded": assessment.degraded,
        "action": assessment.recommendation.action,
        "dose_level": assessment.recommendation.dose_level,
        "as_of": assessment.as_of.isoformat(),
        "digest": assessment.digest,
        "engine": assessment.engine,
    }


def _due(row: StudyRow | None, now: datetime) -> tuple[datetime | None, Cause]:
    """When a study is to be assessed without new facts, and why; None if it need not be."""
    if row is None or row.summary is None:
        return None, "deadline"
    if row.next_deadline is not None and row.next_deadline <= now:
        return row.next_deadline, "deadline"
    return (now if row.summary["engine"] != ENGINE else None), "engine"


def _fact(message: Message) -> Fact:
    try:
        fact = read_fact(message.value)
    except ValidationError:
        raise Poison("not a fact of this contract") from None
    if fact.study != message.key:
        raise Poison("a fact of another study than its key says")
    return fact


def _to_grade(held: HeldStudy, before: Protocol | None, new: Sequence[Fact]) -> set[str]:
    """Whose grades may have changed: the new facts' subjects', as any record may name the site and
    so the time zone, and everybody's where the protocol has."""
    if held.study.protocol is not before:
        return set(held.study.people())
    return {fact.subject for fact in new if fact.kind not in STUDY_KINDS}


def _changes(told: Told, shown: Panels | None, panels: Panels) -> Iterator[GradedResult]:
    """The next version of each result that says something else than before, or stands no more. A
    panel that was ``shown`` and is the same object still says the same."""
    then, now = {id(panel) for panel in shown or ()}, {id(panel) for panel in panels}
    found = [one for panel in panels if id(panel) not in then for one in panel]
    left = set(told)
    if shown is not None:
        left = {one.id for panel in shown if id(panel) not in now for one in panel}
    for result in found:
        before = told.get(result.id)
        if before is None:
            yield result
        elif before is not result and not before.says_the_same(result):
            yield result.model_copy(update={"version": before.version + 1})
    for gone in left - {result.id for result in found}:
        before = told[gone]
        if not before.withdrawn:
            yield before.model_copy(update={"version": before.version + 1, "withdrawn": True})


def _refusal(error: DocumentError) -> str:
    """Where the protocol document is at fault; its words stay out of a reason that is shown."""
    places = [f"line {finding.line} ({finding.path or 'document'})" for finding in error.findings]
    shown = ", ".join(places[:MOST_FINDINGS])
    more = len(places) - MOST_FINDINGS
    return f"protocol document refused: {shown}" + (f" and {more} more" if more > 0 else "")
