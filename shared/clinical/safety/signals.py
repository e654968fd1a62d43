"""What is told of a subject's safety findings: each finding, and each turn of its clocks.

A clock that still runs in time, or was met, tells nothing of its own: its deadline stands in the
words of the finding, which is told again with another deadline. Clocks are told apart by what they
wait for, so that the warning at 80 % follows up the one at 50 %, and each follows the event down
when it is withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.clinical.standing import Draft, signal_of
from shared.contracts.assessment import (
    Assessment,
    ClockStatus,
    ClockView,
    SafetyFinding,
    SubjectAssessment,
)
from shared.contracts.signals import Severity, SignalType

_TYPES = {
    "sae": SignalType.SAE,
    "aesi": SignalType.AESI,
    "immune_related": SignalType.AESI,
    "hys_law": SignalType.HYS_LAW,
}
_TOLD: dict[ClockStatus, tuple[Severity, str]] = {
    "at_50": ("warning", "half of the time is over"),
    "at_80": ("urgent", "80 % of the time is over"),
    "overdue": ("critical", "overdue"),
    "perhaps_late": ("notice", "done, and the dates don't tell whether in time"),
    "late": ("warning", "done too late"),
}


def safety_signals(assessment: Assessment, subject: SubjectAssessment) -> Iterator[Draft]:
    """Every signal that stands by the subject's findings."""
    for finding in subject.safety:
        yield _finding(assessment, subject, finding)
        for clock in finding.clocks:
            if clock.status in _TOLD:
                yield _clock(assessment, subject, finding, clock)


def _finding(assessment: Assessment, subject: SubjectAssessment, finding: SafetyFinding) -> Draft:
    due = "".join(f"; {clock.text} due by {_when(clock)}" for clock in finding.clocks)
    return signal_of(
        assessment,
        _TYPES[finding.kind],
        "urgent" if finding.urgent else "warning",
        f"{finding.id}/{subject.usubjid}",
        f"{finding.trigger}{due}",
        finding.rule,
        f"{subject.subject}: {finding.text}{due}",
        finding.onset,
        finding.known_at,
        subject.subject,
        subject.dose_level,
    )


def _clock(
    assessment: Assessment, subject: SubjectAssessment, finding: SafetyFinding, clock: ClockView
) -> Draft:
    severity, words = _TOLD[clock.status]
    return signal_of(
        assessment,
        _TYPES[finding.kind],
        severity,
        f"clock/{clock.id}/{finding.id}/{subject.usubjid}",
        f"{clock.status}|{clock.due.isoformat()}",
        f"{finding.rule}/{clock.id}",
        f"{subject.subject}: {clock.text} {words}: due by {_when(clock)}, counted from "
        f"{clock.basis}; {finding.text}",
        clock.since,
        max(clock.since, finding.known_at),
        subject.subject,
        subject.dose_level,
    )


def _when(clock: ClockView) -> str:
    """The last day of a clock of calendar days, in its region; else the last minute, in UTC."""
    if clock.day_0 is None:
        return f"{clock.due:%Y-%m-%d %H:%M} UTC"
    return f"the end of {clock.last_day} ({clock.region}, day 0 {clock.day_0})"
