"""What the design is asked: the counts per dose, and the levels that records have named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from shared.clinical.designs import Answer, DoseCounts, Patient, Question
from shared.clinical.designs.addition import in_turn
from shared.clinical.escalation.cohorts import by_cohort
from shared.clinical.escalation.stopping import Stopping, stopping_of
from shared.clinical.protocol import Protocol, day_ends
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import Action, SubjectAssessment, SubjectStatus
from shared.contracts.facts import Decision

PENDING = ("in_window", "open", "dlt_candidate")
FINAL = ("dlt", "completed")
ENROLS: tuple[Action, ...] = ("enrol", "expand", "stay")
"""Actions by which the rule asks for more subjects at the dose it names."""
_SETS_DOSE = ("enrol", "expand", "escalate", "stay", "deescalate")


@dataclass(frozen=True)
class Situation:
    """A study at a moment: its subjects, and the decisions that nothing contradicts."""

    protocol: Protocol
    states: Sequence[SubjectState]
    decisions: Sequence[Entry]
    as_of: datetime

    @cached_property
    def counted(self) -> list[SubjectState]:
        """Subjects of the parts that the protocol counts."""
        parts = self.protocol.counted_parts
        return [state for state in self.states if state.assessment.part in parts]

    def at(self, level: int) -> list[SubjectAssessment]:
        """Those of them at a dose level."""
        return self._by_level.get(level, [])

    @cached_property
    def _by_level(self) -> dict[int | None, list[SubjectAssessment]]:
        found: dict[int | None, list[SubjectAssessment]] = {}
        for state in self.counted:
            found.setdefault(state.assessment.dose_level, []).append(state.assessment)
        return found

    @cached_property
    def lifted(self) -> list[datetime]:
        """Up to when persons have lifted holds: nobody lifts what became known after the meeting,
        when ever its record came in; of a meeting without a day, after the first it may have
        been."""
        zone = self.protocol.zone()
        return [
            min(entry.fact.known_at, day_ends(entry.dates(zone)[0], zone))
            for entry in self.decisions
            if _lifts(record_of(entry))
        ]

    def stopping(self) -> list[Stopping]:
        """Every stopping rule as it stands."""
        safety = [stopping_of(self.states, rule) for rule in self.protocol.stopping]
        return safety + [stopping_of(self.states, rule) for rule in self.protocol.futility]

    def levels_set(self) -> list[tuple[datetime, int]]:
        """The dose levels that records have set, and when that was known, in their order."""
        records = [(entry.fact.known_at, record_of(entry)) for entry in self.decisions]
        return [
            (known, one.dose_level)
            for known, one in records
            if one.action in _SETS_DOSE and self.protocol.has(one.dose_level)
        ]

    def named_levels(self) -> list[int]:
        """The dose levels that records have set, in their order."""
        return [level for _, level in self.levels_set()]

    def opened_levels(self) -> set[int]:
        """Dose levels a person's record has opened, and the one the protocol starts with."""
        return {self.protocol.design.start, *self.named_levels()}


def record_of(entry: Entry) -> Decision:
    """The decision an entry holds."""
    assert isinstance(entry.record, Decision)
    return entry.record


def _lifts(record: Decision) -> bool:
    return record.lifts_hold and record.action != "hold"


def counts_at(situation: Situation, level: int) -> DoseCounts:
    """The counts of a dose level, candidates among the pending."""
    return counts_of([one.status for one in situation.at(level)])


def counts_of(there: Sequence[SubjectStatus]) -> DoseCounts:
    """The counts of subjects of these statuses."""
    confirmed = there.count("dlt")
    return DoseCounts(
        n=confirmed + there.count("completed"),
        dlt=confirmed,
        pending=sum(status in PENDING for status in there),
        candidate=there.count("dlt_candidate"),
    )


def question_of(situation: Situation, eliminated_from: int | None = None) -> Question:
    """The counts of every dose, at the level the last record has set."""
    protocol, named = situation.protocol, situation.named_levels()
    patients = _patients(situation)
    return Question(
        doses=tuple(
            _with_follow_up(situation, counts_at(situation, dose.level), dose.level, patients)
            for dose in protocol.doses
        ),
        current=named[-1] if named else protocol.design.start,
        eliminated_from=eliminated_from,
        start=protocol.design.start,
        patients=patients,
        today=situation.as_of.astimezone(protocol.zone()).date(),
    )


def _patients(situation: Situation) -> tuple[Patient, ...]:
    """Who counts, in the order of their first doses."""
    there = [
        (state.assessment.window.first, state.assessment.usubjid, state)
        for state in situation.counted
        if state.assessment.window is not None
        and situation.protocol.has(state.assessment.dose_level)
        and state.assessment.status in (*PENDING, *FINAL)
    ]
    return tuple(_patient(state) for *_, state in sorted(there, key=lambda one: one[:2]))


def _patient(state: SubjectState) -> Patient:
    """A pending subject weighs the share of the window that was followed; one with a criterion
    that is still open or to be judged weighs nothing: it may be a DLT."""
    subject, window = state.assessment, state.assessment.window
    assert subject.dose_level is not None
    assert window is not None
    if subject.status in FINAL:
        had = int(subject.status == "dlt")
        return Patient(subject.dose_level, had, first_dose=window.first)
    doubtful = any(one.result in ("open", "needs_review", "met") for one in subject.criteria)
    length = (window.last - window.first).days + 1
    weight = 0.0 if doubtful else min(1.0, state.followed / length)
    return Patient(subject.dose_level, 0, weight, pending=True, first_dose=window.first)


def _with_follow_up(
    situation: Situation, counts: DoseCounts, level: int, patients: Sequence[Patient]
) -> DoseCounts:
    """The counts with what late-onset and backfill designs ask besides."""
    weights = [one.weight for one in patients if one.dose == level and one.pending]
    followed = min(in_turn(weights), counts.pending) if weights else None
    if situation.protocol.response is None:
        return replace(counts, stft=followed)
    responded = [
        state
        for state in situation.counted
        if state.response is not None
        and state.response.standing == "response"
        and state.assessment.dose_level == level
        and state.assessment.status in (*PENDING, *FINAL)
    ]
    return replace(counts, stft=followed, responses=len(responded))


def decide(situation: Situation, question: Question) -> Answer:
    """What the protocol's design says, cohort by cohort."""
    return by_cohort(situation.protocol.design, question)
