"""What the design is asked: the counts per dose, and the levels that records have named."""

from __future__ import annotations

from collections.abc import Sequence

from shared.clinical.designs import Answer, DoseCounts, Question, ThreePlusThree
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry
from shared.contracts.assessment import SubjectAssessment
from shared.contracts.facts import Decision

PENDING = ("in_window", "open", "dlt_candidate")
_SETS_DOSE = ("enrol", "expand", "escalate", "stay", "deescalate")


def record_of(entry: Entry) -> Decision:
    """The decision an entry holds."""
    assert isinstance(entry.record, Decision)
    return entry.record


def counted(protocol: Protocol, states: Sequence[SubjectState]) -> list[SubjectState]:
    """Subjects of the parts that the protocol counts."""
    return [state for state in states if state.assessment.part in protocol.counted_parts]


def subjects_at(
    protocol: Protocol, states: Sequence[SubjectState], level: int
) -> list[SubjectAssessment]:
    """Those of them at a dose level."""
    there = (state.assessment for state in counted(protocol, states))
    return [subject for subject in there if subject.dose_level == level]


def counts_at(protocol: Protocol, states: Sequence[SubjectState], level: int) -> DoseCounts:
    """The counts of a dose level, candidates among the pending."""
    there = [one.status for one in subjects_at(protocol, states, level)]
    confirmed = there.count("dlt")
    return DoseCounts(
        n=confirmed + there.count("completed"),
        dlt=confirmed,
        pending=sum(status in PENDING for status in there),
        candidate=there.count("dlt_candidate"),
    )


def question_of(
    protocol: Protocol, states: Sequence[SubjectState], decisions: Sequence[Entry]
) -> Question:
    """The counts of every dose, at the level the last record has set."""
    rule = protocol.design.three_plus_three
    named = named_levels(protocol, decisions)
    return Question(
        doses=tuple(counts_at(protocol, states, dose.level) for dose in protocol.doses),
        current=named[-1] if named else rule.start_level,
        start=rule.start_level,
    )


def decide(protocol: Protocol, question: Question) -> Answer:
    """What the protocol's design says."""
    return ThreePlusThree(variant=protocol.design.three_plus_three.variant).decide(question)


def named_levels(protocol: Protocol, decisions: Sequence[Entry]) -> list[int]:
    """The dose levels that records have set, in their order."""
    records = [record for record in map(record_of, decisions) if record.action in _SETS_DOSE]
    return [record.dose_level for record in records if protocol.has(record.dose_level)]


def opened_levels(protocol: Protocol, decisions: Sequence[Entry]) -> set[int]:
    """Dose levels a person's record has opened, and the one the protocol starts with."""
    return {protocol.design.three_plus_three.start_level, *named_levels(protocol, decisions)}
