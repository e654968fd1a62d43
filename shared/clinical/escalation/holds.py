"""Holds: what halts enrolment, and what halted it before a correction took the cause away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol as Shape

from shared.clinical.designs import Answer
from shared.clinical.designs.live import reasons_of
from shared.clinical.escalation.question import counted, decide, question_of, record_of
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.clinical.toxicity import DEATH
from shared.contracts.assessment import Reason
from shared.contracts.facts import Decision

_TOXIC = ("dlt", "dlt_candidate")
_EVER = datetime(1900, 1, 1, tzinfo=UTC)
_JUST_BEFORE = timedelta(microseconds=1)


class Memory(Shape):
    """What the escalation asks of a study about earlier moments."""

    def protocol_at(self, known_at: datetime | None) -> Protocol | None: ...
    def amended(self, known_at: datetime) -> list[datetime]: ...
    def people(self) -> Sequence[str]: ...
    def states(
        self, protocol: Protocol, as_of: datetime, known_at: datetime
    ) -> list[SubjectState]: ...
    def turning_points(
        self, protocol: Protocol, usubjid: str, known_at: datetime
    ) -> list[datetime]: ...
    def as_known_then(self, moment: datetime, known_at: datetime) -> bool: ...
    def state_of(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known_at: datetime
    ) -> SubjectState | None: ...


@dataclass(frozen=True)
class Hold:
    """Why enrolment halts from ``level`` upwards, and since when that was known."""

    level: int
    since: datetime
    reason: Reason


def standing_hold(
    protocol: Protocol,
    memory: Memory,
    states: Sequence[SubjectState],
    decisions: Sequence[Entry],
    answer: Answer,
    known_at: datetime,
) -> Hold | None:
    """The hold from the lowest level that no record has lifted."""
    present = _causes(protocol, states, answer) + _recorded(decisions)
    causes = list(present)
    for moment in _improvements(protocol, memory, states, known_at):
        rules = memory.protocol_at(moment) or protocol
        then = memory.states(rules, moment, moment)
        known = [entry for entry in decisions if entry.fact.known_at <= moment]
        causes += _causes(rules, then, decide(rules, question_of(rules, then, known)))
    lifted = [entry.fact.known_at for entry in decisions if _lifts(record_of(entry))]
    standing = [cause for cause in causes if not any(moment >= cause.since for moment in lifted)]
    if not standing:
        return None
    first = min(standing, key=lambda cause: (cause.level, cause.since))
    if first in present:
        return first
    text = f"{first.reason.text}; corrected since, the hold stands until a record lifts it"
    return Hold(first.level, first.since, first.reason.model_copy(update={"text": text}))


def _lifts(record: Decision) -> bool:
    return record.lifts_hold and record.action != "hold"


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


def _causes(protocol: Protocol, states: Sequence[SubjectState], answer: Answer) -> list[Hold]:
    """What halts enrolment by these subjects: an exceeded or fallen dose, a death to be judged."""
    found: list[Hold] = []
    assessed = counted(protocol, states)
    closed = answer.closed_from
    if closed is not None:
        first = reasons_of(answer.report)[0]
        level = first.inputs["dose_level"]
        there = [state for state in assessed if state.assessment.dose_level == level]
        toxic = [state for state in there if state.assessment.status in _TOXIC]
        since = max((state.since for state in toxic or there), default=_EVER)
        found.append(Hold(closed, since, first))
    for state in assessed:
        if state.fatal is not None:
            reason = Reason(
                rule="death",
                text="a death that may be related: enrolment halts until a person's record",
                inputs={"dose_level": state.assessment.dose_level},
            )
            found.append(Hold(1, state.fatal, reason))
    return found


def _improvements(
    protocol: Protocol, memory: Memory, states: Sequence[SubjectState], known_at: datetime
) -> list[datetime]:
    """Moments just before what became known took away something a subject weighed, and just before
    the protocol was amended."""
    moments = {moment - _JUST_BEFORE for moment in memory.amended(known_at)}
    present = {state.assessment.usubjid: state for state in states}
    for usubjid in memory.people():
        if not _ever_suspect(present.get(usubjid)):
            continue
        for moment in memory.turning_points(protocol, usubjid, known_at):
            before = moment - _JUST_BEFORE
            rules = memory.protocol_at(before)
            if rules is None:
                continue
            then = _weight(rules, memory.state_of(rules, usubjid, before, before))
            if then and then - _weight(rules, memory.state_of(rules, usubjid, moment, moment)):
                moments.add(before)
    return sorted(moments)


def _weight(protocol: Protocol, state: SubjectState | None) -> set[tuple[str, int | None]]:
    """What a subject holds up: as toxic at a dose, and by a death."""
    if state is None or state.assessment.part not in protocol.counted_parts:
        return set()
    weight: set[tuple[str, int | None]] = set()
    if state.assessment.status in _TOXIC:
        weight.add(("toxic", state.assessment.dose_level))
    if state.fatal is not None:
        weight.add(("fatal", None))
    return weight


def _ever_suspect(state: SubjectState | None) -> bool:
    """Whether the subject may have weighed more once: a criterion has evidence, a record was
    corrected (a later version without evidence hides what stood before), or nothing is left. Who
    still counts as toxic can only have lost a death."""
    if state is None or state.corrected:
        return True
    subject = state.assessment
    if subject.status in _TOXIC:
        return any(event.grade == DEATH for event in subject.severe)
    return any(criterion.evidence for criterion in subject.criteria)
