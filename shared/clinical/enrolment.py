"""May a subject be dosed at a level now? For a randomisation system, never a false yes.

``no``: somebody has to decide something first. ``wait``: a pending subject, a day or a message that
has not been applied decides. ``yes``: nothing speaks against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.clinical.escalation import ENROLS
from shared.clinical.escalation.places import Room
from shared.contracts.assessment import Assessment, DoseAssessment

Answer = Literal["yes", "wait", "no"]


@dataclass(frozen=True, slots=True)
class EnrolmentAnswer:
    """``allowed`` is answer ``yes``; ``reasons`` say what speaks against it, or why not.

    ``slots_left``: subjects who may be assigned before the rule has to be asked again, by what is
    known (None where the answer is no); ``replacing``: subjects at the level who are not evaluable
    and take no place.
    """

    answer: Answer
    allowed: bool
    dose_level: int
    reasons: tuple[str, ...]
    slots_left: int | None
    replacing: int
    not_before: date | None
    assessment_digest: str
    as_of: datetime


def enrolment(
    assessment: Assessment, dose_level: int, room: Room | None = None, *, behind: bool = False
) -> EnrolmentAnswer:
    """Whether the rule and the records allow one more subject at ``dose_level``.

    Without ``room`` the answer is what the assessment alone says. ``behind``: accepted messages
    are not applied yet.
    """
    dose = next((dose for dose in assessment.doses if dose.level == dose_level), None)
    against = [*_refusals(assessment, dose), *_waits(assessment, dose, behind)]
    if dose is not None and room is not None:
        against += _no_room(assessment, dose, room)
    answers = {answer for answer, _ in against}
    answer: Answer = "no" if "no" in answers else "wait" if answers else "yes"
    replacing = dose.not_evaluable if dose else 0
    reasons = [text for _, text in against] or [_why(room, replacing)]
    return EnrolmentAnswer(
        answer=answer,
        allowed=answer == "yes",
        dose_level=dose_level,
        reasons=tuple(reasons),
        slots_left=room.left if room and answer != "no" else None,
        replacing=replacing,
        not_before=room.not_before if room else None,
        assessment_digest=assessment.digest,
        as_of=assessment.as_of,
    )


def _why(room: Room | None, replacing: int) -> str:
    places = f"{room.left} places" if room else "places"
    replaced = f"; {replacing} not evaluable to be replaced" if replacing else ""
    return f"the level is open and the rule has {places} there{replaced}"


def _refusals(assessment: Assessment, dose: DoseAssessment | None) -> Iterator[tuple[Answer, str]]:
    """What only a person's record can change."""
    if dose is None:
        yield "no", "the protocol has no such dose level"
        return
    if assessment.status != "open":
        yield "no", f"the escalation is {assessment.status.replace('_', ' ')}"
    if dose.state in ("exceeded", "held"):
        yield "no", f"the dose level is {dose.state}"
    if dose.state == "not_open":
        yield "no", "no committee record has opened the dose level"
    said = assessment.recommendation
    if not _asked_for(assessment, dose) and said.action != "wait":
        yield "no", f"the rule says {said.action} at dose level {said.dose_level}"


def _waits(
    assessment: Assessment, dose: DoseAssessment | None, behind: bool
) -> Iterator[tuple[Answer, str]]:
    """What a pending subject or the store itself will settle."""
    if assessment.degraded:
        yield "wait", "a message of this study could not be handled"
    if behind:
        yield "wait", "accepted messages have not been applied yet"
    said = assessment.recommendation
    if dose is not None and said.action == "wait" and not _asked_for(assessment, dose):
        yield "wait", "; ".join(["the rule waits", *(reason.text for reason in said.reasons[:1])])


def _no_room(
    assessment: Assessment, dose: DoseAssessment, room: Room
) -> Iterator[tuple[Answer, str]]:
    """What those assigned or dosed before stand in the way of."""
    if _asked_for(assessment, dose) and not room.left:
        yield "wait", f"{room.assigned} assigned and not dosed yet have taken every place"
    if room.sentinel_due:
        yield "wait", "the first subject at this level has not been dosed yet"
    if room.not_before is not None and room.today < room.not_before:
        yield "wait", f"the sentinel gap lasts until {room.not_before}"


def _asked_for(assessment: Assessment, dose: DoseAssessment) -> bool:
    said = assessment.recommendation
    return dose.backfill or (said.action in ENROLS and said.dose_level == dose.level)
