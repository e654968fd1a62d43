"""3+3 with cohorts of three, read live while subjects are pending.

Rule: 0/3 escalate, 1/3 add three, 1/6 escalate, 2 DLTs at a dose: exceeded. ``plain``: when a dose
is exceeded the dose below is the MTD, whatever its size. ``deescalate``: the dose below is first
filled to six; the MTD is the highest dose with six evaluable and at most one DLT.

Source: Storer BE, Biometrics 1989;45:925-937; Korn EL et al., Stat Med 1994;13:1799-1806. Counts
off the grid (0/4, 1/4, 1/5) get the cautious reading: no DLT in three or more is as good as 0/3,
one DLT asks for six.

Stop decisions count confirmed and candidate DLTs at once; go decisions need nothing pending.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from shared.contracts.assessment import Action, Reason


@dataclass(frozen=True, slots=True)
class Counts:
    """Subjects at one dose level. ``candidate`` subjects are among the ``pending``."""

    level: int
    evaluable: int = 0
    pending: int = 0
    confirmed: int = 0
    candidate: int = 0

    @property
    def toxic(self) -> int:
        """What stop decisions count: confirmed and candidate DLTs."""
        return self.confirmed + self.candidate

    @property
    def enrolled(self) -> int:
        """Subjects that fill a place of the cohort; not evaluable ones are replaced."""
        return self.evaluable + self.pending

    @property
    def ratio(self) -> str:
        """``1/6`` as committees write it: DLTs, candidates included, of those enrolled."""
        return f"{self.toxic}/{self.enrolled}"


@dataclass(frozen=True, slots=True)
class Question:
    """All dose levels from 1 upwards, the one enrolling now, and the one the study started with."""

    doses: tuple[Counts, ...]
    current: int
    variant: Literal["plain", "deescalate"]
    start: int = 1

    def at(self, level: int) -> Counts:
        """The counts of one level."""
        return self.doses[level - 1]

    @property
    def top(self) -> int:
        """The highest level of the protocol."""
        return len(self.doses)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rule allows next. ``hold_from``: the lowest level that may not enrol, if any."""

    action: Action
    dose_level: int | None
    reasons: tuple[Reason, ...]
    mtd: int | None = None
    mtd_status: Literal["undetermined", "none", "found"] = "undetermined"
    hold_from: int | None = None


COHORT = 3
FULL = 6
LIMIT = 2


def decide(question: Question) -> Answer:
    """What the rule allows next, with the reasons in English."""
    exceeded = [counts for counts in question.doses if counts.toxic >= LIMIT]
    if exceeded:
        return _exceeded(question, exceeded[0])
    below = _first_uncleared(question)
    if below is not None:
        return _fallen(question, below)
    return _at_current(question, question.at(question.current))


def cleared(counts: Counts) -> bool:
    """Whether the counts allow going above the dose: 0 DLT in three or more, or 1 in six."""
    if counts.pending:
        return False
    return cleared_so_far(counts)


def cleared_so_far(counts: Counts) -> bool:
    """As `cleared`, on those already evaluable."""
    enough = FULL if counts.toxic else COHORT
    return counts.evaluable >= enough and counts.toxic < LIMIT


def _reason(rule: str, text: str, counts: Counts) -> Reason:
    return Reason(
        rule=f"three_plus_three.{rule}",
        text=text,
        inputs={
            "dose_level": counts.level,
            "evaluable": counts.evaluable,
            "pending": counts.pending,
            "dlt_confirmed": counts.confirmed,
            "dlt_candidate": counts.candidate,
        },
    )


def _first_uncleared(question: Question) -> Counts | None:
    for counts in _lower(question, question.current):
        if not cleared_so_far(counts):
            return counts
    return None


def _lower(question: Question, level: int) -> list[Counts]:
    """The doses below a level that the study has passed through."""
    below = question.doses[: level - 1]
    return [one for one in below if one.level >= question.start or one.enrolled]


def _may_fall(question: Question, level: int) -> Counts | None:
    """A dose below that its pending subjects could still take away."""
    for counts in _lower(question, level):
        worst = replace(
            counts,
            evaluable=counts.enrolled,
            confirmed=counts.confirmed + counts.pending,
            pending=0,
        )
        if counts.pending and not cleared_so_far(replace(worst, candidate=0)):
            return counts
    return None


def _wait_for(counts: Counts) -> Reason:
    text = (
        f"{counts.pending} pending at dose level {counts.level} ({counts.ratio}) may take it away"
    )
    return _reason("pending_below", text, counts)


def _fallen(question: Question, below: Counts) -> Answer:
    text = (
        f"dose level {below.level} no longer supports the doses above it: "
        f"{below.ratio}, {below.pending} pending"
    )
    reason = _reason("lower_dose_fell", text, below)
    return Answer("hold", question.current, (reason,), hold_from=below.level + 1)


def _exceeded(question: Question, counts: Counts) -> Answer:
    level = counts.level
    text = f"{counts.toxic} DLTs at dose level {level} ({counts.ratio}): the dose is exceeded"
    reason = _reason("exceeded", text, counts)
    if counts.confirmed < LIMIT:
        waiting = _reason("not_final", f"{counts.candidate} of them not confirmed yet", counts)
        return Answer("hold", level, (reason, waiting), hold_from=level)
    if level == 1:
        none = _reason("no_dose_below", "there is no dose below", counts)
        return Answer("stop", level, (reason, none), None, "none", hold_from=level)
    return _below_exceeded(question, question.at(level - 1), reason, level)


def _below_exceeded(question: Question, below: Counts, reason: Reason, held: int) -> Answer:
    needed = FULL if question.variant == "deescalate" or below.toxic else COHORT
    if below.enrolled < needed:
        text = (
            f"dose level {below.level} has {below.enrolled} of {needed}: treat {COHORT} more there"
        )
        more = _reason("fill_dose_below", text, below)
        down: Action = "deescalate" if question.current > below.level else "expand"
        return Answer(down, below.level, (reason, more), hold_from=held)
    pending = below if below.pending else _may_fall(question, below.level)
    if pending is not None:
        text = f"{pending.pending} pending at dose level {pending.level} decide the MTD"
        wait = _reason("pending_below", text, pending)
        still: Action = "hold" if question.current >= held else "wait"
        return Answer(still, question.current, (reason, wait), hold_from=held)
    text = f"dose level {below.level} has {below.ratio}: it is the MTD"
    found = _reason("mtd", text, below)
    return Answer("finish", below.level, (reason, found), below.level, "found", hold_from=held)


def _at_current(question: Question, counts: Counts) -> Answer:
    level = counts.level
    target = FULL if counts.toxic else COHORT
    below = _may_fall(question, level)
    if below is not None:
        return Answer("wait", level, (_wait_for(below),))
    if counts.enrolled < COHORT:
        text = f"{counts.enrolled} of {COHORT} places at dose level {level} are taken"
        return Answer("enrol", level, (_reason("fill_cohort", text, counts),))
    full = counts.enrolled >= target or counts.evaluable < COHORT
    if counts.candidate or (counts.pending and full):
        text = (
            f"{counts.pending} pending at dose level {level} ({counts.ratio}) may change the answer"
        )
        return Answer("wait", level, (_reason("pending", text, counts),))
    if counts.enrolled < target:
        text = f"{counts.ratio} at dose level {level}: {target} are needed"
        return Answer("expand", level, (_reason("expand", text, counts),))
    text = f"{counts.ratio} at dose level {level}, none pending"
    reason = _reason("cleared", text, counts)
    if level == question.top:
        return Answer("finish", level, (reason,), level, "found")
    return Answer("escalate", level + 1, (reason,))
