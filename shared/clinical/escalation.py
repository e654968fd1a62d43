"""From subjects to the study: counts per dose, the design's answer, holds, recorded decisions.

The rule proposes; only a named person's record opens a dose level or lifts a hold. A hold stays
even where a correction has taken away what caused it, until such a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from typing import Protocol as Shape

from shared.clinical.designs import Answer, Counts, Question, decide
from shared.clinical.designs.three_plus_three import LIMIT, cleared
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import (
    DecisionView,
    DltCount,
    DoseAssessment,
    Reason,
    Recommendation,
)
from shared.contracts.facts import Decision

Status = Literal["open", "on_hold", "finished", "stopped"]
_PENDING = ("in_window", "open", "dlt_candidate")
_SETS_DOSE = ("enrol", "expand", "escalate", "stay", "deescalate")
_GO = ("enrol", "expand", "escalate")
_JUST_BEFORE = timedelta(microseconds=1)


class Memory(Shape):
    """What the escalation asks of a study about earlier moments."""

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
class Escalation:
    """The study's part of an assessment."""

    status: Status
    recommendation: Recommendation
    doses: tuple[DoseAssessment, ...]
    decisions: tuple[DecisionView, ...]
    rp2d: int | None


@dataclass(frozen=True)
class _Hold:
    """Why enrolment halts from ``level`` upwards, and since when that was known."""

    level: int
    since: datetime
    reason: Reason


def assess_escalation(
    protocol: Protocol,
    memory: Memory,
    states: Sequence[SubjectState],
    decisions: Sequence[Entry],
    known_at: datetime,
    degraded: bool,
) -> Escalation:
    """Counts, the rule's answer, what stands in its way, and the decisions on record."""
    question = _question(protocol, states, decisions)
    answer = decide(question)
    hold = _standing_hold(protocol, memory, states, decisions, answer, known_at)
    blocks = _blocks(protocol, states, degraded)
    recommendation = _recommendation(answer, hold, blocks, states, decisions, question)
    last = _record(decisions[-1]) if decisions else None
    status: Status = "on_hold" if hold is not None else "open"
    if last is not None and last.action in ("finish", "stop") and hold is None:
        status = "finished" if last.action == "finish" else "stopped"
    opened = _opened(protocol, decisions)
    doses = tuple(
        _dose(protocol, level, states, question, opened, hold, answer)
        for level in range(1, question.top + 1)
    )
    views = tuple(_view(protocol, memory, entry, known_at) for entry in decisions)
    rp2d = [record.rp2d for record in map(_record, decisions) if record.rp2d is not None]
    return Escalation(status, recommendation, doses, views, rp2d[-1] if rp2d else None)


def _record(entry: Entry) -> Decision:
    if not isinstance(entry.record, Decision):
        raise TypeError("not a decision")
    return entry.record


def _counted(protocol: Protocol, states: Sequence[SubjectState]) -> list[SubjectState]:
    return [state for state in states if state.assessment.part in protocol.counted_parts]


def _counts(protocol: Protocol, states: Sequence[SubjectState], level: int) -> Counts:
    there = [
        state.assessment.status
        for state in _counted(protocol, states)
        if state.assessment.dose_level == level
    ]
    confirmed = there.count("dlt")
    return Counts(
        level=level,
        evaluable=confirmed + there.count("completed"),
        pending=sum(status in _PENDING for status in there),
        confirmed=confirmed,
        candidate=there.count("dlt_candidate"),
    )


def _question(
    protocol: Protocol, states: Sequence[SubjectState], decisions: Sequence[Entry]
) -> Question:
    rule = protocol.design.three_plus_three
    named = [record for record in map(_record, decisions) if record.action in _SETS_DOSE]
    current = named[-1].dose_level if named else rule.start_level
    levels = [dose.level for dose in protocol.doses]
    return Question(
        doses=tuple(_counts(protocol, states, level) for level in levels),
        current=min(current, levels[-1]),
        variant=rule.variant,
    )


