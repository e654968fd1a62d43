"""Measurements that cannot be taken at their word: what they say counts for the stop side, and is
no proof that there was no toxicity.

A doubt ends when the site corrects the record, or lets it stand in a further version that says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.clinical.measured import GradedSample
from shared.clinical.observations import Observation
from shared.clinical.protocol import day_ends, day_starts
from shared.clinical.samples import FirstDose, a_year_early, is_done, sample_of
from shared.clinical.timeline import Entry, Standing

SCREENING = timedelta(days=28)
"""How long before treatment a baseline may lie: "never more than 4 weeks before the beginning of
the treatment" (RECIST 1.1, Eisenhauer et al., Eur J Cancer 2009;45:228-247)."""


class Doubt(NamedTuple):
    """Why a record is in doubt. ``of_value``: whether the value itself is, and not only when it was
    taken; ``may_be``: the days on treatment it may be of, a year after those stated; ``is_old``:
    whether it matters as a baseline only."""

    text: str
    of_value: bool = False
    may_be: tuple[date, date] | None = None
    is_old: bool = False


Doubtful = Mapping[Entry, Doubt]


def is_plain(one: Standing, zone: ZoneInfo, treated: datetime) -> bool:
    """Whether a measurement record needs no closer look, as most do not: it says one thing, nothing
    of which is doubtful, and was certainly taken after treatment had begun."""
    if len(one.entries) > 1 or one.flagged:
        return False
    (entry,) = one.entries
    when = entry.when(zone)
    if when.moment[0] < treated or when.slipped:
        return False
    return is_done(entry) and sample_of(entry).doubt is None


def doubtful_among(
    records: Iterable[Standing], zone: ZoneInfo, start: FirstDose | None
) -> Doubtful:
    """What is doubtful of measurement records."""
    found: dict[Entry, Doubt] = {}
    for one in records:
        found |= _doubts_of(one, zone, start)
    return found


def _doubts_of(one: Standing, zone: ZoneInfo, start: FirstDose | None) -> dict[Entry, Doubt]:
    found = {
        entry: doubt
        for entry in one.entries
        if is_done(entry) and (doubt := _doubt_of(entry, zone, start)) is not None
    }
    return {} if found and one.let_stand else found


def _doubt_of(entry: Entry, zone: ZoneInfo, start: FirstDose | None) -> Doubt | None:
    text = sample_of(entry).doubt
    if text is not None:
        return Doubt(text, of_value=True)
    if start is None:
        return None
    when = entry.when(zone)
    if when.slipped:
        return Doubt("dated after it was known")
    if when.last >= start.first - SCREENING:
        return None
    later = None if entry.flagged else a_year_early(entry, zone, start)
    if later is not None:
        return Doubt(f"dated {when.last}, a year before it may have been taken", may_be=later)
    days = (start.first - when.last).days
    return Doubt(f"the last value before the first dose is {days} days older", is_old=True)


def cautious(
    contents: Iterable[tuple[GradedSample, ...]], doubtful: Doubtful
) -> Sequence[tuple[GradedSample, ...]]:
    """The answers of a record as far as they count: of a doubtful value, or one derived from such,
    every grade from the answer up, and before treatment none that would excuse a later one."""
    if not doubtful:
        return list(contents)
    return [tuple(_cautious(graded, doubtful) for graded in content) for content in contents]


def _cautious(graded: GradedSample, doubtful: Doubtful) -> GradedSample:
    rests_on = (graded.sample.entry, *graded.sample.others)
    doubt = next((doubtful[entry] for entry in rests_on if entry in doubtful), None)
    if doubt is None:
        return graded
    low = 0 if graded.before else graded.low
    if not doubt.of_value:
        return graded._replace(low=low, doubt=doubt.text)
    most = max((grade for grade, _ in graded.answer.compiled.criterion.clauses), default=0)
    high, worst = max(graded.high, most), max(graded.worst, most)
    return graded._replace(low=low, high=high, worst=worst, doubt=doubt.text)


def placed(
    seen: Sequence[Observation], doubtful: Doubtful, zone: ZoneInfo
) -> Sequence[Observation]:
    """Observations of a date that may be a year too early as what they may be: of a day on
    treatment, up to their grade."""
    return [
        _placed(one, doubtful[one.entry], zone) if one.entry in doubtful else one for one in seen
    ]


def _placed(one: Observation, doubt: Doubt, zone: ZoneInfo) -> Observation:
    if doubt.may_be is None:
        return one
    first, last = doubt.may_be
    moment = (day_starts(first, zone), day_ends(last, zone))
    return one._replace(first=first, last=last, moment=moment, low=0, before_treatment=False)
