"""What holds for every criterion of every version, whatever is known of a result.

The bands are compared with a second reading of the criteria that is as plain as it can be: each
clause, worst first, compared with fractions, everything known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.clinical.analytes import unit_for
from shared.clinical.ctcae import Graded, Measurement, NotGradable, grade, versions
from shared.clinical.ctcae.criteria import documents
from shared.clinical.ctcae.form import (
    ClauseDocument,
    ConditionDocument,
    CriterionDocument,
    Domain,
    Indicator,
)
from shared.clinical.quantity import factor_between, units_by_code

CRITERIA = [
    (version, document.domain, criterion, testcd)
    for version in versions()
    for document in documents(version)
    for criterion in document.criteria
    for testcd in criterion.analytes
    if criterion.grades
]
NUMBERS = st.decimals("0.01", 1000, places=2)


@dataclass(frozen=True)
class Situation:
    """A result of which everything is known that its criterion may ask for."""

    version: str
    domain: Domain
    criterion: CriterionDocument
    value: Measurement
    baseline: Measurement | None
    facts: dict[str, bool]
    beside: dict[str, Measurement]

    def answer(self) -> Graded | NotGradable:
        answers = grade(
            self.value,
            ctcae=self.version,
            baseline=self.baseline,
            facts=self.facts,
            beside=self.beside,
            domain=self.domain,
        )
        names = self.criterion.term, self.criterion.direction
        (found,) = [answer for answer in answers if (answer.term, answer.direction) == names]
        return found

    def at(self, result: str) -> Situation:
        return replace(self, value=replace(self.value, result=result))


def printed_units(criterion: CriterionDocument) -> set[str]:
    figures = [set(one.figures) for one in criterion.conditions if one.figures]
    return set.intersection(*figures) if figures else {str(criterion.unit)}


def plausible_units(criterion: CriterionDocument, testcd: str) -> list[str]:
    """Printed or not, wherever a conversion leads to the criterion's unit."""
    return [
        unit
        for unit in units_by_code()
        if unit_for(testcd, unit) is not None
        and (factor_between(unit, str(criterion.unit), testcd) or unit in printed_units(criterion))
    ]


@st.composite
def situations(draw: st.DrawFn, *, printed: bool = True) -> Situation:
    version, domain, criterion, testcd = draw(st.sampled_from(CRITERIA))
    units = plausible_units(criterion, testcd)
    if printed:
        units = sorted(printed_units(criterion).intersection(units))
    assume(units)
    unit = draw(st.sampled_from(units))
    lln, uln = sorted((draw(NUMBERS), draw(NUMBERS)))
    own = sorted((draw(NUMBERS), draw(NUMBERS)))
    # Where a range can tell of another specimen, losing the range would make a urine into blood.
    specimen = criterion.specimen or ("BLOOD" if criterion.lln_from is not None else None)
    value = Measurement(testcd, "", unit, str(lln), str(uln), specimen, fasting=True)
    before = draw(NUMBERS | st.sampled_from([lln, uln, own[0], own[1]]))
    baseline = replace(value, result=f"{before:f}", range_low=str(own[0]), range_high=str(own[1]))
    found = Situation(version, domain, criterion, value, baseline, {}, {})
    facts = {fact: draw(st.booleans()) for fact in sorted(facts_of(criterion))}
    others = [clause.beside for _, clause in criterion.clauses if clause.beside]
    beside = {}
    for other in others:
        code, limit = next(iter(other.limits.items()))
        near = draw(st.sampled_from([limit - 1, limit, limit + 1]))
        beside[other.test] = Measurement(other.test, f"{near:f}", code, None, None)
    found = replace(found, facts=facts, beside=beside)
    return found.at(f"{draw(values(found)):f}")


def values(situation: Situation) -> st.SearchStrategy[Decimal]:
    """Any value, and those on a limit or just beside it."""
    unit = str(situation.value.unit)
    near = [
        limit + step
        for condition in situation.criterion.conditions
        if not condition.figures or unit in condition.figures
        for limit in [decimal(limit_of(condition, situation))]
        for step in (Decimal("-0.001"), Decimal(0), Decimal("0.001"))
        if limit + step > 0
    ]
    return st.one_of(NUMBERS, st.sampled_from(near)) if near else NUMBERS


def decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def facts_of(criterion: CriterionDocument) -> set[str]:
    return {fact for _, clause in criterion.clauses for fact in (*clause.needs, *clause.without)}


def limit_of(condition: ConditionDocument, situation: Situation) -> Fraction:
    unit, value, baseline = situation.value.unit, situation.value, situation.baseline
    plus = Fraction(condition.figures[str(unit)]) if condition.figures else Fraction(0)
    if condition.reference == "absolute":
        return plus
    assert baseline is not None
    reference = {
        "uln": value.range_high, "lln": value.range_low, "baseline": baseline.result
    }[condition.reference]  # fmt: skip
    return Fraction(str(reference)) * Fraction(condition.factor) + plus


def compares(condition: ConditionDocument, value: Fraction, limit: Fraction) -> bool:
    return {
        "above": value > limit,
        "at_least": value >= limit,
        "below": value < limit,
        "at_most": value <= limit,
    }[condition.comparison]


def applies(clause: ClauseDocument, situation: Situation) -> bool:
    baseline = situation.baseline
    assert baseline is not None
    before = Fraction(baseline.result)
    low = before < Fraction(str(baseline.range_low))
    uln = Fraction(str(baseline.range_high))
    high = before > uln
    abnormal = high if situation.criterion.direction == "high" else low
    return {
        None: True,
        "baseline_normal": not abnormal,
        "baseline_abnormal": abnormal,
        "baseline_below_lln": low,
        "baseline_up_to_5x_uln": high and before <= 5 * uln,
        "baseline_above_5x_uln": before > 5 * uln,
    }[clause.when]


def holds(clause: ClauseDocument, situation: Situation) -> bool:
    value, facts = Fraction(situation.value.result), situation.facts
    if clause.beside is not None:
        other = situation.beside[clause.beside.test]
        limit = Fraction(clause.beside.limits[str(other.unit)])
        if not compares(clause.beside, Fraction(other.result), limit):
            return False
    return (
        applies(clause, situation)
        and all(facts[fact] for fact in clause.needs)
        and not any(facts[fact] for fact in clause.without)
        and all(compares(one, value, limit_of(one, situation)) for one in clause.conditions)
    )


@given(situations())
def test_bands_say_what_the_clauses_say(situation: Situation) -> None:
    expected = max(
        (g for g, clause in situation.criterion.clauses if holds(clause, situation)), default=0
    )
    answer = situation.answer()
    assert isinstance(answer, Graded), answer.why
    assert (answer.low, answer.high) == (expected, expected), answer.why


@given(situations(printed=False), st.data())
def test_grades_are_monotone_in_the_value(situation: Situation, data: st.DataObject) -> None:
    values = sorted((data.draw(NUMBERS), data.draw(NUMBERS)))
    milder, worse = (situation.at(f"{value:f}").answer() for value in values)
    if situation.criterion.direction == "low":
        milder, worse = worse, milder
    assert milder.low <= worse.low
    assert milder.high <= worse.high


@given(situations(printed=False), st.data())
def test_a_unit_that_is_not_printed_is_converted_exactly(
    situation: Situation, data: st.DataObject
) -> None:
    """The value in the unit it is compared in, and all that goes with it, has the same grade."""
    unit, testcd = str(situation.value.unit), situation.value.testcd
    criterion = situation.criterion
    assume(unit not in printed_units(criterion))
    factor = factor_between(unit, str(criterion.unit), testcd)
    same_kind = units_by_code()[unit].kind == units_by_code()[str(criterion.unit)].kind
    assume(factor is not None and same_kind and is_decimal(factor))
    assert factor is not None
    there = replace(
        situation,
        value=converted(situation.value, factor, str(criterion.unit)),
        baseline=situation.baseline and converted(situation.baseline, factor, str(criterion.unit)),
    )
    here, other = situation.answer(), there.answer()
    assert (here.low, here.high) == (other.low, other.high)
    if criterion.conditions[0].figures and here.limit:
        assert here.unit_system in ("converted", "multiple")


