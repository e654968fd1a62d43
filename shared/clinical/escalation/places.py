"""How many more subjects may be assigned to a dose before its rule has to be asked again.

The rule itself is asked, with one more pending subject after another; so the answer holds for every
design. Whoever is assigned and not dosed yet has taken a place already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from shared.clinical.designs import Patient, Question
from shared.clinical.designs.live import action_of, dose_level_of
from shared.clinical.escalation.holds import Memory, look_back
from shared.clinical.escalation.question import ENROLS, Situation, decide, question_of
from shared.clinical.protocol import Protocol
from shared.clinical.sentinel import next_dose_from
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry

MOST_PLACES = 20
"""Where a rule goes on for ever, nobody assigns more at a time."""


@dataclass(frozen=True, slots=True)
class Room:
    """What an assessment does not say of a level: the ``places`` the rule gives now, how many of
    them subjects ``assigned`` but not dosed yet have taken, and from which date on (the study's)
    the sentinel gap lets one more be dosed; ``sentinel_due``: its first one is not dosed yet."""

    places: int
    assigned: int
    today: date
    not_before: date | None = None
    sentinel_due: bool = False

    @property
    def left(self) -> int:
        """Places nobody has taken."""
        return max(0, self.places - self.assigned)


def room_at(
    protocol: Protocol,
    memory: Memory,
    states: Sequence[SubjectState],
    decisions: Sequence[Entry],
    as_of: datetime,
    level: int,
) -> Room:
    """The room at a dose level, by decisions that nothing contradicts."""
    present = Situation(protocol, states, decisions, as_of)
    question = question_of(present, look_back(present, memory, as_of).eliminated_from)
    there = [state.assessment for state in states if state.assessment.dose_level == level]
    first = next_dose_from(protocol, there, level)
    assigned = sum(subject.status == "not_started" for subject in there)
    return Room(
        places=_places(present, question, level),
        assigned=assigned,
        today=as_of.astimezone(protocol.zone()).date(),
        not_before=first,
        sentinel_due=protocol.sentinel is not None and first is None and assigned > 0,
    )


def _places(present: Situation, question: Question, level: int) -> int:
    places = 0
    while places < MOST_PLACES and _asks_for(present, question, level):
        places, question = places + 1, _with_one_more(question, level)
    return places


def _asks_for(present: Situation, question: Question, level: int) -> bool:
    answer = decide(present, question)
    if level in answer.extra.get("backfill_open", ()):
        return True
    return action_of(answer) in ENROLS and dose_level_of(answer) == level


def _with_one_more(question: Question, level: int) -> Question:
    """The question once one more subject is treated at the level, not followed yet."""
    doses = list(question.doses)
    doses[level - 1] = replace(doses[level - 1], pending=doses[level - 1].pending + 1)
    one = Patient(level, 0, 0.0, pending=True, first_dose=question.today)
    return replace(question, doses=tuple(doses), patients=(*question.patients, one))
