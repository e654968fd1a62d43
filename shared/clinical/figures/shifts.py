"""From the grade before treatment to the worst one on it, by test and CTCAE term."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.clinical.ctcae import Graded
from shared.clinical.measured import GradedSample
from shared.clinical.person import Person
from shared.clinical.samples import is_done, is_flagged
from shared.contracts.figures import Shift, ShiftCell, ShiftGrade

Key = tuple[str, str, str]
"""Test, term and direction."""

_ORDER: tuple[ShiftGrade, ...] = ("0", "1", "2", "3", "4", "5", "uncertain", "not_gradable", "none")
_GRADES = _ORDER[:6]
_Rank = tuple[bool, datetime]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one record says of a term: the least and the most it may be."""

    low: int
    high: int
    graded: bool


@dataclass(slots=True)
class _Course:
    """The readings before treatment by their rank, the highest of which is the baseline, and those
    on treatment."""

    before: list[tuple[_Rank, _Reading]] = field(default_factory=list)
    after: list[_Reading] = field(default_factory=list)

    @property
    def ends(self) -> tuple[ShiftGrade, ShiftGrade]:
        last = max((rank for rank, _ in self.before), default=None)
        baseline = [reading for rank, reading in self.before if rank == last]
        return _grade(baseline), _grade(self.after)


def shift_ends(person: Person) -> dict[Key, tuple[ShiftGrade, ShiftGrade]]:
    """Where a subject stood before treatment, and the worst on treatment."""
    courses: dict[Key, _Course] = {}
    for contents in person.graded():
        for key, found in _by_key(contents).items():
            first = found[0]
            entry = first.sample.entry
            course = courses.setdefault(key, _Course())
            if all(one.before for one in found):
                rank = is_flagged(entry), entry.instants(person.zone)[1]
                course.before.append((rank, _reading(found)))
            else:
                course.after.append(_reading(found))
    return {key: course.ends for key, course in courses.items()}


def _by_key(contents: Sequence[Sequence[GradedSample]]) -> dict[Key, list[GradedSample]]:
    """The answers about one laboratory record by test and term; none of what was not done."""
    found: dict[Key, list[GradedSample]] = {}
    for one in (one for content in contents for one in content):
        if one.sample.domain == "lab" and is_done(one.sample.entry):
            key = one.sample.test, one.answer.term, one.answer.direction
            found.setdefault(key, []).append(one)
    return found


def _reading(found: Sequence[GradedSample]) -> _Reading:
    return _Reading(
        low=min(one.low for one in found),
        high=max(one.high for one in found),
        graded=any(isinstance(one.answer, Graded) for one in found),
    )


def _grade(readings: Sequence[_Reading]) -> ShiftGrade:
    """The worst of them; what could not be graded may have been worse than all that could."""
    if not readings:
        return "none"
    low, high = max(one.low for one in readings), max(one.high for one in readings)
    if low == high:
        return _GRADES[low]
    return "uncertain" if any(one.graded for one in readings) else "not_gradable"


def shifts_of(ends: Iterable[dict[Key, tuple[ShiftGrade, ShiftGrade]]]) -> Iterator[Shift]:
    """The tables over all subjects, by test and term."""
    tables: dict[Key, Counter[tuple[ShiftGrade, ShiftGrade]]] = {}
    for subject in ends:
        for key, cell in subject.items():
            tables.setdefault(key, Counter())[cell] += 1
    for (test, term, direction), counts in sorted(tables.items()):
        cells = sorted(counts.items(), key=lambda one: tuple(map(_ORDER.index, one[0])))
        yield Shift(
            test=test,
            term=term,
            direction="high" if direction == "high" else "low",
            cells=tuple(
                ShiftCell(baseline=baseline, worst=worst, subjects=number)
                for (baseline, worst), number in cells
            ),
        )
