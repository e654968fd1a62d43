"""Key laboratory values over time, with the grade each had and the bands it was graded by.

Results stay as reported; what a chart draws of one test is in one unit as far as units convert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from shared.clinical.analytes import unit_for
from shared.clinical.ctcae import Graded
from shared.clinical.ctcae.bands import plain_number
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


_Told = tuple[Person, _Key, list[GradedSample]]


def lab_series(people: Sequence[Person]) -> tuple[LabSeries, ...]:
    """The series of every test and term in which anybody reached grade 3 on treatment: one for each
    unit, drawn in the unit of most subjects that it converts to."""
    held = [(person, _by_key(person)) for person in people]
    wanted = {
        (key.test, key.term)
        for _, series in held
        for key, samples in series.items()
        if any(one.high >= KEY_GRADE and not one.before for one in samples)
    }
    told = [
        (person, key, samples)
        for person, series in held
        for key, samples in sorted(series.items())
        if (key.test, key.term) in wanted
    ]
    axes = _axes(told)
    return tuple(
        _series(person, key, samples, axes[key.test, key.unit]) for person, key, samples in told
    )


def _by_key(person: Person) -> dict[_Key, list[GradedSample]]:
    """Reported laboratory values by test, term and unit, in the order of time."""
    found: dict[_Key, list[GradedSample]] = {}
    for contents in person.graded():
        for one in chain.from_iterable(contents):
            sample = one.sample
            if sample.domain == "lab" and sample.derived is None:
                unit = _code(sample.test, sample.value.unit)
                found.setdefault(_Key(sample.test, one.answer.term, unit), []).append(one)
    for samples in found.values():
        samples.sort(key=lambda one: (one.sample.entry.instants(person.zone), one.answer.direction))
    return found


@lru_cache(maxsize=4096)
def _code(test: str, unit: str | None) -> str:
    """What all spellings of a unit have in common."""
    known = unit_for(test, unit)
    return known.ucum if known else f"as reported: {unit or ''}"


def _axes(told: Sequence[_Told]) -> dict[tuple[str, str], _Axis]:
    """By test and unit the axis of its numbers: that of the most subjects it converts to."""
    spelled: dict[tuple[str, str], Counter[str]] = {}
    for _, key, samples in told:
        unit = samples[-1].sample.value.unit or ""
        spelled.setdefault((key.test, key.unit), Counter())[unit] += 1
    found: dict[tuple[str, str], _Axis] = {}
    chosen: dict[str, list[str]] = {}
    for test, unit in sorted(spelled, key=lambda one: (-spelled[one].total(), one)):
        axes = chosen.setdefault(test, [])
        factors = ((axis, factor_between(unit, axis, test)) for axis in axes)
        axis, factor = next(((a, f) for a, f in factors if f is not None), (unit, Fraction(1)))
        if axis == unit:
            axes.append(unit)
        spellings = spelled[test, axis]
        word = min(spellings, key=lambda one: (-spellings[one], one))
        found[test, unit] = _Axis(word or None, factor)
    return found


def _series(person: Person, key: _Key, found: Sequence[GradedSample], axis: _Axis) -> LabSeries:
    last = found[-1]
    unit = last.sample.value.unit
    # All values at once: a model is checked several times as fast within another.
    return LabSeries.model_validate(
        {
            "subject": person.subject,
            "usubjid": person.usubjid,
            "dose_level": person.dose_level,
            "test": key.test,
            "term": key.term,
            "unit": unit,
            "drawn_in": None if axis.unit == unit else axis.unit,
            "values": tuple(_value(person, one, axis.factor) for one in found),
            "bands": tuple(_bands(last, axis.factor)),
        }
    )


def _value(person: Person, graded: GradedSample, factor: Fraction) -> dict[str, Any]:
    assert person.start is not None
    day = graded.sample.entry.dates(person.zone)[0]
    is_graded = isinstance(graded.answer, Graded)
    result = graded.sample.value.result
    number = plain_number(result)
    return {
        "on": day,
        "day": (day - person.start.first).days + 1,
        "result": result,
        "number": number if number is None or factor == 1 else _drawn(Fraction(number) * factor),
        "grade_low": graded.low if is_graded else None,
        "grade_high": graded.high if is_graded else None,
    }


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
