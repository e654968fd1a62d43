"""The clock a subject lives by: that of the site the subject was at.

A move to a site in another time zone is to a subject what a change of the clocks is to a country.
Told as one, it leaves every day and every local time before the move as they were, in which a
window may have closed already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_KEPT = 4096


class Moved(ZoneInfo):
    """One zone up to a moment and another from then on; its name is the later one's.

    A local time that came twice is the first (``fold`` 1: the second), one that never came is the
    moment of the move: a day that was cut short ends there.
    """

    _before: ZoneInfo
    _since: datetime
    _after: ZoneInfo

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        if dt is None:
            return None
        first = dt.replace(tzinfo=self._before).astimezone(UTC)
        second = dt.replace(tzinfo=self._after).astimezone(UTC)
        is_first = first < self._since and not (dt.fold and second >= self._since)
        moment = first if is_first else max(second, self._since)
        return dt.replace(tzinfo=UTC) - moment

    def fromutc(self, dt: datetime) -> datetime:
        moment = dt.replace(tzinfo=UTC)
        if moment < self._since:
            return moment.astimezone(self._before).replace(tzinfo=self)
        local = moment.astimezone(self._after).replace(tzinfo=self, fold=0)
        return local if local.astimezone(UTC) == moment else local.replace(fold=1)

    def __reduce__(self) -> tuple[object, ...]:
        return moved, (self._before, self._since, self._after)


@lru_cache(maxsize=_KEPT)
def moved(before: ZoneInfo, since: datetime, after: ZoneInfo) -> ZoneInfo:
    """The clock of who was by ``before`` until ``since`` (UTC): the same object for the same."""
    if before is after:
        return after
    found = Moved.no_cache(after.key)
    found._before, found._since, found._after = before, since, after
    return found


def clock_of(stays: Sequence[tuple[datetime, ZoneInfo]]) -> ZoneInfo:
    """The clock of a subject by since when the subject was known in each zone, the first also
    before."""
    (_, found), *others = stays
    for since, zone in others:
        found = moved(found, since, zone)
    return found
