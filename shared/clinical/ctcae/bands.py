"""A criterion in a context as bands of values, each with one answer.

The context is everything but the value: unit, range, baseline, specimen, fasting, known facts and
other findings. In it every clause is an interval, or two: the values it certainly covers and those
it may cover while something is not known. The ends of these intervals cut the number line; between
two cuts and on each of them the answer is the same for all values, so it is worked out once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from shared.clinical.ctcae.baseline import baselines_meant
from shared.clinical.ctcae.covers import WORDS, Context, Cover, Edge, Interval, covered
from shared.clinical.ctcae.criteria import Criterion
from shared.clinical.ctcae.form import Direction
from shared.clinical.ctcae.limits import Scaled, scaled
from shared.clinical.ctcae.model import Answer, Reason, UnitSystem
from shared.clinical.ctcae.sample import ANYTHING, Baseline, Range, span_of_result
from shared.clinical.quantity import Point, multiply
from shared.contracts.graded import NotGradableReason

KEPT = 16384
"""How many contexts are kept ready; one takes about 4 kB."""

_NO_RANGE = Range(None, None)
_PLAIN_DIGITS = 30


@dataclass(frozen=True, slots=True)
class Band:
    """Neighbouring values with one answer; the ends are in the value's unit, None at infinity."""

    lower: Fraction | None
    lower_included: bool
    upper: Fraction | None
    upper_included: bool
    low: int
    high: int
    reason: Reason | None
    limit: str | None
    unit_system: UnitSystem | None


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A criterion ready to grade values of one context.

    ``answers`` are those below the first of ``cuts``, on it, between it and the second, and so on;
    a value times ``scale`` is compared with the cuts. ``unit`` is the UCUM code where it is known.
    """

    criterion: Criterion
    unit: str
    scale: int
    cuts: tuple[Decimal, ...]
    answers: tuple[Answer, ...]

    def at(self, result: str) -> Answer:
        """The answer for a result as reported; a comparator gets the envelope of its values."""
        number = plain_number(result)
        if number is not None:
            return self.at_number(number)
        span = span_of_result(result, signed=self.criterion.document.signed)
        if isinstance(span, str):
            return not_gradable(self.criterion, span)
        if span.first == span.last:
            return self.at_number(span.first[0])
        return _envelope(self.answers[self._place(span.first) : self._place(span.last) + 1])

    def at_number(self, value: Decimal) -> Answer:
        """The answer for one number in the value's unit; it must not be nonsense for the test."""
        return self.answers[self.place_of(value)]

    def place_of(self, value: Decimal) -> int:
        """Which of the answers is the one for a number."""
        if self.scale != 1:
            value = multiply(value, Decimal(self.scale))
        index = bisect_left(self.cuts, value)
        on_cut = index < len(self.cuts) and self.cuts[index] == value
        return 2 * index + on_cut

    def bands(self) -> tuple[Band, ...]:
        """Every value the analyte can have, neighbours with the same answer merged."""
        return tuple(self._bands())

    def _bands(self) -> Iterator[Band]:
        zero = not self.criterion.document.signed
        start = self._place((Decimal(0), 0)) if zero else 0
        for answer, found in groupby(range(start, len(self.answers)), self.answers.__getitem__):
            places = list(found)
            lower, lower_included = self._end(places[0], -1)
            upper, upper_included = self._end(places[-1], 1)
            if zero and places[0] == start:
                lower, lower_included = Fraction(0), True
            yield Band(
                lower,
                lower_included,
                upper,
                upper_included,
                answer.low,
                answer.high,
                answer.reason,
                answer.limit,
                answer.unit_system,
            )

    def _end(self, place: int, side: int) -> tuple[Fraction | None, bool]:
        """The end of a place on one side, and whether it belongs to the place."""
        is_cut = place % 2 == 1
        cut = place // 2 if is_cut or side > 0 else place // 2 - 1
        if not 0 <= cut < len(self.cuts):
            return None, False
        return Fraction(self.cuts[cut]) / self.scale, is_cut

    def _place(self, point: Point) -> int:
        number, beside = point
        if not number.is_finite():
            return 0 if number < 0 else len(self.answers) - 1
        if beside == 0:
            return self.place_of(number)
        number = multiply(number, Decimal(self.scale))
        return 2 * (bisect_left if beside < 0 else bisect_right)(self.cuts, number)


def plain_number(result: str) -> Decimal | None:
    """The number where a result is nothing but digits and a point, as nearly all are."""
    digits = len(result) <= _PLAIN_DIGITS and result.isascii()
    return Decimal(result) if digits and result.replace(".", "", 1).isdigit() else None


def not_gradable(criterion: Criterion, reason: NotGradableReason) -> Answer:
    """The answer for a result that cannot be compared: any grade the criterion can give."""
    return Answer(0, criterion.worst, "unusable", reason, WORDS[reason])


def unusable(criterion: Criterion, unit: str, reason: NotGradableReason) -> Compiled:
    """A context in which no value can be compared, or a criterion that compares none."""
    if not criterion.clauses:
        reason = "needs_clinical_input"
    return Compiled(criterion, unit, 1, (), (not_gradable(criterion, reason),))


def compiled_in(criterion: Criterion, context: Context) -> Compiled:
    """The criterion in a context; kept, and shared by contexts that differ only in what the
    criterion does not use."""
    return _compiled(criterion, _narrowed(criterion, context))


