"""The study's part of an assessment: the rule's answer, and what stands before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.clinical.designs import Answer, Question
from shared.clinical.designs.live import (
    action_of,
    dose_level_of,
    mtd_status_of,
    reasons_of,
    report_of,
)
from shared.clinical.escalation.holds import Hold, Memory, look_back, standing_hold
from shared.clinical.escalation.question import ENROLS, Situation, decide, question_of, record_of
from shared.clinical.escalation.views import decision_views, dose_views
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import (
    DecisionView,
    DoseAssessment,
    Reason,
    Recommendation,
    StoppingView,
)

Status = Literal["open", "on_hold", "finished", "stopped"]
_GO = (*ENROLS, "escalate")


@dataclass(frozen=True)
class Escalation:
    """The study's part of an assessment."""

    status: Status
    recommendation: Recommendation
    doses: tuple[DoseAssessment, ...]
    decisions: tuple[DecisionView, ...]
    rp2d: int | None
    stopping: tuple[StoppingView, ...] = ()


def assess_escalation(
    protocol: Protocol,
    memory: Memory,
    states: Sequence[SubjectState],
    decisions: Sequence[Entry],
    disputed: Collection[Entry],
    as_of: datetime,
    known_at: datetime,
    degraded: bool,
    supposed: Sequence[Sequence[SubjectState]] = (),
) -> Escalation:
    """Counts, the rule's answer, what stands in its way, and the decisions on record.

    ``disputed``: versions of decisions and protocols that contradict another one, or of records
    that stand for two subjects; such a decision is shown, but opens and lifts nothing.
    ``supposed``: the subjects as they would be on the way to ``states``, where these are a
    supposition: a hold that began on the way stays. A supposition changes nothing of what earlier
    decisions rest on, and leaves them out.
    """
    undisputed = [entry for entry in decisions if entry not in disputed]
    present = Situation(protocol, states, undisputed, as_of)
    past = look_back(present, memory, known_at, supposed)
    question = question_of(present, past.eliminated_from)
    answer = decide(present, question)
    hold = standing_hold(present, answer, past, memory)
    blocks = _blocks(present, degraded, bool(disputed))
    last = record_of(undisputed[-1]) if undisputed else None
    status: Status = "on_hold" if hold is not None else "open"
    if last is not None and last.action in ("finish", "stop") and hold is None:
        status = "finished" if last.action == "finish" else "stopped"
    rp2d = [record.rp2d for record in map(record_of, undisputed) if record.rp2d is not None]
    return Escalation(
        status,
        _recommendation(present, question, answer, hold, blocks),
        dose_views(present, question, hold, answer),
        () if supposed else decision_views(present, memory, decisions, known_at),
        rp2d[-1] if rp2d else None,
        tuple(one.view for one in present.stopping()),
    )


def _blocks(situation: Situation, degraded: bool, disputed: bool) -> list[Reason]:
    """What keeps a go signal waiting whatever the counts say."""
    found: list[Reason] = []
    if degraded:
        text = "a message of this study could not be handled: what it says is not known"
        found.append(Reason(rule="degraded", text=text, inputs={}))
    if disputed:
        text = "a decision or the protocol contradicts itself, or a record stands for two subjects"
        found.append(Reason(rule="conflict", text=text, inputs={}))
    for state in situation.counted:
        subject = state.assessment
        if "first_dose_missing" in subject.flags:
            text = "a treated subject has no first dose on record"
            inputs: dict[str, int | str | bool | None] = {"subject": subject.subject}
            found.append(Reason(rule="first_dose_missing", text=text, inputs=inputs))
        elif not situation.protocol.has(subject.dose_level) and subject.status != "not_started":
            text = "a treated subject has no dose level"
            found.append(Reason(rule="unassigned", text=text, inputs={"subject": subject.subject}))
        elif "conflict" in subject.flags and subject.status != "not_started":
            text = "a record contradicts itself"
            found.append(Reason(rule="conflict", text=text, inputs={"subject": subject.subject}))
    return found


def _recommendation(
    situation: Situation,
    question: Question,
    answer: Answer,
    hold: Hold | None,
    blocks: Sequence[Reason],
) -> Recommendation:
    """The rule's answer, unless a hold or something unknown stands before it."""
    assessed = [one for one in situation.states if one.assessment.status != "not_assessed"]
    moments = [state.since for state in assessed]
    moments += [entry.fact.known_at for entry in situation.decisions]
    known_at = max(moments, default=None)
    action, level, reasons = action_of(answer), dose_level_of(answer), reasons_of(answer.report)
    mtd, mtd_status = answer.mtd, mtd_status_of(answer)
    held = hold is not None and (
        action in (*_GO, "wait") or (action == "deescalate" and hold.level <= (level or 0))
    )
    if hold is not None and hold.stops:
        action, level, reasons = "stop", question.current, (hold.reason, *reasons)
    elif hold is not None and (held or (blocks and action == "deescalate")):
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
        report=report_of(answer.report),
    )