def _opened(protocol: Protocol, decisions: Sequence[Entry]) -> set[int]:
    """Dose levels a person's record has opened, and the one the protocol starts with."""
    start = protocol.design.three_plus_three.start_level
    named = {record.dose_level for record in map(_record, decisions) if record.action in _SETS_DOSE}
    return {start, *named}


def _standing_hold(
    protocol: Protocol,
    memory: Memory,
    states: Sequence[SubjectState],
    decisions: Sequence[Entry],
    answer: Answer,
    known_at: datetime,
) -> _Hold | None:
    """The latest cause for a hold that no later record lifts, even if the cause is gone."""
    causes = _causes(protocol, states, answer)
    for moment in _improvements(protocol, memory, states, known_at):
        then = memory.states(protocol, moment, moment)
        known = [entry for entry in decisions if entry.fact.known_at <= moment]
        causes += _causes(protocol, then, decide(_question(protocol, then, known)))
    lifted = [entry.fact.known_at for entry in decisions if _record(entry).lifts_hold]
    standing = [cause for cause in causes if not any(moment >= cause.since for moment in lifted)]
    if not standing:
        return None
    first = min(standing, key=lambda cause: (cause.level, cause.since))
    gone = first not in _causes(protocol, states, answer)
    if not gone:
        return first
    text = f"{first.reason.text}; corrected since, the hold stands until a record lifts it"
    return _Hold(first.level, first.since, first.reason.model_copy(update={"text": text}))


def _causes(protocol: Protocol, states: Sequence[SubjectState], answer: Answer) -> list[_Hold]:
    """What halts enrolment by these subjects: an exceeded or fallen dose, a death to be judged."""
    found: list[_Hold] = []
    counted = _counted(protocol, states)
    if answer.hold_from is not None:
        speaking = int(answer.reasons[0].inputs["dose_level"] or 0)
        since = [
            state.since
            for state in counted
            if state.assessment.dose_level == speaking
            and (state.assessment.status in ("dlt", "dlt_candidate"))
        ]
        if since:
            found.append(_Hold(answer.hold_from, max(since), answer.reasons[0]))
    for state in counted:
        if state.fatal and state.assessment.dose_level is not None:
            reason = Reason(
                rule="death",
                text="a death that may be related: enrolment halts until a person's record",
                inputs={"dose_level": state.assessment.dose_level},
            )
            found.append(_Hold(1, state.since, reason))
    return found


def _improvements(
    protocol: Protocol, memory: Memory, states: Sequence[SubjectState], known_at: datetime
) -> list[datetime]:
    """Moments just before a subject stopped counting as toxic by what became known."""
    moments: set[datetime] = set()
    for state in _counted(protocol, states):
        subject = state.assessment
        if not _ever_suspect(state):
            continue
        for moment in memory.turning_points(protocol, subject.usubjid, known_at):
            before = moment - _JUST_BEFORE
            then = memory.state_of(protocol, subject.usubjid, before, before)
            if then is not None and then.assessment.status in ("dlt", "dlt_candidate"):
                now = memory.state_of(protocol, subject.usubjid, moment, moment)
                if now is None or now.assessment.status not in ("dlt", "dlt_candidate"):
                    moments.add(before)
    return sorted(moments)


def _ever_suspect(state: SubjectState) -> bool:
    """Whether the subject may have counted as toxic once: a criterion has evidence, or a record was
    corrected (a later version without evidence hides what stood before)."""
    subject = state.assessment
    if subject.status in ("dlt", "dlt_candidate"):
        return False
    return state.corrected or any(criterion.evidence for criterion in subject.criteria)


def _blocks(protocol: Protocol, states: Sequence[SubjectState], degraded: bool) -> list[Reason]:
    """What keeps a go signal waiting whatever the counts say."""
    found: list[Reason] = []
    if degraded:
        text = "a message of this study could not be handled: what it says is not known"
        found.append(Reason(rule="degraded", text=text, inputs={}))
    for state in _counted(protocol, states):
        subject = state.assessment
        if subject.dose_level is None and subject.status != "not_started":
            text = "a treated subject has no dose level"
            found.append(Reason(rule="unassigned", text=text, inputs={"subject": subject.subject}))
        elif "conflict" in subject.flags and subject.status != "not_started":
            text = "a record contradicts itself"
            found.append(Reason(rule="conflict", text=text, inputs={"subject": subject.subject}))
    return found


