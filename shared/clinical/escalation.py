"""From subjects to the study: counts per dose, the design's answer, holds, recorded decisions.

The rule proposes; only a named person's record opens a dose level or lifts a hold. A hold stays
even where a correction has taken away what caused it, until such a record.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from typing import Protocol as Shape

from shared.clinical.designs import Answer, DoseCounts, Question, ThreePlusThree
from shared.clinical.designs.live import action_of, dose_level_of, mtd_status_of, reasons_of
from shared.clinical.designs.three_plus_three import LIMIT, cleared
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.clinical.toxicity import DEATH
from shared.contracts.assessment import (
    DecisionView,
    DltCount,
    DoseAssessment,
    Reason,
    Recommendation,
    SubjectAssessment,
)
from shared.contracts.facts import Decision

Status = Literal["open", "on_hold", "finished", "stopped"]
_PENDING = ("in_window", "open", "dlt_candidate")
_SETS_DOSE = ("enrol", "expand", "escalate", "stay", "deescalate")
_GO = ("enrol", "expand", "escalate")
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
    disputed: Collection[Entry],
    known_at: datetime,
    degraded: bool,
) -> Escalation:
    """Counts, the rule's answer, what stands in its way, and the decisions on record.

    ``disputed``: versions of decisions and protocols that contradict another one; such a decision
    is shown, but opens and lifts nothing.
    """
    shown, decisions = decisions, [entry for entry in decisions if entry not in disputed]
    question = _question(protocol, states, decisions)
    answer = _decide(protocol, question)
    hold = _standing_hold(protocol, memory, states, decisions, answer, known_at)
    blocks = _blocks(protocol, states, degraded, bool(disputed))
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
    views = tuple(_view(protocol, memory, entry, known_at) for entry in shown)
    rp2d = [record.rp2d for record in map(_record, decisions) if record.rp2d is not None]
    return Escalation(status, recommendation, doses, views, rp2d[-1] if rp2d else None)


def _record(entry: Entry) -> Decision:
    assert isinstance(entry.record, Decision)
    return entry.record


def _counted(protocol: Protocol, states: Sequence[SubjectState]) -> list[SubjectState]:
    return [state for state in states if state.assessment.part in protocol.counted_parts]


def _at(protocol: Protocol, states: Sequence[SubjectState], level: int) -> list[SubjectAssessment]:
    counted = (state.assessment for state in _counted(protocol, states))
    return [subject for subject in counted if subject.dose_level == level]


def _counts(protocol: Protocol, states: Sequence[SubjectState], level: int) -> DoseCounts:
    there = [one.status for one in _at(protocol, states, level)]
    confirmed = there.count("dlt")
    return DoseCounts(
        n=confirmed + there.count("completed"),
        dlt=confirmed,
        pending=sum(status in _PENDING for status in there),
        candidate=there.count("dlt_candidate"),
    )


def _question(
    protocol: Protocol, states: Sequence[SubjectState], decisions: Sequence[Entry]
) -> Question:
    rule = protocol.design.three_plus_three
    named = _named(protocol, decisions)
    return Question(
        doses=tuple(_counts(protocol, states, dose.level) for dose in protocol.doses),
        current=named[-1] if named else rule.start_level,
        start=rule.start_level,
    )


def _decide(protocol: Protocol, question: Question) -> Answer:
    return ThreePlusThree(variant=protocol.design.three_plus_three.variant).decide(question)


def _named(protocol: Protocol, decisions: Sequence[Entry]) -> list[int]:
    """The dose levels that records have set, in their order."""
    records = [record for record in map(_record, decisions) if record.action in _SETS_DOSE]
    return [record.dose_level for record in records if protocol.has(record.dose_level)]


def _opened(protocol: Protocol, decisions: Sequence[Entry]) -> set[int]:
    """Dose levels a person's record has opened, and the one the protocol starts with."""
    return {protocol.design.three_plus_three.start_level, *_named(protocol, decisions)}


