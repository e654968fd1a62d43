"""Values beside a limit in numbers: which stretches are beyond it, compared exactly.

A value is compared as reported: with a number in its own unit where the protocol gives one,
otherwise converted by an exact fraction; with the limits of normal sent with it; with the last
value before treatment. Whatever is missing for that leaves the value uncertain, never normal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from shared.clinical.case import Case
from shared.clinical.criteria import Measurement
from shared.clinical.observations import Observation
from shared.clinical.quantity import factor_between, span_of, unit_of
from shared.clinical.samples import Sample, is_before, is_flagged, may_be_before, testcd_of
from shared.clinical.timeline import Entry
from shared.contracts.facts import numeric
from shared.contracts.results import Measured, parse_result

Number = Fraction | float
"""Exact; infinity is the only float."""
_WORDS = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most"}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of any domain, as reported or derived."""

    sample: Sample
    text: str
    unit: str | None
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def entry(self) -> Entry:
        """The record that reports it, or the one it was derived from first."""
        return self.sample.entry

    @property
    def number(self) -> Measured | None:
        """The number, with its comparator; None for a result in words."""
        result = parse_result(self.text)
        return result if isinstance(result, Measured) else None


def values_of(case: Case, rule: Measurement) -> list[list[Value]]:
    """The values of a test by record; more than one where a record contradicts itself, or derived
    values have several inputs."""
    records = case.measurements.of(rule.domain, testcd_of(rule.testcd))
    return [[_value(sample) for sample in samples] for samples in records]


def _value(sample: Sample) -> Value:
    value = sample.value
    return Value(
        sample, value.result, value.unit, numeric(value.range_low), numeric(value.range_high)
    )


def beyond(rule: Measurement, case: Case) -> list[Observation]:
    """Every value on treatment as grade 1 (beyond the limit) or 0, a range where that is not known,
    by date; then the reports that speak about the cause."""
    found = [seen for seen in _observed(rule, case) if not seen.before_treatment]
    for seen in case.observations.get(rule.reported_as or "", ()):
        if seen.reported:
            found.append(seen._replace(term=rule.testcd, low=0, high=0))
    return sorted(found, key=lambda seen: (seen.first, seen.moment, seen.entry.fact.fact_id))


def beyond_before(rule: Measurement, case: Case) -> bool:
    """Whether the limit had, or may have, been passed by the last value before treatment."""
    before = [seen for seen in _observed(rule, case) if seen.before_treatment]
    return max(before, key=lambda seen: seen.moment).high > 0 if before else False


def _observed(rule: Measurement, case: Case) -> Iterable[Observation]:
    """Of a record that contradicts itself, or of a baseline that does, the content that counts
    against the subject."""
    records = values_of(case, rule)
    baselines = baseline_values(records, case) or [None]
    for values in records:
        contents = [_observe(rule, one, other, case) for one in values for other in baselines]
        yield max(contents, key=lambda seen: (not seen.before_treatment, seen.high, seen.low))


def baseline_values(records: Iterable[Sequence[Value]], case: Case) -> Sequence[Value | None]:
    """The flagged value of a day up to the first dose, or else the last one before it; all that
    stands of that record, and None where it is doubtful."""
    before = [values for values in records if _before(values[0], case)]
    found = max(before, key=lambda values: _rank(values[0], case), default=())
    unsure = [values[0] for values in records if _unsure(values[0], case)]
    return (*found, *unsure, *([None] if any(one.entry in case.asked for one in found) else []))


def _unsure(value: Value, case: Case) -> bool:
    """Whether it may have been taken before the first dose, or after it."""
    return may_be_before(value.entry, case.zone, case.start) and not _before(value, case)


def _doubt(value: Value, case: Case) -> str | None:
    """Why a value is no proof of anything."""
    entries = (value.entry, *value.sample.others)
    return next((case.asked[one] for one in entries if one in case.doubtful), None)


def _rank(value: Value, case: Case) -> tuple[bool, datetime]:
    return is_flagged(value.entry), value.entry.instants(case.zone)[1]


def _before(value: Value, case: Case) -> bool:
    return is_before(value.entry, case.zone, case.start)


