"""Key laboratory values over time, with the grade each had and the bands it was graded by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from shared.clinical.ctcae import Graded
from shared.clinical.ctcae.bands import plain_number
from shared.clinical.measured import GradedSample
from shared.clinical.person import Person
from shared.contracts.packet import LabBand, LabSeries, LabValue

KEY_GRADE = 3
_Key = tuple[str, str]


def lab_series(people: Sequence[Person]) -> tuple[LabSeries, ...]:
    """The series of every test and term in which anybody reached grade 3 on treatment."""
    held = [(person, _by_key(person)) for person in people]
    key = {
        name
        for _, series in held
        for name, samples in series.items()
        if any(one.high >= KEY_GRADE and not one.before for one in samples)
    }
    return tuple(
        _series(person, *name, samples)
        for person, series in held
        for name, samples in sorted(series.items())
        if name in key
    )


def _by_key(person: Person) -> dict[_Key, list[GradedSample]]:
    """Reported laboratory values by test and term."""
    found: dict[_Key, list[GradedSample]] = {}
    for contents in person.graded():
        for sample in (one for content in contents for one in content):
            if sample.sample.domain == "lab" and sample.sample.derived is None:
                found.setdefault((sample.sample.test, sample.answer.term), []).append(sample)
    return found


def _series(person: Person, test: str, term: str, found: Sequence[GradedSample]) -> LabSeries:
    """In the order of time."""
    samples = sorted(
        found, key=lambda one: (one.sample.entry.instants(person.zone), one.answer.direction)
    )
    return LabSeries(
        subject=person.subject,
        usubjid=person.usubjid,
        dose_level=person.dose_level,
        test=test,
        term=term,
        unit=samples[-1].sample.value.unit,
        values=tuple(_value(person, one) for one in samples),
        bands=tuple(_bands(samples[-1])),
    )


def _value(person: Person, graded: GradedSample) -> LabValue:
    assert person.start is not None
    day = graded.sample.entry.dates(person.zone)[0]
    is_graded = isinstance(graded.answer, Graded)
    return LabValue(
        on=day,
        day=(day - person.start.first).days + 1,
        result=graded.sample.value.result,
        number=plain_number(graded.sample.value.result),
        grade_low=graded.low if is_graded else None,
        grade_high=graded.high if is_graded else None,
    )


def _bands(graded: GradedSample) -> Iterator[LabBand]:
    """Certain bands of grade 1 and higher."""
    for band in graded.answer.compiled.bands():
        if band.low == band.high and band.low > 0 and band.lower != band.upper:
            yield LabBand(grade=band.low, lower=_decimal(band.lower), upper=_decimal(band.upper))


def _decimal(end: Fraction | None) -> Decimal | None:
    return None if end is None else Decimal(end.numerator) / end.denominator
