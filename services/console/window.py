"""One subject's DLT window and criteria, as the board and the subject's own page show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from services.console.words import CRITERION_RESULTS, Word
from shared.contracts.assessment import Criterion, SubjectAssessment

_RESULT_ORDER = {"met": 0, "needs_review": 1, "open": 2, "not_met": 3}


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a window: `past` (today included), `onset` where a criterion set in."""

    number: int
    past: bool
    onset: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subject is through its DLT window. `text` says the same in words."""

    first: date
    last: date
    length: int
    days: tuple[Day, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion of one subject."""

    criterion: Criterion
    word: Word


def criterion_lines(subject: SubjectAssessment) -> tuple[Line, ...]:
    """Its criteria, those met first and those not met last."""
    return tuple(
        Line(criterion, CRITERION_RESULTS[criterion.result])
        for criterion in sorted(subject.criteria, key=lambda c: _RESULT_ORDER[c.result])
    )


def progress_of(subject: SubjectAssessment, today: date) -> Progress | None:
    """How far the subject is on `today`; None without a window."""
    window = subject.window
    if window is None:
        return None
    length = (window.last - window.first).days + 1
    # The monitor names a day only inside the window; which side of it we are on is no close call.
    day = window.day or (0 if today < window.first else length + 1)
    onsets = {c.onset for c in subject.criteria if c.onset and c.result in ("met", "needs_review")}
    days = tuple(
        Day(n, n <= day, window.first + timedelta(days=n - 1) in onsets)
        for n in range(1, length + 1)
    )
    if day > length:
        text = f"{length}-day window closed"
    elif day == 0:
        text = f"{length}-day window not begun"
    else:
        text = f"day {day} of {length}"
    return Progress(window.first, window.last, length, days, text)