def _standing_hold(
    protocol: Protocol,
    memory: Memory,
    states: Sequence[SubjectState],
    decisions: Sequence[Entry],
    answer: Answer,
    known_at: datetime,
) -> _Hold | None:
    present = _causes(protocol, states, answer) + _recorded(decisions)
    causes = list(present)
    for moment in _improvements(protocol, memory, states, known_at):
        rules = memory.protocol_at(moment) or protocol
        then = memory.states(rules, moment, moment)
        known = [entry for entry in decisions if entry.fact.known_at <= moment]
        causes += _causes(rules, then, _decide(rules, _question(rules, then, known)))
    lifted = [entry.fact.known_at for entry in decisions if _lifts(_record(entry))]
    standing = [cause for cause in causes if not any(moment >= cause.since for moment in lifted)]
    if not standing:
        return None
    first = min(standing, key=lambda cause: (cause.level, cause.since))
    if first in present:
        return first
    text = f"{first.reason.text}; corrected since, the hold stands until a record lifts it"
    return _Hold(first.level, first.since, first.reason.model_copy(update={"text": text}))


def _lifts(record: Decision) -> bool:
    return record.lifts_hold and record.action != "hold"


def _recorded(decisions: Sequence[Entry]) -> list[_Hold]:
    """The holds that persons have put on record."""
    found = []
    for entry in decisions:
        record = _record(entry)
        if record.action == "hold":
            text = f"held by the record of {record.decided_dtc}"
            reason = Reason(rule="decision", text=text, inputs={"dose_level": record.dose_level})
            found.append(_Hold(record.dose_level, entry.fact.known_at, reason))
    return found


def _causes(protocol: Protocol, states: Sequence[SubjectState], answer: Answer) -> list[_Hold]:
    """What halts enrolment by these subjects: an exceeded or fallen dose, a death to be judged."""
    found: list[_Hold] = []
    counted = _counted(protocol, states)
    closed = answer.closed_from
    if closed is not None:
        first = reasons_of(answer.report)[0]
        level = first.inputs["dose_level"]
        there = [state for state in counted if state.assessment.dose_level == level]
        toxic = [state for state in there if state.assessment.status in _TOXIC]
        since = max((state.since for state in toxic or there), default=_EVER)
        found.append(_Hold(closed, since, first))
    for state in counted:
        if state.fatal is not None:
            reason = Reason(
                rule="death",
                text="a death that may be related: enrolment halts until a person's record",
                inputs={"dose_level": state.assessment.dose_level},
            )
            found.append(_Hold(1, state.fatal, reason))
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


def _blocks(
    protocol: Protocol, states: Sequence[SubjectState], degraded: bool, disputed: bool
) -> list[Reason]:
    """What keeps a go signal waiting whatever the counts say."""
    found: list[Reason] = []
    if degraded:
        text = "a message of this study could not be handled: what it says is not known"
        found.append(Reason(rule="degraded", text=text, inputs={}))
    if disputed:
        text = "a decision or the protocol contradicts itself"
        found.append(Reason(rule="conflict", text=text, inputs={}))
    for state in _counted(protocol, states):
        subject = state.assessment
        if "first_dose_missing" in subject.flags:
            text = "a treated subject has no first dose on record"
            inputs: dict[str, int | str | bool | None] = {"subject": subject.subject}
            found.append(Reason(rule="first_dose_missing", text=text, inputs=inputs))
        elif not protocol.has(subject.dose_level) and subject.status != "not_started":
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
    action, level, reasons = action_of(answer), dose_level_of(answer), reasons_of(answer.report)
    mtd, mtd_status = answer.mtd, mtd_status_of(answer)
    held = hold is not None and (
        action in (*_GO, "wait") or (action == "deescalate" and hold.level <= (level or 0))
    )
    if hold is not None and (held or (blocks and action == "deescalate")):
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
    there = _at(protocol, states, level)
    not_evaluable = sum(subject.status == "not_evaluable" for subject in there)
    pending_open = sum(
        any(criterion.result == "open" for criterion in subject.criteria)
        for subject in there
        if subject.status in ("in_window", "open")
    )
    state: Literal["not_open", "open", "cleared", "held", "exceeded"] = "open"
    held_from = [part for part in (answer.closed_from, hold.level if hold else None) if part]
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
        evaluable=counts.n,
        pending=counts.pending,
        not_evaluable=not_evaluable,
        dlt=DltCount(confirmed=counts.dlt, candidate=counts.candidate, open=pending_open),
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
