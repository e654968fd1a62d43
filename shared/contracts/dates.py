"""Partial ISO 8601 dates as SDTM writes them, kept verbatim and read as an interval.

``2026-03`` is not a day: it is any day of March. Whether an onset lies in a DLT window is then a
three-valued question, and the answer must not be guessed by imputing the first of the month.
Source: SDTMIG 3.4 section 4.4 (ISO 8601, right truncation, internal gaps by hyphens).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator

Precision = Literal["year", "month", "day", "hour", "minute", "second"]

_PATTERN = re.compile(
    r"(?P<year>\d{4})"
    r"(?:-(?P<month>\d{2}|-)(?:-(?P<day>\d{2}|-))?)?"
    r"(?:T(?P<hour>\d{2}|-)(?::(?P<minute>\d{2}|-)(?::(?P<second>\d{2})(?:\.\d{1,9})?)?)?"
    r"(?P<offset>Z|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_YEARS = range(1850, 2200)


@dataclass(frozen=True, slots=True)
class DateInterval:
    """All instants a partial date may mean: both ends inclusive, wall-clock as written.

    ``offset`` is None where the source gave none: then the time is site-local.
    """

    text: str
    earliest: datetime
    latest: datetime
    offset: tzinfo | None
    precision: Precision

    def local_dates(self, zone: tzinfo) -> tuple[date, date]:
        """First and last calendar date this may be at the site (DLT windows count local dates)."""
        if self.offset is None or self.precision in ("year", "month", "day"):
            return self.earliest.date(), self.latest.date()
        ends = (
            end.replace(tzinfo=self.offset).astimezone(zone) for end in (self.earliest, self.latest)
        )
        first, last = ends
        return first.date(), last.date()

    def instants(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """First and last instant in UTC, reading a missing offset as site-local time."""
        offset = self.offset or zone
        return (
            self.earliest.replace(tzinfo=offset).astimezone(UTC),
            self.latest.replace(tzinfo=offset).astimezone(UTC),
        )


@lru_cache(maxsize=16384)
def parse_dtc(text: str) -> DateInterval:
    """Read an SDTM ``--DTC`` value; ValueError where it is not one.

    A gap (``2026---15``) widens the interval to everything the gap may be. A year no subject or
    study can have (some systems write 9999 for "unknown") is refused: a date that far out would
    leave the calendar once an offset or a window is added to it.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError("not an ISO 8601 date as SDTM writes it (for example 2026-03-09T08:15)")
    part = {
        name: None if value in (None, "-") else value for name, value in match.groupdict().items()
    }
    has_time = "T" in text
    if has_time and match["day"] is None:
        raise ValueError("a time of day needs a day (write missing parts as hyphens)")
    year = int(match["year"])
    if year not in _YEARS:
        raise ValueError("not a year that can be meant; leave an unknown date out")
    month, day = _number(part["month"]), _number(part["day"])
    hour, minute, second = (_number(part[name]) for name in ("hour", "minute", "second"))
    try:
        first_month, last_month = (1, 12) if month is None else (month, month)
        first_day = 1 if day is None else day
        # Wall-clock time as written: the offset, if any, stands beside it.
        earliest = datetime.combine(
            date(year, first_month, first_day), time(hour or 0, minute or 0, second or 0)
        )
        last_day = calendar.monthrange(year, last_month)[1] if day is None else day
        latest = datetime.combine(
            date(year, last_month, last_day),
            time(
                23 if hour is None else hour,
                59 if minute is None else minute,
                59 if second is None else second,
            ),
        )
    except ValueError:
        raise ValueError("not a date or time that exists") from None
    return DateInterval(
        text,
        earliest,
        latest,
        _offset(part["offset"]),
        _precision(month, day, hour, minute, second),
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _precision(*parts: int | None) -> Precision:
    names: tuple[Precision, ...] = ("year", "month", "day", "hour", "minute", "second")
    known = 0
    for value in parts:
        if value is None:
            break
        known += 1
    return names[known]


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError("not an offset from UTC")
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(size if text[0] == "+" else -size)


def _checked(text: str) -> str:
    parse_dtc(text)
    return text


Dtc = Annotated[str, AfterValidator(_checked)]
"""A ``--DTC`` string: checked to be readable, kept verbatim."""
