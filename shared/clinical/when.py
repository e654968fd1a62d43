"""When a stated date was: at a site, and wherever on earth the site may be.

The records of one sample, and the samples of one visit, state one date: it is read once for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from shared.contracts.dates import parse_dtc

_FIRST_ZONE: Final = timezone(timedelta(hours=14))
"""Where on earth a local time comes first."""

ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
NEVER: Final = datetime.max.replace(tzinfo=UTC)

_KEPT: Final = 16384


@dataclass(frozen=True, slots=True)
class When:
    """When something may have happened: local dates, and instants in UTC; both ends inclusive.

    ``slipped``: the stated date lies after the day it was known, so the day is not known at all.
    """

    first: date
    last: date
    moment: tuple[datetime, datetime]
    slipped: bool


@lru_cache(maxsize=_KEPT)
def as_stated(dtc: str, zone: ZoneInfo) -> When:
    """What a ``--DTC`` value says at a site, whatever was known when; ValueError as `parse_dtc`."""
    stated = parse_dtc(dtc)
    return When(*stated.local_dates(zone), stated.instants(zone), slipped=False)


@lru_cache(maxsize=_KEPT)
def earliest(dtc: str) -> datetime:
    """The first instant a ``--DTC`` value may mean."""
    return parse_dtc(dtc).instants(_FIRST_ZONE)[0]
