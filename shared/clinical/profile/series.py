"""Everything measured of a subject as series: values with their grades, and the bands that move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from shared.clinical.ctcae import Graded
from shared.clinical.ctcae.bands import Compiled
from shared.clinical.measured import GradedSample
from shared.clinical.person import Person
from shared.clinical.profile.telling import Telling, state_of
from shared.clinical.samples import Sample, is_before, is_done, sample_of
from shared.clinical.timeline import Standing
from shared.contracts.facts import Lab, SubjectRecord
from shared.contracts.graded import NotGradableReason
from shared.contracts.profile import Band, Series, Stretch, Value, ValueGrade
from shared.contracts.results import Measured, parse_result

_Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Taken:
    """One value with the answers of the criteria about it."""

    sample: Sample
    standing: Standing
    answers: tuple[GradedSample, ...]


def series_of(person: Person, telling: Telling) -> Iterator[Series]:
    """One series per test, unit, specimen and formula, by domain and test."""
    by_key: dict[_Key, list[_Taken]] = {}
    for taken in _taken(person):
        by_key.setdefault(_key(taken.sample), []).append(taken)
    for _, held in sorted(by_key.items()):
        held.sort(key=lambda one: (one.sample.entry.instants(person.zone), _id(one)))
        yield _series(telling, held)


def _id(taken: _Taken) -> str:
    return taken.sample.entry.fact.fact_id


def _key(sample: Sample) -> _Key:
    formula = sample.derived.formula.name if sample.derived else ""
    value = sample.value
    return sample.domain, value.testcd, formula, value.unit or "", value.specimen or ""


def _taken(person: Person) -> Iterator[_Taken]:
    """Every value as reported, with or without a criterion about it, and those derived from it."""
    measurements = person.measurements()
    for standing in measurements.records:
        for entry, answers in zip(standing.entries, measurements.graded_of(standing), strict=True):
            about: dict[int, list[GradedSample]] = {id(sample_of(entry)): []}
            samples = {id(sample_of(entry)): sample_of(entry)}
            for one in answers:
                samples[id(one.sample)] = one.sample
                about.setdefault(id(one.sample), []).append(one)
            for name, sample in samples.items():
                yield _Taken(sample, standing, tuple(about[name]))


def _series(telling: Telling, held: Sequence[_Taken]) -> Series:
    sample = held[0].sample
    formula = sample.derived.formula if sample.derived else None
    return Series(
        domain=sample.domain,
        test=sample.value.testcd,
        unit=sample.value.unit,
        specimen=sample.value.specimen,
        formula=formula.name if formula else None,
        source=formula.source if formula else None,
        values=tuple(_value(telling, one) for one in held),
        stretches=tuple(_stretches(held)),
    )


def _value(telling: Telling, taken: _Taken) -> Value:
    sample, person = taken.sample, telling.person
    entry, record, answers = sample.entry, sample.entry.record, taken.answers
    done = is_done(entry)
    before = answers[0].before if answers else is_before(entry, person.zone, person.start)
    read = parse_result(sample.value.result)
    number = read if isinstance(read, Measured) else None
    assert isinstance(record, SubjectRecord)
    return Value(
        on=telling.on(entry),
        result=sample.value.result if done else None,
        not_done=record.LBREASND if isinstance(record, Lab) and not done else None,
        number=number.value if number else None,
        comparator=number.comparator if number else "",
        lln=sample.value.range_low,
        uln=sample.value.range_high,
        before_treatment=before,
        visit=record.VISIT,
        grades=tuple(map(_grade, answers)),
        state=state_of(taken.standing),
        evidence=entry.evidence,
    )


def _grade(graded: GradedSample) -> ValueGrade:
    answer = graded.answer
    is_graded = isinstance(answer, Graded)
    reason: NotGradableReason | None = None if isinstance(answer, Graded) else answer.reason
    basis = [*graded.others, *([graded.baseline.entry] if graded.baseline else [])]
    return ValueGrade(
        term=answer.term,
        direction=answer.direction,
        low=graded.low if is_graded else None,
        high=graded.high if is_graded else None,
        not_gradable=reason,
        why=graded.why,
        with_records=tuple(entry.evidence for entry in basis),
    )


def _stretches(held: Sequence[_Taken]) -> Iterator[Stretch]:
    """Where the same criterion in the same context answers for neighbours."""
    answered: dict[tuple[str, str], list[tuple[int, Compiled | None]]] = {}
    for number, taken in enumerate(held):
        for one in taken.answers:
            key = one.answer.term, one.answer.direction
            answered.setdefault(key, []).append((number, one.answer.compiled))
    for _, numbered in sorted(answered.items()):
        by_context = groupby(enumerate(numbered), lambda one: (one[1][1], one[1][0] - one[0]))
        for (compiled, _), found in by_context:
            numbers = [number for _, (number, _) in found]
            yield _stretch(compiled, numbers)


def _stretch(compiled: Compiled, numbers: Sequence[int]) -> Stretch:
    return Stretch(
        term=compiled.criterion.term,
        direction=compiled.criterion.direction,
        first=numbers[0],
        last=numbers[-1],
        bands=tuple(_bands(compiled)),
    )


def _bands(compiled: Compiled) -> Iterator[Band]:
    for band in compiled.bands():
        yield Band(
            low=band.low,
            high=band.high,
            lower=end_of(band.lower),
            lower_included=band.lower_included,
            upper=end_of(band.upper),
            upper_included=band.upper_included,
        )


def end_of(end: Fraction | None) -> Decimal | None:
    return None if end is None else Decimal(end.numerator) / end.denominator
