"""What an assessment shows of a dose and of a recorded decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Literal

from shared.clinical.designs import Answer, Question
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
Otherwise = Mapping[datetime, dict[str, _Place | None]]


def _place(state: SubjectState | None) -> _Place | None:
    if state is None:
        return None
    return state.assessment.part, state.assessment.dose_level, state.assessment.status


def seen_otherwise(
    protocol: Protocol, memory: Memory, moments: Sequence[datetime], known_at: datetime
) -> Otherwise:
    """By moment what subjects count as by what is known now, where that is not what was known
    then."""
    here = []
    basis = protocol, moments
    for who in memory.who_may_count(protocol):
        work = partial(_otherwise, protocol, memory, who, moments, known_at)
        here += [(who, *one) for one in memory.kept("decisions", who, known_at, basis, work)]
    found: Otherwise = {moment: {} for moment in moments}
    for who, moment, now in memory.gathered("otherwise", here):
        found[moment][who] = now
    return found


def _otherwise(
    protocol: Protocol, memory: Memory, who: str, moments: Sequence[datetime], known_at: datetime
) -> list[tuple[datetime, _Place | None]]:
    found = []
    for moment in moments:
        if memory.is_seen_otherwise(who, moment, known_at):
            then = _place(memory.state_of(protocol, who, moment, moment))
            now = _place(memory.state_of(protocol, who, moment, known_at))
            if then != now:
                found.append((moment, now))
    return found


def _by_level(
    protocol: Protocol, places: Iterable[_Place | None]
) -> dict[int | None, list[SubjectStatus]]:
    """The statuses of who counts by dose level."""
    found: dict[int | None, list[SubjectStatus]] = {}
    for place in places:
        if place is not None and place[0] in protocol.counted_parts:
            found.setdefault(place[1], []).append(place[2])
    return found


def decision_views(
    situation: Situation, memory: Memory, decisions: Sequence[Entry], known_at: datetime
) -> tuple[DecisionView, ...]:
    """Each decision beside what it would rest on by what is known now about the same moment."""
    moments = [entry.fact.known_at for entry in decisions]
    otherwise = seen_otherwise(situation.protocol, memory, moments, known_at)
    return tuple(
        _decision_view(situation, memory, entry, otherwise[entry.fact.known_at])
        for entry in decisions
    )


def _decision_view(
    situation: Situation, memory: Memory, entry: Entry, otherwise: Mapping[str, _Place | None]
) -> DecisionView:
    record, moment = record_of(entry), entry.fact.known_at
    changed, protocol = [], situation.protocol
    states = memory.states_then(protocol, moment) if otherwise else ()
    then = {state.assessment.usubjid: _place(state) for state in states}
    known = _by_level(protocol, then.values())
    corrected = _by_level(protocol, {**then, **otherwise}.values())
    for dose in protocol.doses if otherwise else ():
        before = counts_of(known.get(dose.level, ()))
        after = counts_of(corrected.get(dose.level, ()))
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
