"""The one shape of question and answer for all designs."""

from __future__ import annotations

from dataclasses import dataclass
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