def _narrowed(criterion: Criterion, context: Context) -> Context:
    uses, unit, (lln, uln) = criterion.uses, context.unit, context.range
    return Context(
        unit,
        Range(lln if "lln" in uses else None, uln if "uln" in uses else None),
        context.baseline if "baseline" in uses else Baseline(ANYTHING, unit, _NO_RANGE),
        context.fasting if "fasting" in uses else None,
        frozenset(fact for fact in context.facts if fact[0] in criterion.facts),
        tuple(one for one in context.beside if one.testcd in criterion.beside),
    )


@lru_cache(maxsize=KEPT)
def _compiled(criterion: Criterion, context: Context) -> Compiled:
    if not criterion.clauses:
        return unusable(criterion, context.unit, "needs_clinical_input")
    found = scaled(criterion, context.unit, context.baseline.unit)
    if found is None:
        return unusable(criterion, context.unit, "unit_unknown")
    covers = list(_covers(found, context, criterion.direction))
    edges = [edge for cover in covers for edge in cover.edges()]
    cuts = tuple(sorted({number for number, _ in edges if number.is_finite()}))
    placed = [_Placed.of(cover, cuts) for cover in covers]
    none_reached = Answer(0, 0, unit_system=found.unit_system)
    answers = _answers(placed, 2 * len(cuts) + 1, none_reached)
    return Compiled(criterion, context.unit, found.scale, cuts, answers)


def _covers(found: Scaled, context: Context, direction: Direction) -> Iterator[Cover]:
    """What each clause covers that covers anything, the worst grade first."""
    facts = dict(context.facts)
    meant = {when: baselines_meant(when, direction, context.baseline) for when in found.branches}
    for clause in found.clauses:
        baselines = meant[clause.when]
        cover = covered(clause, context, baselines, facts) if baselines else None
        if cover is not None:
            yield cover


class _Placed(NamedTuple):
    """A cover with its edges as places among the cuts."""

    first: int
    end: int
    certain_first: int
    certain_end: int
    cover: Cover

    @classmethod
    def of(cls, cover: Cover, cuts: tuple[Decimal, ...]) -> _Placed:
        first, end = _places_of(cover.possible, cuts)
        certain = (first, end) if cover.certain == cover.possible else (0, 0)
        if cover.certain is not None and cover.certain != cover.possible:
            certain = _places_of(cover.certain, cuts)
        return cls(first, end, *certain, cover)


def _places_of(interval: Interval, cuts: tuple[Decimal, ...]) -> tuple[int, int]:
    return _place_of(interval[0], cuts), _place_of(interval[1], cuts)


def _place_of(edge: Edge, cuts: tuple[Decimal, ...]) -> int:
    number, after = edge
    if not number.is_finite():
        return 0 if number < 0 else 2 * len(cuts) + 1
    return 2 * bisect_left(cuts, number) + 1 + after


def _answers(placed: list[_Placed], places: int, none_reached: Answer) -> tuple[Answer, ...]:
    if any(one.cover.certain != one.cover.possible for one in placed):
        return tuple([_answer(placed, place, none_reached) for place in range(places)])
    # Nothing is open: the worst grade is laid over the milder ones.
    found = [none_reached] * places
    for first, end, _, _, cover in reversed(placed):
        grade = cover.clause.grade
        found[first:end] = [_between(grade, grade, cover, [])] * (end - first)
    return tuple(found)


def _answer(placed: list[_Placed], place: int, none_reached: Answer) -> Answer:
    """The worst grade certainly reached at a place, and the worst not excluded."""
    high = 0
    opened: list[Cover] = []
    for first, end, certain_first, certain_end, cover in placed:
        if certain_first <= place < certain_end:
            return _between(cover.clause.grade, max(high, cover.clause.grade), cover, opened)
        if first <= place < end:
            high = max(high, cover.clause.grade)
            opened.append(cover)
    return _between(0, high, None, opened) if opened else none_reached


def _between(low: int, high: int, met: Cover | None, opened: list[Cover]) -> Answer:
    clause = met.clause if met else None
    limit, system = (clause.text, clause.unit_system) if clause else (None, None)
    cut, per = (met.cut, met.per) if met else (None, 1)
    if low == high:
        return Answer(low, high, "graded", None, "", limit, system, cut, per)
    lacking = next((cover for cover in opened if cover.lacking), None)
    if lacking is not None:
        return Answer(low, high, "lacking", lacking.lacking, lacking.words, limit, system, cut, per)
    fact = next((cover.words for cover in opened if cover.words), "")
    reason: Reason = "needs_clinical_input" if fact else "comparator"
    return Answer(low, high, "graded", reason, fact, limit, system, cut, per)


def _envelope(answers: tuple[Answer, ...]) -> Answer:
    """The answer for a result that may be any value of these places."""
    low, high = min(one.low for one in answers), max(one.high for one in answers)
    for one in answers:
        if (one.low, one.high) == (low, high):
            limit = one.limit if all(other.limit == one.limit for other in answers) else None
            return one._replace(limit=limit, cut=None)
    lacking = next((one for one in answers if one.state == "lacking"), None)
    if lacking is not None:
        return lacking._replace(low=low, high=high, limit=None, cut=None)
    return Answer(low, high, "graded", "comparator")
