"""What is seen of a toxicity: one grade from a day on, and the course that such grades make.

A course is never changed; what becomes known makes another one. So whatever follows from a course
alone is worked out once and kept with it, and of a subject with a year of laboratory visits a
further value leaves all but one or two courses as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar, cast, overload

from shared.clinical.answered import Answered
from shared.clinical.measured import GradedSample
from shared.clinical.timeline import Entry

Found = TypeVar("Found")
Related = Literal["yes", "no", "unknown"]
DEATH = 5


class Observation(NamedTuple):
    """One grade of one term, from a day on. ``low`` to ``high`` is a range where it is not certain.

    ``first`` to ``last`` are the local dates it may have begun, ``end`` the date a reported event
    was over (None: not over, or a measured value, which the next value of its ``series`` ends) and
    ``over`` the instants that may have been. ``worst``: what it may be beyond ``high`` by a symptom
    or a second finding that nobody reported. ``others``: further records it rests on. ``told`` is
    the reason in words, or what can put it into words when somebody asks.
    """

    term: str
    first: date
    last: date
    moment: tuple[datetime, datetime]
    low: int
    high: int
    entry: Entry
    told: str | GradedSample
    reported: bool
    before_treatment: bool
    end: date | None = None
    over: tuple[datetime, datetime] | None = None
    related: Related = "unknown"
    worst: int = 0
    series: tuple[str, tuple[str, ...]] | None = None
    others: tuple[Entry, ...] = ()

    @property
    def why(self) -> str:
        """Why it has this grade, in words."""
        return self.told if isinstance(self.told, str) else self.told.why


_Grade = Observation | GradedSample | Answered
"""What has grades: ``low`` to ``high``, and ``worst``."""


class Course(Sequence[Observation]):
    """The observations of one term in the order of time, at least one; equal to nothing but
    itself."""

    def __init__(self, seen: Iterable[Observation]) -> None:
        self._values: Sequence[_Grade] = tuple(seen)
        self._observe: Callable[[], Sequence[Observation]] | None = None
        self._memory: dict[Hashable, tuple[Any, Any]] = {}

    @classmethod
    def of_graded(
        cls, grades: Sequence[_Grade], observe: Callable[[], Sequence[Observation]]
    ) -> Course:
        """The course of measured values of these ``grades``, which are observed when somebody asks:
        of the normal values of most tests nobody does."""
        course = cls(())
        course._values, course._observe = grades, observe
        return course

    @cached_property
    def _seen(self) -> Sequence[Observation]:
        if self._observe is None:
            return cast("Sequence[Observation]", self._values)
        return self._observe()

    def __len__(self) -> int:
        return len(self._seen)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __iter__(self) -> Iterator[Observation]:
        return iter(self._seen)

    @overload
    def __getitem__(self, place: int) -> Observation: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Observation]: ...
    def __getitem__(self, place: int | slice) -> Observation | Sequence[Observation]:
        return self._seen[place]

    @cached_property
    def low(self) -> int:
        """The highest grade that is certain."""
        return max([one.low for one in self._values])

    @cached_property
    def high(self) -> int:
        """The highest grade that is possible."""
        return max([one.high for one in self._values])

    @cached_property
    def is_undecided(self) -> bool:
        """Whether some value is of a higher grade at its worst."""
        return any(one.worst > one.high for one in self._values)

    @cached_property
    def measured(self) -> Sequence[Observation]:
        """What was measured; the course itself where nothing was reported."""
        return self._part(reported=False)

    @cached_property
    def reports(self) -> Sequence[Observation]:
        """What was reported."""
        return self._part(reported=True)

    def _part(self, *, reported: bool) -> Sequence[Observation]:
        if self._observe is not None:
            return () if reported else self
        found = [one for one in self._seen if one.reported is reported]
        if len(found) == len(self._seen):
            return self
        return Course(found) if found else ()

    def remembered(self, name: Hashable, basis: object, work: Callable[[], Found]) -> Found:
        """What ``work`` makes of this course and of its basis, anew where that is another one."""
        kept = self._memory.get(name)
        if kept is None or kept[0] != basis:
            kept = self._memory[name] = (basis, work())
        found: Found = kept[1]
        return found
