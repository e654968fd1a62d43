"""The study's part of an assessment: the rule's answer, and what stands before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.clinical.designs import Answer, Question
from shared.clinical.designs.live import action_of, dose_level_of, mtd_status_of, reasons_of
from shared.clinical.escalation.holds import Hold, Memory, standing_hold
from shared.clinical.escalation.question import (
    counted,
    decide,
    opened_levels,
    question_of,
    record_of,
)
from shared.clinical.escalation.views import decision_view, dose_view
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import DecisionView, DoseAssessment, Reason, Recommendation

Status = Literal["open", "on_hold", "finished", "stopped"]
_GO = ("enrol", "expand", "escalate")


@dataclass(frozen=True)
class Escalation:
    """The study's part of an assessment."""

    status: Status
    recommendation: Recommendation
    doses: tuple[DoseAssessment, ...]
    decisions: tuple[DecisionView, ...]
    rp2d: int | None


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
    question = question_of(protocol, states, decisions)
    answer = decide(protocol, question)
    hold = standing_hold(protocol, memory, states, decisions, answer, known_at)
    blocks = _blocks(protocol, states, degraded, bool(disputed))
    recommendation = _recommendation(answer, hold, blocks, states, decisions, question)
    last = record_of(decisions[-1]) if decisions else None
    status: Status = "on_hold" if hold is not None else "open"
    if last is not None and last.action in ("finish", "stop") and hold is None:
        status = "finished" if last.action == "finish" else "stopped"
    opened = opened_levels(protocol, decisions)
    doses = tuple(
        dose_view(protocol, level, states, question, opened, hold, answer)
        for level in range(1, question.top + 1)
    )
    views = tuple(decision_view(protocol, memory, entry, known_at) for entry in shown)
    rp2d = [record.rp2d for record in map(record_of, decisions) if record.rp2d is not None]
    return Escalation(status, recommendation, doses, views, rp2d[-1] if rp2d else None)


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
    for state in counted(protocol, states):
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
    hold: Hold | None,
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
