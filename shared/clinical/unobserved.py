"""The courses of measured terms, as far as they can be told without making an observation of each
value: of most terms all that is ever asked is how high a grade was, and it was none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from shared.clinical.ctcae.criteria import Criterion
from shared.clinical.measured import Content
from shared.clinical.observations import Course, Observation
from shared.clinical.timeline import Entry

_Taken = tuple[date, tuple[datetime, datetime], str]
"""When a value was taken and the version that says so: as `toxicity.in_time`."""


class _Alike:
    """Contents that the same criteria answer, in one order: when they were taken, and each that is
    another."""

    def __init__(self) -> None:
        self.taken: list[_Taken] = []
        self.contents: list[Content] = []


def unobserved_courses(
    said: Iterable[tuple[Entry, Content]],
    zone: ZoneInfo,
    observe: Callable[[str], Sequence[Observation]],
) -> dict[str, Course] | None:
    """What `measured_courses` makes of the observations of records that say one thing each; by
    ``observe`` those of a term are made when somebody asks. None where it hangs on more than their
    grades: of a term that two criteria answer or that was measured twice at one time, and of a
    date in the future."""
    groups: dict[tuple[Criterion, ...], _Alike] = {}
    found: dict[int, _Alike] = {}
    for entry, content in said:
        when = entry.when(zone)
        if when.slipped:
            return None
        alike = found.get(id(content))
        if alike is None:
            criteria = tuple([one.answer.compiled.criterion for one in content])
            alike = found[id(content)] = groups.setdefault(criteria, _Alike())
            alike.contents.append(content)
        alike.taken.append((when.first, when.moment, entry.fact.fact_id))
    spoken: dict[str, list[tuple[int, _Alike]]] = {}
    for criteria, alike in groups.items():
        for place, criterion in enumerate(criteria):
            spoken.setdefault(criterion.term, []).append((place, alike))
    if len({one for criteria in groups for one in criteria}) > len(spoken):
        return None
    if any(_are_of_one_time([alike for _, alike in parts]) for parts in spoken.values()):
        return None
    return {
        term: Course.of_graded(
            [content[place] for place, alike in parts for content in alike.contents],
            partial(observe, term),
        )
        for term, parts in sorted(spoken.items(), key=_first)
    }


def _are_of_one_time(groups: Sequence[_Alike]) -> bool:
    """Whether two values were taken at one time; a group twice says a term twice."""
    moments = {moment for alike in groups for _, moment, _ in alike.taken}
    return len(moments) < sum(len(alike.taken) for alike in groups)


def _first(term: tuple[str, Sequence[tuple[int, _Alike]]]) -> tuple[_Taken, int]:
    """By when the first value of a term was taken, and its place in what was said then."""
    return min((min(alike.taken), place) for place, alike in term[1])