def _recommendation(
    answer: Answer,
    hold: _Hold | None,
    blocks: Sequence[Reason],
    states: Sequence[SubjectState],
    decisions: Sequence[Entry],
    question: Question,
) -> Recommendation:
    """The rule's answer, unless a hold or something unknown stands before it."""
    moments = [state.since for state in states if state.assessment.status != "not_assessed"]
    moments += [entry.fact.known_at for entry in decisions]
    known_at = max(moments, default=None)
    action, level, reasons = answer.action, answer.dose_level, answer.reasons
    mtd, mtd_status = answer.mtd, answer.mtd_status
    if hold is not None and action in (*_GO, "wait"):
        action, level, reasons = "hold", question.current, (hold.reason, *reasons)
    elif blocks and action in (*_GO, "finish"):
        action, reasons = "wait", (*blocks, *reasons)
        mtd, mtd_status = None, "undetermined"
    return Recommendation(
        action=action,
        dose_level=level,
        mtd=mtd,
        mtd_status=mtd_status,
        reasons=tuple(reasons),
        known_at=known_at,
    )


def _dose(
    protocol: Protocol,
    level: int,
    states: Sequence[SubjectState],
    question: Question,
    opened: set[int],
    hold: _Hold | None,
    answer: Answer,
) -> DoseAssessment:
    counts = question.at(level)
    there = [
        state.assessment
        for state in _counted(protocol, states)
        if state.assessment.dose_level == level
    ]
    not_evaluable = sum(subject.status == "not_evaluable" for subject in there)
    pending_open = sum(
        any(criterion.result == "open" for criterion in subject.criteria)
        for subject in there
        if subject.status in ("in_window", "open")
    )
    state: Literal["not_open", "open", "cleared", "held", "exceeded"] = "open"
    held_from = [part for part in (answer.hold_from, hold.level if hold else None) if part]
    if counts.toxic >= LIMIT:
        state = "exceeded"
    elif held_from and level >= min(held_from):
        state = "held"
    elif level not in opened:
        state = "not_open"
    elif cleared(counts):
        state = "cleared"
    return DoseAssessment(
        level=level,
        label=protocol.label(level),
        treated=counts.enrolled + not_evaluable,
        evaluable=counts.evaluable,
        pending=counts.pending,
        not_evaluable=not_evaluable,
        dlt=DltCount(confirmed=counts.confirmed, candidate=counts.candidate, open=pending_open),
        late_toxicity=sum(bool(subject.late_toxicity) for subject in there),
        state=state,
    )


def _view(protocol: Protocol, memory: Memory, entry: Entry, known_at: datetime) -> DecisionView:
    """A decision beside what it would rest on by what is known now about the same moment."""
    record, moment = _record(entry), entry.fact.known_at
    changed = []
    doses = () if memory.as_known_then(moment, known_at) else protocol.doses
    then = memory.states(protocol, moment, moment) if doses else []
    now = memory.states(protocol, moment, known_at) if doses else []
    for dose in doses:
        before, after = _counts(protocol, then, dose.level), _counts(protocol, now, dose.level)
        if before != after:
            changed.append(
                f"{dose.label}: {before.ratio} with {before.pending} pending was known, "
                f"{after.ratio} with {after.pending} pending is known now"
            )
    return DecisionView(
        recordid=entry.fact.recordid,
        action=record.action,
        dose_level=record.dose_level,
        decided=entry.dates(protocol.zone())[0],
        mtd=record.mtd,
        rp2d=record.rp2d,
        lifts_hold=record.lifts_hold,
        actor=entry.fact.actor,
        assessment_digest=record.assessment_digest,
        basis="changed" if changed else "stands",
        basis_text="; ".join(changed) or "what was known then still holds",
        known_at=moment,
    )
