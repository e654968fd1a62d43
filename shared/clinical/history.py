"""A subject's records with all their versions, and what stood of them at any moment.

The answers are kept as long as no further version could change them: a study of 100,000 facts is
asked the same for each of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import chain, groupby
from typing import Final
from zoneinfo import ZoneInfo

from shared.clinical.timeline import Entry, Standing, stand
from shared.clinical.when import ALWAYS, NEVER

_TURNING: Final = frozenset({"cohort_assignment", "dlt_review"})
_MEASURED: Final = frozenset({"lab", "vital", "ecg"})

_MOST_MOMENTS = 256
"""Earlier moments whose late news are remembered."""

RecordId = tuple[str, str, str, str]


class _Versions:
    """The versions of one record by when they were known, and what stood after each."""

    __slots__ = ("_stood", "earliest", "entries", "known")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.known: list[datetime] = []
        self.earliest = NEVER
        self._stood: dict[int, Standing | None] = {}

    def add(self, entry: Entry) -> None:
        known = entry.fact.known_at
        place = bisect_right(self.known, known)
        self.known.insert(place, known)
        self.entries.insert(place, entry)
        self.earliest = min(self.earliest, entry.earliest)
        self._stood.clear()

    def standing(self, known_at: datetime) -> Standing | None:
        """What stands of the record; the same object as long as it is the same versions."""
        visible = bisect_right(self.known, known_at)
        if visible not in self._stood:
            self._stood[visible] = stand(self.entries[:visible], known_at)
        return self._stood[visible]

    def known_late(self, as_of: datetime) -> list[datetime]:
        """When something became known after ``as_of`` that may say what had happened by then."""
        if self.known[0] <= as_of or self.earliest <= as_of:
            return self.known[bisect_right(self.known, as_of) :]
        return []


class _Records(dict[RecordId, _Versions]):
    """The records of one kind; ``in_order`` is not that of arrival. What stands of them by all that
    is known is kept beside them, and of those touched since it is asked again."""

    def __init__(self) -> None:
        super().__init__()
        self._identities: list[RecordId] = []
        self.in_order: list[_Versions] = []
        self._present: list[Standing | None] = []
        self._touched: set[RecordId] = set()
        self._latest = ALWAYS

    def add(self, entry: Entry) -> _Versions:
        """Keep one more version; gives all of its record."""
        versions = self.get(entry.identity) or self._made(entry.identity)
        versions.add(entry)
        self._touched.add(entry.identity)
        self._latest = max(self._latest, entry.fact.known_at)
        return versions

    def _made(self, identity: RecordId) -> _Versions:
        made = self[identity] = _Versions()
        place = bisect_right(self._identities, identity)
        self._identities.insert(place, identity)
        self.in_order.insert(place, made)
        self._present.insert(place, None)
        return made

    def standing(self, known_at: datetime) -> list[Standing]:
        """What stands by what was known at a moment."""
        if known_at < self._latest:
            known = (one for one in self.in_order if one.known[0] <= known_at)
            found = [versions.standing(known_at) for versions in known]
        else:
            found = self._present
            for identity in self._touched:
                place = bisect_left(self._identities, identity)
                found[place] = self.in_order[place].standing(known_at)
            self._touched.clear()
        return [one for one in found if one is not None]


class _Turns:
    """Moments at which a toxicity may have disappeared, read in the order of becoming known."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.through = datetime.min.replace(tzinfo=UTC)
        self.moments: list[datetime] = []
        self._records: set[RecordId] = set()
        self._reached: dict[str, date] = {}

    def read(self, entries: Iterable[Entry]) -> None:
        """Go on with all entries that became known since ``through``, in any order."""
        for known, together in groupby(sorted(entries, key=_known), key=_known):
            ahead = dict(self._reached)
            turning = [entry for entry in together if self._turns(entry, ahead)]
            if turning:
                self.moments.append(known)
            self.through = known

    def _turns(self, entry: Entry, ahead: dict[str, date]) -> bool:
        fact = entry.fact
        known_before = entry.identity in self._records
        self._records.add(entry.identity)
        if known_before or fact.kind in _TURNING:
            return True
        if fact.kind == "subject":
            # Age and sex make derived values of samples that are known already.
            return "lab" in ahead
        if entry.occurred is None:
            return False
        day = entry.when(self.zone).last
        if fact.kind in _MEASURED:
            self._reached[fact.kind] = max(self._reached.get(fact.kind, day), day)
            return fact.kind in ahead and day <= ahead[fact.kind]
        known = fact.known_at.astimezone(self.zone).date()
        return fact.kind in ("adverse_event", "dose") and day < known


