"""What an assessment shows of a dose and of a recorded decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from shared.clinical.designs import Answer, Question
from shared.clinical.designs.three_plus_three import LIMIT, cleared
from shared.clinical.escalation.holds import Hold, Memory
from shared.clinical.escalation.question import counts_at, record_of, subjects_at
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import DecisionView, DltCount, DoseAssessment


def dose_view(
    protocol: Protocol,
    level: int,
    states: Sequence[SubjectState],
    question: Question,
    opened: set[int],
    hold: Hold | None,
    answer: Answer,
) -> DoseAssessment:
    """The counts of a dose level and whether it may enrol."""
    counts = question.at(level)
    there = subjects_at(protocol, states, level)
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


def decision_view(
    protocol: Protocol, memory: Memory, entry: Entry, known_at: datetime
) -> DecisionView:
    """A decision beside what it would rest on by what is known now about the same moment."""
    record, moment = record_of(entry), entry.fact.known_at
    changed = []
    doses = () if memory.as_known_then(moment, known_at) else protocol.doses
    then = memory.states(protocol, moment, moment) if doses else []
    now = memory.states(protocol, moment, known_at) if doses else []
    for dose in doses:
        before, after = counts_at(protocol, then, dose.level), counts_at(protocol, now, dose.level)
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
