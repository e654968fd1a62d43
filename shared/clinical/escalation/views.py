"""What an assessment shows of a dose and of a recorded decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Literal

from shared.clinical.designs import Answer, DoseCounts, Question
from shared.clinical.designs.three_plus_three import LIMIT, cleared
from shared.clinical.escalation.holds import Hold, Memory
from shared.clinical.escalation.question import Situation, counts_of, record_of
from shared.clinical.protocol import Protocol
from shared.clinical.protocol.design import COHORTS_OF_THEIR_OWN
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import DecisionView, DltCount, DoseAssessment, SubjectStatus

State = Literal["not_open", "open", "cleared", "held", "exceeded"]


def dose_views(
    situation: Situation, question: Question, hold: Hold | None, answer: Answer
) -> tuple[DoseAssessment, ...]:
    """Every dose level with its counts and whether it may enrol."""
    held_from = [part for part in (answer.closed_from, hold.level if hold else None) if part]
    exceeded = _exceeded(situation, question)
    opened = situation.opened_levels()

    def state(level: int) -> State:
        if level in exceeded:
            return "exceeded"
        if held_from and level >= min(held_from):
            return "held"
        if level not in opened:
            return "not_open"
        return "cleared" if _cleared(situation, question, level) else "open"

    backfill = answer.extra.get("backfill_open", ())
    return tuple(
        _dose_view(situation, question, level, state(level), level in backfill)
        for level in range(1, question.top + 1)
    )


def _exceeded(situation: Situation, question: Question) -> set[int]:
    """Doses at the rule's limit, candidates counted: by count where the rule has one, else the
    lowest dose that it eliminates."""
    rule = situation.protocol.design.rule
    if rule.kind in COHORTS_OF_THEIR_OWN:
        return {level for level, one in enumerate(question.doses, start=1) if one.toxic >= LIMIT}
    return {closed} if (closed := rule.decide(question.feared()).eliminated_from) else set()


def _cleared(situation: Situation, question: Question, level: int) -> bool:
    """Whether the counts at a dose allow going above it."""
    rule, counts = situation.protocol.design.rule, question.at(level)
    if rule.kind in COHORTS_OF_THEIR_OWN:
        return cleared(counts)
    if counts.pending or not counts.n:
        return False
    return rule.propose(replace(question, current=level)).action == "escalate"


def _dose_view(
    situation: Situation, question: Question, level: int, state: State, backfill: bool
) -> DoseAssessment:
    counts, there = question.at(level), situation.at(level)
    not_evaluable = sum(subject.status == "not_evaluable" for subject in there)
    pending_open = sum(
        any(criterion.result == "open" for criterion in subject.criteria)
        for subject in there
        if subject.status in ("in_window", "open")
    )
    return DoseAssessment(
        level=level,
        label=situation.protocol.label(level),
        treated=counts.enrolled + not_evaluable,
        evaluable=counts.n,
        pending=counts.pending,
        not_evaluable=not_evaluable,
        dlt=DltCount(confirmed=counts.dlt, candidate=counts.candidate, open=pending_open),
        late_toxicity=sum(bool(subject.late_toxicity) for subject in there),
        state=state,
        backfill=backfill,
    )


_Place = tuple[str, int | None, SubjectStatus]
"""What a subject counts as: the part, the dose level and the status."""


def _place(state: SubjectState | None) -> _Place | None:
    if state is None:
        return None
    return state.assessment.part, state.assessment.dose_level, state.assessment.status


def _seen_otherwise(
    protocol: Protocol, memory: Memory, moment: datetime, known_at: datetime
) -> dict[str, _Place | None]:
    """What subjects count as by what is known now, where that is not what was known then."""
    changed = {}
    for who in memory.seen_otherwise(protocol, moment, known_at):
        work = partial(_then_and_now, protocol, memory, who, moment, known_at)
        then, now = memory.kept(("decision", moment), who, known_at, protocol, work)
        if then != now:
            changed[who] = now
    return changed


def _then_and_now(
    protocol: Protocol, memory: Memory, who: str, moment: datetime, known_at: datetime
) -> tuple[_Place | None, _Place | None]:
    then = memory.state_of(protocol, who, moment, moment)
    return _place(then), _place(memory.state_of(protocol, who, moment, known_at))


def _counts(protocol: Protocol, places: Iterable[_Place | None], level: int) -> DoseCounts:
    counted = [place for place in places if place and place[0] in protocol.counted_parts]
    return counts_of([status for _, there, status in counted if there == level])


def decision_view(
    situation: Situation, memory: Memory, entry: Entry, known_at: datetime
) -> DecisionView:
    """A decision beside what it would rest on by what is known now about the same moment."""
    record, moment = record_of(entry), entry.fact.known_at
    changed, protocol = [], situation.protocol
    otherwise = _seen_otherwise(protocol, memory, moment, known_at)
    states = memory.states_then(protocol, moment) if otherwise else ()
    then = {state.assessment.usubjid: _place(state) for state in states}
    now = then | otherwise
    for dose in protocol.doses if otherwise else ():
        before = _counts(protocol, then.values(), dose.level)
        after = _counts(protocol, now.values(), dose.level)
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
        countersigned_by=record.countersigned_by,
    )