class History:
    """All versions of all records about one subject (or about the study itself)."""

    def __init__(self) -> None:
        self._records: defaultdict[str, _Records] = defaultdict(_Records)
        self._moments: list[datetime] = []
        self._late: dict[datetime, list[datetime]] = {}
        self._turns: _Turns | None = None
        self._unread: list[Entry] = []
        """What became known after all that the turning points have read."""
        self._corrected: datetime | None = None
        """When a record first had a second version."""

    def add(self, entry: Entry) -> None:
        """Keep one more version."""
        fact = entry.fact
        if self._turns is not None and fact.known_at <= self._turns.through:
            self._turns = None
        self._unread.append(entry)
        versions = self._records[fact.kind].add(entry)
        if len(versions.known) > 1:
            second = versions.known[1]
            self._corrected = min(second, self._corrected or second)
            # Whether the older versions are late news hangs on this one, too.
            self._late.clear()
        for moment, late in self._late.items():
            if fact.known_at > moment and entry.earliest <= moment:
                insort(late, fact.known_at)
        if self.latest_known(fact.known_at) != fact.known_at:
            insort(self._moments, fact.known_at)

    def identities(self) -> Iterator[RecordId]:
        """Every record."""
        return chain.from_iterable(self._records.values())

    def _all(self) -> Iterable[_Versions]:
        return (versions for kept in self._records.values() for versions in kept.in_order)

    def standing(self, known_at: datetime) -> dict[str, list[Standing]]:
        """What stands of every record, by kind, in an order that does not depend on arrival."""
        by_kind = {}
        for kind in sorted(self._records):
            if standing := self._records[kind].standing(known_at):
                by_kind[kind] = standing
        return by_kind

    def records(self, known_at: datetime) -> Iterator[tuple[Standing | None, tuple[Entry, ...]]]:
        """What stands of every record known at a moment, None of one that was taken back, and the
        versions known then, oldest first."""
        for kind in sorted(self._records):
            for versions in self._records[kind].in_order:
                visible = bisect_right(versions.known, known_at)
                if visible:
                    yield versions.standing(known_at), tuple(versions.entries[:visible])

    def upserts(self, kind: str, known_at: datetime | None) -> list[Standing]:
        """What stands of each record of a kind if deletions are left out of account."""
        moment = self.latest if known_at is None and self._moments else known_at
        found = [
            stand([entry for entry in versions.entries if entry.record is not None], moment)
            for versions in self._records.get(kind, {}).values()
            if moment is not None
        ]
        return [standing for standing in found if standing is not None]

    def standing_of(self, kind: str, known_at: datetime) -> list[Standing]:
        """What stands of the records of a kind."""
        return self._records[kind].standing(known_at) if kind in self._records else []

    def entries_of(self, kind: str) -> Iterator[Entry]:
        """Every version of every record of a kind."""
        records = self._records[kind].in_order if kind in self._records else ()
        return (entry for one in records for entry in one.entries)

    def known_of(self, kind: str, known_at: datetime) -> list[datetime]:
        """When versions of a kind became known, in order."""
        records = self._records.get(kind, {}).values()
        return sorted(known for one in records for known in one.known if known <= known_at)

    def corrected(self, known_at: datetime) -> bool:
        """Whether a record has more than one version by what was known, or the subject more than
        one assignment, of which only one counts."""
        if self._corrected is not None and self._corrected <= known_at:
            return True
        return len(self.known_of("cohort_assignment", known_at)) > 1

    def turning_points(self, known_at: datetime, zone: ZoneInfo) -> list[datetime]:
        """Moments at which what became known could make a toxicity disappear: another version of a
        record, a person's review, another assignment, a dose or event of an earlier day, or a
        measurement that came out of its order in time. What becomes known later changes
        nothing about an earlier moment, so they are remembered."""
        turns = self._turns
        if turns is None or turns.zone is not zone:
            turns = self._turns = _Turns(zone)
            self._unread = [entry for one in self._all() for entry in one.entries]
        turns.read(self._unread)
        self._unread.clear()
        return turns.moments[: bisect_right(turns.moments, known_at)]

    def next_seen(self, as_of: datetime, known: datetime, zone: ZoneInfo) -> datetime | None:
        """When, at a site, something that was known by ``known`` and had not happened by ``as_of``
        next happens."""
        late = [
            entry
            for versions in self._all()
            if versions.known[-1] > as_of
            for entry in versions.entries
            if as_of < entry.fact.known_at <= known and not entry.seen(as_of, zone)
        ]
        known_at = (entry.fact.known_at for entry in late)
        happens = (entry.when(zone).moment[0] for entry in late if entry.occurred is not None)
        return min(chain(known_at, happens), default=None)

    @property
    def latest(self) -> datetime:
        """The last moment at which something became known."""
        return self._moments[-1]

    def latest_known(self, known_at: datetime) -> datetime | None:
        """The last moment up to ``known_at`` at which something became known."""
        place = bisect_right(self._moments, known_at)
        return self._moments[place - 1] if place else None

    def known_late(self, as_of: datetime) -> list[datetime]:
        """When something became known after ``as_of`` that may say what had happened by then: also
        that a record seen then was of another day."""
        if as_of not in self._late:
            if len(self._late) >= _MOST_MOMENTS:
                self._late.clear()
            later = (one for one in self._all() if one.known[-1] > as_of)
            self._late[as_of] = sorted(known for one in later for known in one.known_late(as_of))
        return self._late[as_of]


def _known(entry: Entry) -> datetime:
    return entry.fact.known_at
