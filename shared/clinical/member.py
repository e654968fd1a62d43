"""One subject within a study: the history, and the states already worked out from it.

A memory only: a state by what was known at K does not change when something becomes known after K,
so it is kept until a version known by then arrives, apart for each protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple, TypeVar, cast
from zoneinfo import ZoneInfo

from shared.clinical.courses import Courses
from shared.clinical.grades import results_by_panel
from shared.clinical.history import History
from shared.clinical.moves import clock_of
from shared.clinical.person import Person, site_of
from shared.clinical.protocol import Protocol, day_ends, local_day
from shared.clinical.subject import SubjectState, assess_subject, criterion_results
from shared.clinical.timeline import Entry
from shared.contracts.assessment import CriterionResult
from shared.contracts.facts import CohortAssignment
from shared.contracts.graded import GradedResult

Found = TypeVar("Found")
Name = str | tuple[str, datetime]
"""What something kept is: alone, or of a moment."""

_MOST_PRESENT = 3
"""What was the present before is asked for again: did the latest news take something away?"""


class _Present(NamedTuple):
    """A state by everything known up to ``known``, and from and until when it holds; an earlier
    one, too."""

    known: datetime
    begins: datetime
    until: datetime
    state: SubjectState | None


@dataclass
class _Memory:
    """What was worked out by one protocol: earlier moments that were asked for, the present states,
    the latest last, and what else was ``made`` of the records by when the last was known."""

    protocol: Protocol
    past: dict[datetime, list[_Present]] = field(default_factory=dict)
    results: dict[datetime, dict[str, CriterionResult]] = field(default_factory=dict)
    recent: list[_Present] = field(default_factory=list)
    made: dict[tuple[datetime, object], object] = field(default_factory=dict)

    def held(self, as_of: datetime, known: datetime) -> _Present | None:
        """What was worked out with the same known, at a time the state holds for."""
        for one in chain(reversed(self.recent), self.past.get(known, ())):
            if one.known == known and (one.begins == as_of or one.begins <= as_of < one.until):
                return one
        return None

    def drop(self, known: datetime) -> None:
        """Forget what a version known then may change."""
        self.recent = [one for one in self.recent if one.known < known]
        self.made = {key: found for key, found in self.made.items() if key[0] < known}
        if any(key >= known for key in self.past):
            self.past = {key: found for key, found in self.past.items() if key < known}
        if any(key >= known for key in self.results):
            self.results = {key: found for key, found in self.results.items() if key < known}


class Member:
    """One subject's history with what was worked out from it."""

    def __init__(self) -> None:
        self.history = History()
        self._memories: dict[int, _Memory] = {}
        self._courses = Courses()
        self._parts: set[str] | None = None
        """The parts that any assignment ever named."""
        self._stays: list[tuple[datetime, str]] | None = None
        """Since when the subject was known to be at each site, one after another."""
        self._kept: dict[Name, tuple[object, object]] = {}

    def add(self, entry: Entry) -> None:
        """Take in one version and drop what it may change."""
        self.history.add(entry)
        self._kept.clear()
        for memory in self._memories.values():
            memory.drop(entry.fact.known_at)
        if entry.fact.kind == "cohort_assignment":
            self._parts = None
        if entry.fact.kind == "subject":
            self._stays = None

    def forget(self) -> None:
        """Drop everything worked out."""
        self._memories.clear()

    def may_count(self, protocol: Protocol) -> bool:
        """Whether any assignment ever named a part that is counted: of nobody else can a dose
        level's counts speak."""
        if self._parts is None:
            records = (entry.record for entry in self.history.entries_of("cohort_assignment"))
            self._parts = {one.part for one in records if isinstance(one, CohortAssignment)}
        return not self._parts.isdisjoint(protocol.counted_parts)

    def clock(self, protocol: Protocol, known_at: datetime) -> ZoneInfo | None:
        """What the subject's days are counted by, by the sites known at a moment; None of who never
        moved, whose site tells."""
        if self._stays is None:
            self._stays = list(_stays(self.history))
        if len(self._stays) < 2 or self._stays[1][0] > known_at:
            return None
        stays = self._stays
        return clock_of([(at, protocol.zone(site)) for at, site in stays if at <= known_at])

    def kept(
        self, name: Name, known_at: datetime, basis: object, work: Callable[[], Found]
    ) -> Found:
        """What ``work`` makes of the records known at a moment, as whoever asks by this name has
        it: anew where they are others, or the ``basis`` of what else goes into it is."""
        under = self.history.latest_known(known_at), basis
        if name not in self._kept or self._kept[name][0] != under:
            self._kept[name] = under, work()
        return cast("Found", self._kept[name][1])

    def person(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known_at: datetime
    ) -> Person | None:
        """The subject by the records that stood then; None where none did."""
        standing = self.history.standing(known_at)
        courses = self._courses.of_the_past
        if not standing:
            return None
        clock = self.clock(protocol, known_at)
        return Person(protocol, usubjid, standing, as_of, courses, clock)

    def made(
        self,
        protocol: Protocol,
        usubjid: str,
        as_of: datetime,
        known_at: datetime,
        work: Callable[[Person], Found | None],
    ) -> Found | None:
        """What ``work`` makes of the subject's records; kept while they are the same. None where
        none stood."""

        def afresh() -> Found | None:
            person = self.person(protocol, usubjid, as_of, known_at)
            return work(person) if person else None

        known = self.history.latest_known(known_at)
        if known is None or known > as_of:
            return afresh()
        made = self._memories.setdefault(id(protocol), _Memory(protocol)).made
        if (known, work) not in made:
            made[known, work] = afresh()
            while len(made) > _MOST_PRESENT:
                del made[next(iter(made))]
        return cast("Found | None", made[known, work])

    def graded(self, protocol: Protocol, usubjid: str) -> tuple[tuple[GradedResult, ...], ...]:
        """The grades that stand by everything known, as `results_by_panel` gives them."""
        now = self.history.latest
        standing, clock = self.history.standing(now), self.clock(protocol, now)
        person = Person(protocol, usubjid, standing, now, self._courses, clock)
        return tuple(results_by_panel(person))

    def state(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known_at: datetime
    ) -> SubjectState | None:
        """The subject's state; None where no record of it stands."""
        known = self.history.latest_known(known_at)
        if known is None:
            return None
        if known > as_of:
            # Only what says something about the moment counts: later news changes nothing of it.
            late = [moment for moment in self.history.known_late(as_of) if moment <= known]
            known = max(late, default=None) or self.history.latest_known(as_of)
            if known is None:
                return None
        memory = self._memories.setdefault(id(protocol), _Memory(protocol))
        if held := memory.held(as_of, known):
            return held.state
        earlier = bool(memory.recent) and as_of < memory.recent[-1].begins
        past = known < self.history.latest or known > as_of or earlier
        # The present is asked for again with little changed; an earlier moment would put it away.
        courses = self._courses.of_the_past if past else self._courses
        before = memory.recent[-1].state if memory.recent else None
        state = _as_before(self._work_out(memory, usubjid, as_of, known, courses), before)
        until = _valid_until(state, as_of)
        if state is not None and known > as_of:
            until = min(until, self.history.next_seen(as_of, known, state.zone) or until)
        present = _Present(known, as_of, until, state)
        if past:
            memory.past.setdefault(known, []).append(present)
        else:
            memory.recent = [*memory.recent[1 - _MOST_PRESENT :], present]
        return state

    def _work_out(
        self,
        memory: _Memory,
        usubjid: str,
        as_of: datetime,
        known: datetime,
        courses: Courses,
    ) -> SubjectState | None:
        standing = self.history.standing(known)
        if not standing:
            return None

        def results_at(moment: datetime) -> dict[str, CriterionResult]:
            if moment not in memory.results:
                then = self.history.standing(moment)
                past = self._courses.of_the_past
                clock = self.clock(memory.protocol, moment)
                memory.results[moment] = criterion_results(
                    memory.protocol, usubjid, then, moment, past, clock
                )
            return memory.results[moment]

        clock = self.clock(memory.protocol, known)
        state = assess_subject(
            memory.protocol, usubjid, standing, as_of, results_at, courses, clock
        )
        return replace(state, corrected=self.history.corrected(known))


