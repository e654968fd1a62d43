"""Key laboratory values over time, with the grade each had and the bands it was graded by.

Results stay as reported; what a chart draws of one test is in one unit as far as units convert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from shared.clinical.analytes import unit_for
from shared.clinical.ctcae import Graded
from shared.clinical.ctcae.bands import plain_number
from shared.clinical.ctcae.criteria import Criterion
from shared.clinical.measured import GradedSample
from shared.clinical.person import Person
from shared.clinical.profile.series import end_of
from shared.clinical.quantity import factor_between
from shared.contracts.packet import LabSeries

KEY_GRADE = 3
_DRAWN = Context(prec=6)
"""Figures of a converted number: more than a picture shows, and no grade is read off it."""


class _Key(NamedTuple):
    """``unit``: its UCUM code, or as reported where that is no unit of the test."""

    test: str
    term: str
    unit: str


class _Axis(NamedTuple):
    """The unit a chart draws numbers of another in, and how many of it one of the other is."""

    unit: str | None
    factor: Fraction


class LabValues:
    """One subject's graded values in the order of time, and the series made of them so far.

    It hangs on the subject's records alone, so it may be kept while they are the same.
    """

    def __init__(self, person: Person) -> None:
        assert person.start is not None
        self._who = {
            "subject": person.subject,
            "usubjid": person.usubjid,
            "dose_level": person.dose_level,
        }
        self._zone, self._first = person.zone, person.start.first
        self.graded = _by_key(person)
        self.order = person.subject, person.usubjid
        self._made: dict[tuple[_Key, _Axis], LabSeries] = {}

    def unit(self, key: _Key) -> str | None:
        """As the last value spells it."""
        return self.graded[key][-1].sample.value.unit

    def reached(self) -> Iterator[tuple[str, str]]:
        """Each test and term in which a value on treatment is or may be of grade 3."""
        for key, samples in self.graded.items():
            if any(one.high >= KEY_GRADE and not one.before for one in samples):
                yield key.test, key.term

    def series(self, key: _Key, axis: _Axis) -> LabSeries:
        """The values of one test, term and unit with the numbers of an axis."""
        if (key, axis) not in self._made:
            self._made[key, axis] = self._series(key, axis)
        return self._made[key, axis]

    def _series(self, key: _Key, axis: _Axis) -> LabSeries:
        unit, found = self.unit(key), self.graded[key]
        factor = None if axis.factor == 1 else axis.factor
        # All values at once: a model is checked several times as fast within another.
        return LabSeries.model_validate(
            {
                **self._who,
                "test": key.test,
                "term": key.term,
                "unit": unit,
                "drawn_in": None if axis.unit == unit else axis.unit,
                "values": tuple(self._value(one, factor) for one in found),
                "bands": tuple(_bands(found[-1], axis.factor)),
            }
        )

    def _value(self, graded: GradedSample, factor: Fraction | None) -> dict[str, Any]:
        day = graded.sample.entry.dates(self._zone)[0]
        is_graded = isinstance(graded.answer, Graded)
        result = graded.sample.value.result
        number = plain_number(result)
        if number and factor is not None:
            number = _drawn(Fraction(number) * factor)
        return {
            "on": day,
            "day": (day - self._first).days + 1,
            "result": result,
            "number": number,
            "grade_low": graded.low if is_graded else None,
            "grade_high": graded.high if is_graded else None,
        }


def lab_values(person: Person) -> LabValues | None:
    """None of who was given no dose."""
    return LabValues(person) if person.start else None


def lab_series(people: Iterable[LabValues]) -> tuple[LabSeries, ...]:
    """The series of every test and term in which anybody reached grade 3 on treatment: one for each
    unit, drawn in the unit of most subjects that it converts to."""
    ordered = sorted(people, key=lambda one: one.order)
    wanted = {found for one in ordered for found in one.reached()}
    told = [
        (one, key)
        for one in ordered
        for key in sorted(one.graded)
        if (key.test, key.term) in wanted
    ]
    axes = _axes((key, one.unit(key)) for one, key in told)
    return tuple(one.series(key, axes[key.test, key.unit]) for one, key in told)


def _by_key(person: Person) -> dict[_Key, list[GradedSample]]:
    """Reported laboratory values by test, term and unit."""
    found: dict[_Key, list[GradedSample]] = {}
    spelled: dict[tuple[str, str | None, Criterion], list[GradedSample]] = {}
    for contents in person.graded():
        for one in chain.from_iterable(contents):
            sample = one.sample
            if sample.domain == "lab" and sample.derived is None:
                alike = sample.test, sample.value.unit, one.answer.compiled.criterion
                if alike not in spelled:
                    key = _Key(sample.test, one.answer.term, _code(sample.test, sample.value.unit))
                    spelled[alike] = found.setdefault(key, [])
                spelled[alike].append(one)
    for samples in found.values():
        samples.sort(key=lambda one: one.sample.entry.instants(person.zone))
    return found


@lru_cache(maxsize=4096)
def _code(test: str, unit: str | None) -> str:
    """What all spellings of a unit have in common."""
    known = unit_for(test, unit)
    return known.ucum if known else f"as reported: {unit or ''}"


def _axes(reported: Iterable[tuple[_Key, str | None]]) -> dict[tuple[str, str], _Axis]:
    """By test and unit the axis of its numbers: that of the most subjects it converts to."""
    spelled: dict[tuple[str, str], Counter[str]] = {}
    for key, unit in reported:
        spelled.setdefault((key.test, key.unit), Counter())[unit or ""] += 1
    found: dict[tuple[str, str], _Axis] = {}
    chosen: dict[str, list[str]] = {}
    for test, code in sorted(spelled, key=lambda one: (-spelled[one].total(), one)):
        axes = chosen.setdefault(test, [])
        factors = ((axis, factor_between(code, axis, test)) for axis in axes)
        axis, factor = next(((a, f) for a, f in factors if f is not None), (code, Fraction(1)))
        if axis == code:
            axes.append(code)
        spellings = spelled[test, axis]
        word = min(spellings, key=lambda one: (-spellings[one], one))
        found[test, code] = _Axis(word or None, factor)
    return found


def _bands(graded: GradedSample, factor: Fraction) -> Iterator[dict[str, Any]]:
    """Certain bands of grade 1 and higher."""
    for band in graded.answer.compiled.bands():
        if band.low == band.high and band.low > 0 and band.lower != band.upper:
            ends = (_end(band.lower, factor), _end(band.upper, factor))
            yield {"grade": band.low, "lower": ends[0], "upper": ends[1]}


def _end(end: Fraction | None, factor: Fraction) -> Decimal | None:
    if end is None or factor == 1:
        return end_of(end)
    return _drawn(end * factor)


def _drawn(number: Fraction) -> Decimal:
    return _DRAWN.divide(Decimal(number.numerator), Decimal(number.denominator))
