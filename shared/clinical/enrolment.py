"""May a subject be dosed at a level now? For a randomisation system, never a false yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.assessment import Assessment


ENROLS = ("enrol", "expand", "stay")
"""Actions by which the rule asks for more subjects at the dose it names."""


@dataclass(frozen=True, slots=True)
class EnrolmentAnswer:
    """``allowed`` only where nothing speaks against it; ``reasons`` say what does, or why not."""

    allowed: bool
    dose_level: int
    reasons: tuple[str, ...]
    assessment_digest: str
    as_of: datetime


def enrolment(assessment: Assessment, dose_level: int) -> EnrolmentAnswer:
    """Whether the rule and the records allow one more subject at ``dose_level``."""
    against = _against(assessment, dose_level)
    reasons = against or ["the level is open and the rule has places there"]
    return EnrolmentAnswer(
        not against, dose_level, tuple(reasons), assessment.digest, assessment.as_of
    )


def _against(assessment: Assessment, dose_level: int) -> list[str]:
    dose = next((dose for dose in assessment.doses if dose.level == dose_level), None)
    if dose is None:
        return ["the protocol has no such dose level"]
    found: list[str] = []
    if assessment.degraded:
        found.append("a message of this study could not be handled")
    if assessment.status != "open":
        found.append(f"the escalation is {assessment.status.replace('_', ' ')}")
    if dose.state in ("exceeded", "held"):
        found.append(f"the dose level is {dose.state}")
    if dose.state == "not_open":
        found.append("no committee record has opened the dose level")
    recommendation = assessment.recommendation
    asked_for = recommendation.action in ENROLS and recommendation.dose_level == dose_level
    if not asked_for and not dose.backfill:
        found.append(
            f"the rule says {recommendation.action} at dose level {recommendation.dose_level}"
        )
    return found