def is_decimal(number: Fraction) -> bool:
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def converted(value: Measurement, factor: Fraction, unit: str) -> Measurement:
    def by_factor(number: str | None) -> str:
        return f"{decimal(Fraction(str(number)) * factor):f}"

    return replace(
        value,
        unit=unit,
        result=by_factor(value.result),
        range_low=by_factor(value.range_low),
        range_high=by_factor(value.range_high),
    )


def forgotten(situation: Situation) -> Iterator[Situation]:
    """The same result with one thing less known."""
    value, baseline = situation.value, situation.baseline
    yield replace(situation, value=replace(value, range_low=None))
    yield replace(situation, value=replace(value, range_high=None))
    yield replace(situation, value=replace(value, fasting=None))
    for fact in situation.facts:
        yield replace(situation, facts={k: v for k, v in situation.facts.items() if k != fact})
    yield replace(situation, beside={})
    if value.range_high is not None and value.range_high.replace(".", "").isdigit():
        twice = Decimal(value.range_high) * 2
        yield replace(situation, value=replace(value, range_high=f"{value.range_high}-{twice}"))
        yield replace(situation, value=replace(value, range_high=f"<{value.range_high}"))
    # Without the baseline's own range the range at hand is taken to be its range as well.
    normal = value.range_low, value.range_high
    if baseline and baseline.result and (baseline.range_low, baseline.range_high) == normal:
        yield replace(situation, baseline=None)
        if None not in normal:
            told = replace(baseline, result="", indicator=side(baseline))
            yield replace(situation, baseline=told)
        yield replace(situation, baseline=replace(baseline, range_low=None, range_high=None))


def side(baseline: Measurement) -> Indicator:
    number = Decimal(baseline.result)
    if number < Decimal(str(baseline.range_low)):
        return "LOW"
    return "HIGH" if number > Decimal(str(baseline.range_high)) else "NORMAL"


@given(situations(printed=False), st.booleans(), st.data())
def test_knowing_more_never_leaves_the_bounds(
    situation: Situation, one_range: bool, data: st.DataObject
) -> None:
    """Whatever is missing, the grades left open hold the one there is when it is known; so it is
    when a second thing is missing."""
    value, baseline = situation.value, situation.baseline
    assert baseline is not None
    if one_range:
        same = replace(baseline, range_low=value.range_low, range_high=value.range_high)
        situation = replace(situation, baseline=same)
    less = data.draw(st.sampled_from(list(forgotten(situation))))
    least = data.draw(st.sampled_from(list(forgotten(less))))
    for more, fewer in pairwise((situation, less, least)):
        known, unknown = more.answer(), fewer.answer()
        assert unknown.low <= known.low
        assert known.high <= unknown.high


@given(situations(printed=False), st.sampled_from(["<", "<=", ">", ">="]), st.data())
def test_a_comparators_range_is_the_envelope_of_the_values_it_allows(
    situation: Situation, comparator: str, data: st.DataObject
) -> None:
    limit = Decimal(situation.value.result)
    below = comparator in ("<", "<=")
    step = data.draw(st.just(Decimal(0)) | NUMBERS)
    inside = max(limit - step, Decimal(0)) if below else limit + step
    assume("=" in comparator or inside != limit)
    wide = situation.at(f"{comparator}{situation.value.result}").answer()
    exact = situation.at(f"{inside:f}").answer()
    assert wide.low <= exact.low
    assert exact.high <= wide.high


@given(situations(printed=False))
def test_bands_cover_every_value_once(situation: Situation) -> None:
    bands = situation.answer().compiled.bands()
    assert (bands[0].lower, bands[-1].upper) == (None if situation.criterion.signed else 0, None)
    for one, other in pairwise(bands):
        assert one.upper == other.lower
        assert one.upper_included != other.lower_included
    for band in bands:
        assert band.lower is not None or situation.criterion.signed
        inside = (band.lower or Fraction(0)) + 1 if band.upper is None else None
        if inside is None and band.lower is not None and band.upper is not None:
            inside = (band.lower + band.upper) / 2
        if inside is not None and is_decimal(inside):
            answer = situation.at(f"{decimal(inside):f}").answer()
            assert (answer.low, answer.high) == (band.low, band.high)
