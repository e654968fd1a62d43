"""What a committee may decide without a second person: what the design says now, or less.

Pure. Whatever is not here can still be decided, as an override: with a reason, and a second member
of the committee. The core takes either record; this is where a slip of the hand is caught.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.console.words import ACTIONS
from shared.contracts.assessment import Action, Assessment, DoseAssessment

DECIDABLE: tuple[Action, ...] = (
    "enrol",
    "expand",
    "escalate",
    "stay",
    "deescalate",
    "hold",
    "finish",
    "stop",
)
"""The actions a record may hold: all but waiting."""
_SETS_DOSE = ("enrol", "expand", "escalate", "stay", "deescalate")
_GO = ("enrol", "expand", "escalate", "stay")
_USABLE = ("open", "cleared")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a committee wants to put on record."""

    action: Action
    dose_level: int
    lifts_hold: bool = False
    mtd: int | None = None
    rp2d: int | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One of the decisions the design allows now. `value` is what a form sends; `note` says why it
    is here."""

    action: Action
    dose_level: int
    text: str
    note: str
    recommended: bool = False

    @property
    def value(self) -> str:
        return f"{self.action}.{self.dose_level}"


def current_level(assessment: Assessment) -> int:
    """The level that the last record has set; before the first, the one where subjects are."""
    named = [one for one in assessment.decisions if one.action in _SETS_DOSE]
    if named:
        return max(named, key=lambda one: (one.known_at, one.decided)).dose_level
    treated = [dose.level for dose in assessment.doses if dose.treated]
    opened = [dose.level for dose in assessment.doses if dose.state in _USABLE]
    return max(treated, default=min(opened, default=1))


def options_of(assessment: Assessment) -> tuple[Option, ...]:
    """What the rule says first, then what is more cautious."""
    found = {one.value: one for one in _options(assessment)}
    return tuple(sorted(found.values(), key=lambda one: not one.recommended))


def against(assessment: Assessment, choice: Choice) -> tuple[str, ...]:
    """Why a choice needs an override; nothing where the design allows it."""
    return tuple(_against(assessment, choice))


def _options(assessment: Assessment) -> Iterator[Option]:
    here = current_level(assessment)
    doses = {dose.level: dose for dose in assessment.doses}
    if here in doses and doses[here].state in (*_USABLE, "held"):
        held = assessment.status == "on_hold"
        yield _option("stay", doses[here], "only with the hold lifted" if held else "cautious")
    for level, dose in sorted(doses.items(), reverse=True):
        if level < here and dose.state in _USABLE:
            yield _option("deescalate", dose, "cautious")
    if here in doses:
        yield _option("hold", doses[here], "cautious")
        yield _option("stop", doses[here], "cautious")
    said = assessment.recommendation
    if said.action in DECIDABLE and said.dose_level in doses:
        found = _option(said.action, doses[said.dose_level], "what the rule says")
        yield replace(found, recommended=True)


def _option(action: Action, dose: DoseAssessment, note: str) -> Option:
    between = "to" if action in ("escalate", "deescalate") else "at"
    return Option(action, dose.level, f"{ACTIONS[action].text} {between} {dose.label}", note)


def _against(assessment: Assessment, choice: Choice) -> Iterator[str]:
    said = assessment.recommendation
    if f"{choice.action}.{choice.dose_level}" not in {one.value for one in options_of(assessment)}:
        yield (
            f"The design says {said.action} at dose level {said.dose_level} now,"
            f" not {choice.action} at dose level {choice.dose_level}."
        )
    if assessment.degraded and choice.action in (*_GO, "finish"):
        yield "Some records of the study could not be read, so the counts may be too low."
    yield from _against_going_on(assessment, choice)
    if choice.mtd is not None and choice.mtd != said.mtd:
        yield f"The rule names {_level(said.mtd)} as the MTD, not {_level(choice.mtd)}."
    if choice.rp2d is not None and not _may_be_rp2d(assessment, choice.rp2d):
        yield "An RP2D is a dose up to the MTD that the rule has found, and none that is exceeded."


def _against_going_on(assessment: Assessment, choice: Choice) -> Iterator[str]:
    """A hold is lifted by a record, but not while what caused it is unjudged or still there."""
    held = assessment.status == "on_hold"
    if held and choice.action in _GO and not choice.lifts_hold and not _is_said(assessment, choice):
        yield "Enrolment is held: a decision to go on has to lift the hold."
    if not choice.lifts_hold:
        return
    if any(dose.dlt.candidate for dose in assessment.doses):
        yield "A candidate DLT has not been judged: lifting the hold would not wait for it."
    dose = next((one for one in assessment.doses if one.level == choice.dose_level), None)
    if dose is not None and dose.state == "exceeded" and choice.action in _SETS_DOSE:
        yield f"{dose.label} is exceeded: lifting the hold there is against the design."
    if any(rule.status == "crossed" for rule in assessment.stopping) and choice.action in _GO:
        yield "A stopping rule is crossed."


def _is_said(assessment: Assessment, choice: Choice) -> bool:
    said = assessment.recommendation
    return (said.action, said.dose_level) == (choice.action, choice.dose_level)


def _may_be_rp2d(assessment: Assessment, level: int) -> bool:
    mtd = assessment.recommendation.mtd
    dose = next((one for one in assessment.doses if one.level == level), None)
    return mtd is not None and dose is not None and level <= mtd and dose.state != "exceeded"


def _level(level: int | None) -> str:
    return "no level" if level is None else f"dose level {level}"
