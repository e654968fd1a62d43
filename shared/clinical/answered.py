"""What the criteria answer to one measurement, and how far that counts.

Laboratories say the same of many samples: what was answered once to a value, compared with the same
things, is answered again without a look at a criterion.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from shared.clinical.ctcae import Graded, Measurement, NotGradable, grade
from shared.clinical.ctcae.criteria import Criterion
from shared.clinical.ctcae.form import Domain
from shared.clinical.ctcae.grading import uses_baseline

WorstCase = Literal["query", "counts"]
Answer = Graded | NotGradable
Beside = tuple[tuple[str, Measurement], ...]
"""Values of the same time by test."""

_KEPT = 16384


class Answered(NamedTuple):
    """The answer of one criterion. ``low`` to ``high`` counts for a DLT, ``worst`` is the worst
    case."""

    answer: Answer
    low: int
    high: int
    worst: int
    criterion: Criterion


def answers_to(
    value: Measurement,
    *,
    ctcae: str,
    domain: Domain,
    is_baseline: bool,
    baseline: Measurement | None,
    beside: Beside,
    worst_case: WorstCase,
) -> tuple[Answered, ...]:
    """One for each criterion that names the test; arguments as in `grade`."""
    if baseline is not None and not uses_baseline(ctcae, value.testcd, domain):
        baseline = None
    return _answers(_Asked(value, ctcae, domain, is_baseline, baseline, beside), worst_case)


class _Asked(NamedTuple):
    """A value with everything its grade hangs on."""

    value: Measurement
    ctcae: str
    domain: Domain
    is_baseline: bool
    baseline: Measurement | None
    beside: Beside

    def graded(self, absent: frozenset[str] = frozenset()) -> tuple[Answer, ...]:
        """The answer of each criterion; with these facts ``absent``."""
        return grade(
            self.value,
            ctcae=self.ctcae,
            baseline=self.baseline,
            is_baseline=self.is_baseline,
            beside=dict(self.beside),
            facts=dict.fromkeys(absent, False),
            domain=self.domain,
        )


@lru_cache(maxsize=_KEPT)
def _answers(asked: _Asked, worst_case: WorstCase) -> tuple[Answered, ...]:
    return tuple(_each(asked, worst_case))


def _each(asked: _Asked, worst_case: WorstCase) -> Iterator[Answered]:
    for answer in asked.graded():
        low, high = _counting(asked, answer, worst_case)
        criterion = answer.compiled.criterion
        yield Answered(answer, low, high, max(answer.high, high), criterion)


def _counting(asked: _Asked, answer: Answer, worst_case: WorstCase) -> tuple[int, int]:
    """What counts: the numeric minimum as far as a symptom or a second finding is not known,
    and a range as far as the value, its range or its baseline are not."""
    low, high = answer.low, answer.high
    if low == high:
        return low, high
    criterion = answer.compiled.criterion
    if isinstance(answer, Graded) and answer.reason == "needs_clinical_input":
        # A diagnosis is not made by nobody denying it: only a grade that is there gets worse.
        worse = worst_case == "counts" and answer.low > 0
        return (answer.high, answer.high) if worse else (answer.low, answer.low)
    known = dict(asked.beside)
    hanging = [
        clause.needs or (clause.beside and clause.beside.test not in known)
        for _, clause in criterion.clauses
    ]
    if hanging and all(hanging):
        return answer.low, answer.low
    again = next(
        one
        for one in asked.graded(absent=frozenset(criterion.facts))
        if one.compiled.criterion is criterion
    )
    return answer.low, max(answer.low, again.high)
