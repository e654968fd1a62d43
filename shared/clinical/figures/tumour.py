"""Tumour change: waterfall and spider, from measured sums where the records have them.

Source: Eisenhauer EA et al., RECIST 1.1, Eur J Cancer 2009;45:228-247: the sum of diameters against
the one before treatment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from shared.clinical.person import Person
from shared.contracts.facts import TumourResponse
from shared.contracts.figures import TumourCourse, TumourPoint
from shared.contracts.results import Measured, parse_result

_INVESTIGATOR: Final = "INVESTIGATOR"
_BEST_FIRST: Final = ("CR", "PR", "SD", "PD")


@dataclass(frozen=True, slots=True)
class _Seen:
    on: date
    record: TumourResponse


def tumour_course(person: Person) -> TumourCourse:
    """One subject's course; None in it where nothing says."""
    seen = _of_one_evaluator(sorted(_seen(person), key=lambda one: (one.on, one.record.RSTESTCD)))
    start = person.start.first if person.start else None
    sums = _sums(seen)
    before = [size for on, size in sums if start is None or on <= start]
    baseline = before[-1] if before else None
    points = tuple(_point(on, size, baseline, start) for on, size in sums if start and on > start)
    changes = [one.change for one in points if one.change is not None]
    stated = _stated(seen)
    return TumourCourse(
        usubjid=person.usubjid,
        baseline=baseline,
        points=points,
        best_change=min(changes) if changes else stated,
        basis="measured" if changes else None if stated is None else "stated",
        best_response=_best_response(seen),
        why_none=None if changes else _why_none(seen, baseline, points),
    )


def _seen(person: Person) -> Iterator[_Seen]:
    for standing in person.of("tumour_response"):
        entry = standing.entries[0]
        assert isinstance(entry.record, TumourResponse)
        yield _Seen(entry.dates(person.zone)[0], entry.record)


def _of_one_evaluator(seen: Sequence[_Seen]) -> list[_Seen]:
    """Sizes by different readers do not make one course: the investigator's, or else those of the
    reader named first."""
    readers = [(one.record.RSEVAL or _INVESTIGATOR).upper() for one in seen]
    chosen = _INVESTIGATOR if _INVESTIGATOR in readers else min(readers, default=None)
    return [one for one, reader in zip(seen, readers, strict=True) if reader == chosen]


def _sums(seen: Sequence[_Seen]) -> list[tuple[date, Decimal]]:
    """The sum of each day; of two the larger, which shows less of a reduction."""
    by_day: dict[date, Decimal] = {}
    for one in seen:
        if one.record.sum_diam is not None:
            size = Decimal(one.record.sum_diam)
            by_day[one.on] = max(size, by_day.get(one.on, size))
    return sorted(by_day.items())


def _point(on: date, size: Decimal, baseline: Decimal | None, start: date) -> TumourPoint:
    change = 100 * (size - baseline) / baseline if baseline else None
    return TumourPoint(
        on=on,
        day=(on - start).days + 1,
        sum_of_diameters=size,
        change=None if change is None else change.quantize(Decimal("0.1"), ROUND_HALF_UP),
    )


def _stated(seen: Sequence[_Seen]) -> Decimal | None:
    """The best change as the last record to say so states it."""
    said = [one.record.best_change_pct for one in seen if one.record.best_change_pct]
    read = parse_result(said[-1].replace("%", "")) if said else None
    return read.value if isinstance(read, Measured) and not read.comparator else None


def _best_response(seen: Sequence[_Seen]) -> str | None:
    """The best of the responses as reported, confirmed or not."""
    said = [one.record.RSORRES.strip() for one in seen]
    known = [word for word in said if word.upper() in _BEST_FIRST]
    best = min(known, key=lambda word: _BEST_FIRST.index(word.upper()), default=None)
    return best or next(reversed(said), None)


def _why_none(
    seen: Sequence[_Seen], baseline: Decimal | None, points: Sequence[TumourPoint]
) -> str:
    if not seen:
        return "no tumour assessment on record"
    if points and baseline is None:
        return "no size before treatment"
    if points:
        return "the size before treatment is 0"
    return "no size on treatment, only responses in words"
