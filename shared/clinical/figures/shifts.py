"""From the grade before treatment to the worst one on it, by test and CTCAE term."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from shared.clinical.ctcae import Graded
from shared.clinical.ctcae.criteria import Criterion
from shared.clinical.measured import GradedSample
from shared.clinical.person import Person
from shared.clinical.samples import is_done, is_flagged
from shared.clinical.timeline import Entry
from shared.contracts.figures import Shift, ShiftCell, ShiftGrade

Key = tuple[str, str, str]
"""Test, term and direction."""

_ORDER: tuple[ShiftGrade, ...] = ("0", "1", "2", "3", "4", "5", "uncertain", "not_gradable", "none")
_GRADES = _ORDER[:6]
_Rank = tuple[bool, datetime]


class _Reading(NamedTuple):
    """What one record says of a term: the least and the most it may be, and whether it is of the
    time before treatment."""

    low: int
    high: int
    graded: bool
    before: bool
    entry: Entry

    def joined(self, other: _Reading) -> _Reading:
        """With what another content of the record, or another value derived from it, says."""
        return _Reading(
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            graded=self.graded or other.graded,
            before=self.before and other.before,
            entry=self.entry,
        )


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
    keys: dict[tuple[str, Criterion], Key] = {}
    for contents in person.graded():
        for key, reading in _readings(contents, keys).items():
            course = courses.setdefault(key, _Course())
            if reading.before:
                rank = is_flagged(reading.entry), reading.entry.instants(person.zone)[1]
                course.before.append((rank, reading))
            else:
                course.after.append(reading)
    return {key: course.ends for key, course in courses.items()}


def _readings(
    contents: Sequence[Sequence[GradedSample]], keys: dict[tuple[str, Criterion], Key]
) -> dict[Key, _Reading]:
    """What one laboratory record says by test and term; nothing of what was not done. ``keys``
    holds the keys that were needed before."""
    found: dict[Key, _Reading] = {}
    for one in chain.from_iterable(contents):
        sample = one.sample
        if sample.domain == "lab" and is_done(sample.entry):
            criterion = one.answer.compiled.criterion
            if (key := keys.get((sample.test, criterion))) is None:
                key = keys[sample.test, criterion] = _key(sample.test, criterion)
            graded = isinstance(one.answer, Graded)
            reading = _Reading(one.low, one.high, graded, one.before, sample.entry)
            found[key] = found[key].joined(reading) if key in found else reading
    return found


def _key(test: str, criterion: Criterion) -> Key:
    return test, criterion.term, criterion.direction


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
