"""Holds: what halts enrolment, and what halted it before a correction took the cause away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Protocol as Shape
from typing import TypeVar

from shared.clinical.designs import Answer
from shared.clinical.designs.live import reasons_of
from shared.clinical.escalation.question import (
    FINAL,
    Situation,
    counts_at,
    decide,
    question_of,
    record_of,
)
from shared.clinical.escalation.stopping import Stopping
from shared.clinical.gather import Gather
from shared.clinical.member import Name
from shared.clinical.observations import DEATH
from shared.clinical.protocol import Protocol
from shared.clinical.protocol.design import COHORTS_OF_THEIR_OWN
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import Reason

TOXIC = ("dlt", "dlt_candidate")
Found = TypeVar("Found")
_EVER = datetime(1900, 1, 1, tzinfo=UTC)
_JUST_BEFORE = timedelta(microseconds=1)


class Memory(Shape):
    """What the escalation asks of a study about earlier moments; of the subjects that are held here
    where several processes hold some each, and what ``gathered`` makes of it."""

    @property
    def gathered(self) -> Gather: ...
    def protocol_at(self, known_at: datetime | None) -> Protocol | None: ...
    def rules(self, known_at: datetime | None) -> Sequence[tuple[datetime, Protocol | None]]: ...
    def amended(self, known_at: datetime) -> list[datetime]: ...
    def people(self) -> Sequence[str]: ...
    def states_then(self, protocol: Protocol, moment: datetime) -> Sequence[SubjectState]: ...
    def turning_points(
        self, protocol: Protocol, usubjid: str, known_at: datetime
    ) -> list[datetime]: ...
    def who_may_count(self, protocol: Protocol) -> Iterable[str]: ...
    def is_seen_otherwise(self, usubjid: str, moment: datetime, known_at: datetime) -> bool: ...
    def state_of(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known_at: datetime
    ) -> SubjectState | None: ...
    def kept_then(
        self, name: str, moment: datetime, basis: object, work: Callable[[], Found]
    ) -> Found: ...
    def kept(
        self, name: Name, usubjid: str, known_at: datetime, basis: object, work: Callable[[], Found]
    ) -> Found: ...


@dataclass(frozen=True)
class Hold:
    """Why enrolment halts from ``level`` upwards, and since when that was known. ``stops``: a
    stopping rule was met, by events that nobody has to judge any more."""

    level: int
    since: datetime
    reason: Reason
    stops: bool = False


@dataclass(frozen=True)
class Past:
    """What earlier moments leave behind: causes of holds, and the lowest dose eliminated then."""

    causes: tuple[Hold, ...]
    eliminated_from: int | None


def look_back(
    present: Situation,
    memory: Memory,
    known_at: datetime,
    supposed: Sequence[Sequence[SubjectState]] = (),
) -> Past:
    """What the rule said at moments whose cause may be gone, each by the protocol in force then.

    A dose once eliminated stays so until a record lifts it, also where more subjects would take
    the rate down again. ``supposed``: what a supposition passes through before it is present.
    """
    causes: list[Hold] = []
    eliminated: list[tuple[datetime, int]] = []
    lifts = present.lifted
    moments = {*_improvements(present, memory, known_at), *_thresholds(present, known_at)}
    moments |= _unsupported(present, known_at)
    passed = [("said", _at(moment, present, memory)) for moment in sorted(moments)]
    passed += [
        (f"said on the way, {step}", replace(present, states=states))
        for step, states in enumerate(supposed)
    ]
    for name, then in passed:
        answer, halts = _said(name, then, _kept(eliminated, lifts, then.as_of), memory)
        causes += halts
        if answer.eliminated_from is not None and _dilutes(then.protocol):
            eliminated.append((then.as_of, answer.eliminated_from))
    return Past(tuple(causes), _kept(eliminated, lifts, known_at))


def _said(
    name: str, then: Situation, closed: int | None, memory: Memory
) -> tuple[Answer, list[Hold]]:
    """What the rule said at an earlier moment, from which dose on all were ``closed``, and what
    halted enrolment then; kept by ``name``, for one supposition after the other begins alike."""

    def work() -> tuple[Answer, list[Hold]]:
        answer = decide(then, question_of(then, closed))
        return answer, causes_of(then, answer, memory)

    basis = then.protocol, then.states, then.decisions, closed
    return memory.kept_then(name, then.as_of, basis, work)


def _at(moment: datetime, present: Situation, memory: Memory) -> Situation:
    rules = memory.protocol_at(moment) or present.protocol
    known = [entry for entry in present.decisions if entry.fact.known_at <= moment]
    return Situation(rules, memory.states_then(rules, moment), known, moment)


def _dilutes(protocol: Protocol) -> bool:
    """Whether subjects without a DLT can take back what the rule said of a dose."""
    return protocol.design.rule.kind not in COHORTS_OF_THEIR_OWN


def _kept(
    eliminated: Sequence[tuple[datetime, int]], lifts: Sequence[datetime], now: datetime
) -> int | None:
    standing = [
        level
        for moment, level in eliminated
        if not any(moment <= lifted <= now for lifted in lifts)
    ]
    return min(standing, default=None)


def _thresholds(present: Situation, known_at: datetime) -> set[datetime]:
    """Moments at which a rule that dilutes can have closed a dose: when a DLT was known and when it
    was confirmed, and when enough had become final at its dose."""
    if not _dilutes(present.protocol):
        return set()
    settled = max(present.lifted, default=_EVER)
    least = getattr(present.protocol.design.rule, "n_eli", 1)
    moments: set[datetime] = set()
    for dose in present.protocol.doses:
        there = [one for one in present.counted if one.assessment.dose_level == dose.level]
        toxic = [known for one in there for known in _known_toxic(one)]
        final = sorted(one.since for one in there if one.assessment.status in FINAL)
        moments |= {*toxic, *(final[least - 1 : least] if toxic else ())}
    return {moment for moment in moments if settled < moment <= known_at}


def _unsupported(present: Situation, known_at: datetime) -> set[datetime]:
    """Moments at which a dose may have been open that a lower one did not support: when a record
    went up, and before a subject of a lower dose counted as completed."""
    if _dilutes(present.protocol):
        return set()
    settled = max(present.lifted, default=_EVER)
    opened = _opened(present)
    moments = {known for (_, before), (known, level) in pairwise(opened) if level > before}
    for state in present.counted:
        turns = _turns(state)
        moments |= {moment for moment in turns if _supports(state, _open_at(opened, moment))}
    return {moment for moment in moments if settled < moment <= known_at}


def _turns(state: SubjectState) -> set[datetime]:
    """About when a subject may have come to count as completed, or stopped to for a while."""
    known = {one.known_at for one in state.assessment.criteria if one.evidence}
    at = {state.since, *(moment for moment in known if moment is not None)}
    return at | {moment - _JUST_BEFORE for moment in at}


def _opened(present: Situation) -> list[tuple[datetime, int]]:
    """The dose level that was open, and since when: at first the one the protocol starts with."""
    return [(_EVER, present.protocol.design.start), *present.levels_set()]


def _open_at(opened: Sequence[tuple[datetime, int]], moment: datetime) -> int:
    return next(level for known, level in reversed(opened) if known <= moment)


def _known_toxic(state: SubjectState) -> list[datetime]:
    if state.assessment.status not in TOXIC:
        return []
    criteria = (one.known_at for one in state.assessment.criteria if one.onset is not None)
    return [state.since, *(known for known in criteria if known is not None)]


def standing_hold(present: Situation, answer: Answer, past: Past, memory: Memory) -> Hold | None:
    """The hold from the lowest level that no record has lifted."""
    here = causes_of(present, answer, memory) + _recorded(present.decisions)
    lifts = present.lifted
    standing = [
        cause
        for cause in (*here, *past.causes)
        if not any(moment >= cause.since for moment in lifts)
    ]
    if not standing:
        return None
    first = min(standing, key=lambda cause: (cause.level, not cause.stops, cause.since))
    if first in here:
        return first
    text = f"{first.reason.text}; corrected since, the hold stands until a record lifts it"
    return Hold(first.level, first.since, first.reason.model_copy(update={"text": text}))


def _recorded(decisions: Sequence[Entry]) -> list[Hold]:
    """The holds that persons have put on record."""
    found = []
    for entry in decisions:
        record = record_of(entry)
        if record.action == "hold":
            text = f"held by the record of {record.decided_dtc}"
            reason = Reason(rule="decision", text=text, inputs={"dose_level": record.dose_level})
            found.append(Hold(record.dose_level, entry.fact.known_at, reason))
    return found


def causes_of(situation: Situation, answer: Answer, memory: Memory) -> list[Hold]:
    """What halts enrolment by these subjects: an exceeded or fallen dose, a death to be judged."""
    found: list[Hold] = []
    assessed = situation.counted
    closed = answer.closed_from
    if closed is not None:
        first = reasons_of(answer.report)[0]
        level = first.inputs.get("dose_level")
        there = [one for one in assessed if level in (None, one.assessment.dose_level)]
        toxic = [state for state in there if state.assessment.status in TOXIC]
        since = max((state.since for state in toxic or there), default=_EVER)
        since = _not_lifted(situation, first, since, memory)
        found.append(Hold(closed, since, first))
    for state in assessed:
        if state.fatal is not None:
            reason = Reason(
                rule="death",
                text="a death that may be related: enrolment halts until a person's record",
                inputs={"dose_level": state.assessment.dose_level},
            )
            found.append(Hold(1, state.fatal, reason))
    return found + [hold for one in situation.stopping() for hold in _crossings(one)]


def _fell(reason: Reason) -> bool:
    return reason.rule.endswith(".lower_dose_fell")


def _not_lifted(situation: Situation, reason: Reason, since: datetime, memory: Memory) -> datetime:
    """Since when a lower dose has not supported the one open as far as no record has lifted that:
    a record speaks of the dose as it was known then, not of a subject less or a DLT more since."""
    lifted = max(situation.lifted, default=None)
    level = reason.inputs.get("dose_level")
    if lifted is None or not _fell(reason) or not isinstance(level, int):
        return since
    then = _at(lifted, situation, memory)
    said = reasons_of(decide(then, question_of(then)).report)[0]
    before, now = counts_at(then, level), counts_at(situation, level)
    as_lifted = said.inputs.get("dose_level") == level and _fell(said)
    if as_lifted and now.n >= before.n and now.toxic <= before.toxic:
        return min(since, lifted)
    return max(since, lifted + _JUST_BEFORE)


def _crossings(stopping: Stopping) -> list[Hold]:
    """A hold for each event that crossed a boundary: a record lifts those before it only."""
    view = stopping.view
    counted: dict[str, int | str | bool | None] = {"events": view.events, "n": view.evaluable}
    counted |= {"candidate": view.candidate}
    reason = Reason(rule=f"stopping.{view.id}", text=view.text, inputs=counted)
    return [Hold(1, moment, reason, stops=stopping.certain) for moment in stopping.crossed]


def _improvements(present: Situation, memory: Memory, known_at: datetime) -> set[datetime]:
    """Moments just before what became known took away something a subject weighed, and just before
    the protocol was amended."""
    moments: set[datetime] = set()
    # Whatever held until a record lifted it is lifted: only what came later is looked for.
    settled = max(present.lifted, default=_EVER)
    states = {state.assessment.usubjid: state for state in present.states}
    opened = _opened(present)
    basis = present.protocol.zone(), settled, opened, memory.rules(known_at)
    watched = present.protocol.stopping or present.protocol.futility
    for usubjid in memory.people():
        if watched or _ever_suspect(states.get(usubjid)):
            work = partial(_improved, present.protocol, memory, usubjid, known_at, settled, opened)
            moments |= memory.kept("improvements", usubjid, known_at, basis, work)
    amended = {moment - _JUST_BEFORE for moment in memory.amended(known_at)}
    return amended.union(memory.gathered("improvements", list(moments)))


def _improved(
    protocol: Protocol,
    memory: Memory,
    usubjid: str,
    known_at: datetime,
    settled: datetime,
    opened: Sequence[tuple[datetime, int]],
) -> set[datetime]:
    """Those of one subject, by the records known at a moment."""
    moments: set[datetime] = set()
    for moment in memory.turning_points(protocol, usubjid, known_at):
        before = moment - _JUST_BEFORE
        rules = memory.protocol_at(before) if before > settled else None
        if rules is None:
            continue
        then, level = memory.state_of(rules, usubjid, before, before), _open_at(opened, before)
        weighed, supported = _weight(rules, then), _supports(then, level)
        if not weighed and (level == 1 or supported):
            continue
        now = memory.state_of(rules, usubjid, moment, moment)
        if weighed - _weight(rules, now) or _supports(now, level) - supported:
            moments.add(before)
    return moments


def _supports(state: SubjectState | None, opened: int) -> set[int]:
    """The dose below the one open for which a subject speaks who completed it."""
    if state is None or state.assessment.status != "completed":
        return set()
    level = state.assessment.dose_level or 0
    return {level} if level < opened else set()


def _weight(protocol: Protocol, state: SubjectState | None) -> set[tuple[str, int | str | None]]:
    """What a subject holds up: as toxic at a dose, by a death, by what a stopping rule counts."""
    if state is None:
        return set()
    weight: set[tuple[str, int | str | None]] = {
        (state.assessment.part, rule)
        for rule, one in state.watched.items()
        if one.standing in ("event", "candidate")
    }
    if state.response is not None and state.response.standing == "none":
        weight.add((state.assessment.part, "no_response"))
    if state.assessment.part not in protocol.counted_parts:
        return weight
    if state.assessment.status in TOXIC:
        weight.add(("toxic", state.assessment.dose_level))
    if state.fatal is not None:
        weight.add(("fatal", None))
    return weight


def _ever_suspect(state: SubjectState | None) -> bool:
    """Whether the subject may have weighed more once: a criterion has evidence, a person judged, a
    record was corrected (a later version without evidence hides what stood before), or nothing is
    left. Who still counts as toxic can only have lost a death."""
    if state is None or state.corrected:
        return True
    subject = state.assessment
    if subject.status in TOXIC:
        return any(event.grade == DEATH for event in subject.severe)
    return subject.review is not None or any(one.evidence for one in subject.criteria)
