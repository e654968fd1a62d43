"""The sentinel gap: nobody follows too soon after the first subject at a dose level.

Too soon is a protocol deviation, told as a question about the protocol; the subject's data count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby, pairwise

from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import latest
from shared.contracts.assessment import Query, SubjectAssessment
from shared.contracts.envelope import sha256


def next_dose_from(
    protocol: Protocol, subjects: Sequence[SubjectAssessment], dose_level: int
) -> date | None:
    """The first date on which one more subject may be dosed at a level; None where no gap is asked
    for or nobody has been dosed there. The date is the site's."""
    dosed = sorted(_first_dose(one) for one in subjects if _waits(one) and one.window)
    here = [first for level, first, _ in dosed if level == dose_level]
    rule = protocol.sentinel
    if rule is None or not here:
        return None
    last = here[0] if rule.after == "first_at_level" else here[-1]
    return last + timedelta(days=rule.gap_days)


def with_deviations(protocol: Protocol, states: Sequence[SubjectState]) -> list[SubjectState]:
    """The states, with a flag and a question for everyone dosed too soon."""
    rule = protocol.sentinel
    if rule is None:
        return list(states)
    dosed = [state for state in states if _waits(state.assessment) and state.assessment.window]
    dosed.sort(key=lambda state: _first_dose(state.assessment))
    early: dict[str, date] = {}
    for _, group in groupby(dosed, key=lambda state: state.assessment.dose_level):
        there = list(group)
        for before, state in pairwise(there):
            sentinel = there[0] if rule.after == "first_at_level" else before
            allowed = _first_dose(sentinel.assessment)[1] + timedelta(days=rule.gap_days)
            if _first_dose(state.assessment)[1] < allowed:
                early[state.assessment.usubjid] = allowed
    return [
        _deviating(state, early[state.assessment.usubjid])
        if state.assessment.usubjid in early
        else state
        for state in states
    ]


def _waits(subject: SubjectAssessment) -> bool:
    return subject.part == "escalation" and subject.dose_level is not None


def _first_dose(subject: SubjectAssessment) -> tuple[int, date, str]:
    assert subject.window is not None
    assert subject.dose_level is not None
    return subject.dose_level, subject.window.first, subject.usubjid


def _deviating(state: SubjectState, allowed: date) -> SubjectState:
    subject = state.assessment
    text = f"the sentinel gap was not kept: first dosed before {allowed}"
    question = Query(
        id=sha256(f"{subject.subject}|sentinel_gap")[:16],
        subject=subject.subject,
        kind="protocol",
        text=text,
        evidence=tuple(entry.evidence for entry in state.dosed),
        known_at=latest(state.dosed),
    )
    flags = tuple(sorted({*subject.flags, "sentinel_gap"}))
    return replace(
        state,
        assessment=subject.model_copy(update={"flags": flags}),
        queries=(*state.queries, question),
    )