def _stays(history: History) -> Iterator[tuple[datetime, str]]:
    """Each site the subject's record named, with when it was first known to name it."""
    last = None
    for known in history.known_of("subject", datetime.max.replace(tzinfo=UTC)):
        site = site_of({"subject": history.standing_of("subject", known)})
        if site not in (None, last):
            last = site
            yield known, str(site)


def _as_before(state: SubjectState | None, before: SubjectState | None) -> SubjectState | None:
    """A state in which everything that is equal to what was before is the very object: whoever
    keeps what follows from a part finds it again."""
    if state is None or before is None:
        return state
    if state == before:
        return before
    asked = {query.id: query for query in before.queries}
    queries = ((query, asked.get(query.id)) for query in state.queries)
    same = state.assessment == before.assessment
    return replace(
        state,
        assessment=before.assessment if same else state.assessment,
        queries=tuple(old if old == query else query for query, old in queries),
    )


def _valid_until(state: SubjectState | None, as_of: datetime) -> datetime:
    """Until when the state holds if nothing more becomes known: its deadlines, and the turn of the
    day at the site while something is still counted in days."""
    if state is None:
        return as_of
    until = min(state.deadlines, default=as_of + timedelta(days=36500))
    window = state.assessment.window
    if window is not None and window.day is None and not state.deadlines:
        return until
    return min(until, day_ends(local_day(as_of, state.zone), state.zone))
