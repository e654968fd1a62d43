"""Answers to the conditions of a criterion, and how they combine.

Four answers: it holds, it does not, it is open, or a person judges. A "no" with a deadline is a
"not so far": enough to say that a criterion is not met yet, never enough to excuse one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from shared.clinical.case import Trigger
from shared.clinical.criteria import ADJUDICATORS
from shared.clinical.timeline import Entry
from shared.contracts.assessment import CriterionResult

Holds = Literal["yes", "no", "open", "judge"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a condition holds, and why. ``first`` to ``last``: since when, where that may be
    later than the onset of the toxicity. ``deadline``, ``missing``, ``flags``: see `Trigger`."""

    holds: Holds
    why: str
    first: date | None = None
    last: date | None = None
    entries: tuple[Entry, ...] = ()
    deadline: datetime | None = None
    missing: str | None = None
    flags: tuple[str, ...] = ()


def judged(question: str, role: str) -> Answer:
    """Only a person can tell."""
    return Answer("judge", f"{question}: {decider(role)}")


def decider(role: str) -> str:
    """Who decides, in a sentence."""
    return "a person decides" if role == ADJUDICATORS else f"the {role} decides"


def sooner(*moments: datetime | None) -> datetime | None:
    """The first of several deadlines."""
    return min((moment for moment in moments if moment is not None), default=None)


def any_of(answers: Sequence[Answer]) -> Answer:
    """Whether at least one holds; the earliest that does."""
    for holds in ("yes", "judge", "open"):
        found = [answer for answer in answers if answer.holds == holds]
        if found:
            return min(found, key=lambda answer: answer.first or date.min)
    return _joined("no", answers)


def all_of(answers: Sequence[Answer]) -> Answer:
    """Whether all hold; since the last of them."""
    order: tuple[Holds, ...] = ("no", "open", "judge")
    for holds in order:
        found = [answer for answer in answers if answer.holds == holds]
        if found:
            return _joined(holds, found)
    return _joined("yes", answers)


def negated(answer: Answer) -> Answer:
    """Whether it does not hold. "Not so far" may still change and is open."""
    if answer.holds == "yes":
        return replace(answer, holds="no", deadline=None)
    if answer.holds == "no":
        return replace(answer, holds="open" if answer.deadline else "yes", first=None, last=None)
    return answer


def _joined(holds: Holds, answers: Iterable[Answer]) -> Answer:
    several = list(answers)
    firsts = [answer.first for answer in several if answer.first is not None]
    lasts = [answer.last for answer in several if answer.last is not None]
    return Answer(
        holds,
        "; ".join(dict.fromkeys(answer.why for answer in several)),
        max(firsts, default=None),
        max(lasts, default=None),
        tuple(dict.fromkeys(entry for answer in several for entry in answer.entries)),
        sooner(*(answer.deadline for answer in several)),
        next((answer.missing for answer in several if answer.missing), None),
        tuple(dict.fromkeys(flag for answer in several for flag in answer.flags)),
    )


def required(trigger: Trigger, answer: Answer, joint: str = "; ") -> Trigger:
    """What is left of a trigger that asks for this besides."""
    results: dict[Holds, CriterionResult] = {
        "yes": trigger.result,
        "no": "not_met",
        "open": _at_most(trigger.result, "open"),
        "judge": _at_most(trigger.result, "needs_review"),
    }
    return replace(
        _with(trigger, answer, joint),
        result=results[answer.holds],
        first=max(trigger.first, answer.first or trigger.first),
        last=max(trigger.last, answer.last or trigger.last),
        missing=answer.missing or trigger.missing,
    )


def excused(trigger: Trigger, answer: Answer) -> Trigger:
    """What is left of a trigger that is none if this holds, or may turn out to be none."""
    result: CriterionResult = trigger.result
    if answer.holds == "yes":
        result = "not_met"
    elif answer.holds == "open":
        result = "open" if result == "met" else result
    elif answer.holds == "judge":
        result = _at_most(result, "needs_review")
    told = answer if answer.holds != "no" else replace(answer, deadline=None)
    said = _with(trigger, told, "; ")
    return replace(said, result=result, missing=told.missing or trigger.missing)


def _with(trigger: Trigger, answer: Answer, joint: str) -> Trigger:
    return replace(
        trigger,
        why=f"{trigger.why}{joint}{answer.why}" if answer.why else trigger.why,
        entries=tuple(dict.fromkeys((*trigger.entries, *answer.entries))),
        deadline=sooner(answer.deadline, trigger.deadline),
        flags=tuple(dict.fromkeys((*trigger.flags, *answer.flags))),
    )


_ORDER: tuple[CriterionResult, ...] = ("not_met", "open", "needs_review", "met")


def _at_most(result: CriterionResult, limit: CriterionResult) -> CriterionResult:
    """The lesser of two results: an open one stays open when a person is asked besides."""
    return min(result, limit, key=_ORDER.index)