def _observe(rule: Measurement, value: Value, baseline: Value | None, case: Case) -> Observation:
    answer = compare(rule, value, baseline)
    when = value.entry.when(case.zone)
    shown = f"{value.text.strip()} {value.unit or 'without a unit'}"
    if value.sample.derived is not None:
        shown += f" ({value.sample.derived.formula.name})"
    words = limit_words(rule)
    why = f"{shown} is {words}" if answer else f"{shown} is not {words}"
    doubt = _doubt(value, case)
    why = f"{why}; {doubt}" if doubt else why
    first, moment = when.first, when.moment
    if when.slipped:
        first, moment = case.start.first, (case.start.moment[0], when.moment[1])
    return Observation(
        term=rule.testcd,
        first=first,
        last=when.last,
        moment=moment,
        low=int(answer is True),
        high=int(answer is not False or doubt is not None),
        entry=value.entry,
        told=why if answer is not None else f"{shown} cannot be compared with {words}",
        reported=False,
        before_treatment=_before(value, case),
        others=value.sample.others,
    )


def limit_words(rule: Measurement) -> str:
    """The limit as a sentence: "above 8 x ULN"."""
    name, limit = rule.comparison
    parts = []
    for key, number in limit.items():
        if isinstance(number, dict):
            shift = " ".join(f"{value} {unit}" for unit, value in number.items())
            parts.append(f"{shift} {key.removesuffix('_baseline')} baseline")
        else:
            multiple = {"uln": "x ULN", "lln": "x LLN", "baseline": "x baseline"}
            parts.append(f"{number} {multiple.get(key, key)}")
    return f"{_WORDS[name]} {' or '.join(parts)}"


def compare(rule: Measurement, value: Value, baseline: Value | None) -> bool | None:
    """Whether the value is beyond the limit; None where that cannot be told."""
    number = value.number
    name, limit = rule.comparison
    at = _limit(limit, rule.testcd, value, baseline)
    if number is None or at is None:
        return None
    ends = {_holds(name, _number(end), beside, at) for end, beside in span_of(number)}
    return ends.pop() if len(ends) == 1 else None


def _number(value: Decimal) -> Number:
    return Fraction(value) if value.is_finite() else math.inf


def _holds(name: str, value: Number, beside: int, limit: Fraction) -> bool:
    """``beside`` is the side of the number the value lies on, for a comparator."""
    above = value > limit or (value == limit and beside > 0)
    at_least = value > limit or (value == limit and beside >= 0)
    return {"above": above, "at_least": at_least, "below": not at_least, "at_most": not above}[name]


def _limit(
    limit: Mapping[str, Decimal | dict[str, Decimal]],
    test: str,
    value: Value,
    baseline: Value | None,
) -> Fraction | None:
    """The limit in the value's own unit, exact; None where something for it is missing."""
    key, number = next(iter(limit.items()))
    if isinstance(number, dict):
        before, shift = _baseline(baseline, test, value), _in_unit(number, test, value)
        if before is None or shift is None:
            return None
        return before + shift if key == "over_baseline" else before - shift
    if key in ("uln", "lln"):
        normal = value.high if key == "uln" else value.low
        return None if normal is None else Fraction(normal) * Fraction(number)
    if key == "baseline":
        before = _baseline(baseline, test, value)
        return None if before is None else before * Fraction(number)
    numbers = {unit: one for unit, one in limit.items() if isinstance(one, Decimal)}
    return _in_unit(numbers, test, value)


def _baseline(baseline: Value | None, test: str, value: Value) -> Fraction | None:
    if baseline is None or baseline.unit is None:
        return None
    number = baseline.number
    if number is None or number.comparator:
        return None
    return _in_unit({baseline.unit: number.value}, test, value)


def _in_unit(numbers: Mapping[str, Decimal], test: str, value: Value) -> Fraction | None:
    """A number in the value's unit: the one stated in that unit, or one converted."""
    unit = unit_of(value.unit) if value.unit else None
    if unit is None:
        return None
    stated = {known.ucum: one for text, one in numbers.items() if (known := unit_of(text))}
    if unit.ucum in stated:
        return Fraction(stated[unit.ucum])
    for ucum, one in stated.items():
        factor = factor_between(ucum, unit.ucum, test)
        if factor is not None:
            return Fraction(one) * factor
    return None
