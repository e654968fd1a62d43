"""BOIN for two drugs: the same boundaries, a choice of neighbours, and a matrix of rates."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import model_validator

from shared.clinical.designs.boin import Boin
from shared.clinical.designs.design import register
from shared.clinical.designs.isotonic_matrix import isotonic_matrix
from shared.clinical.designs.model import (
    TOLERANCE,
    Action,
    Answer,
    Question,
    Report,
    Value,
    inputs_of,
)
from shared.clinical.designs.parameters import DesignError
from shared.clinical.monitoring.beta import beta_tail

_STEP = 1e-5


@register
class BoinComb(Boin):
    """From the pair (j, k): escalate to (j+1, k) or (j, k+1), de-escalate to (j-1, k) or (j, k-1).

    BOIN's boundaries say which way; of the neighbours that are not eliminated the one with the
    largest P(λe < p < λd) + 0.0005 n is taken, p ~ Beta(y + .5, n - y + .5). Of equal ones the
    first drug moves (the R package draws lots). Eliminating (j, k) eliminates every pair with
    neither drug lower. Where both neighbours below are eliminated, the nearest open pairs further
    down compete.

    The MTD: matrix isotonic regression of (y + .05)/(n + .1) with the weights n + .1, the tried
    pair nearest to the target; of equal rates the higher levels if below the target, the lower if
    above, then the lower level of the first drug.

    Source: Lin R, Yin G, Stat Methods Med Res 2017;26:2155-2167; parameters as in the R package
    BOIN.

    >>> from shared.clinical.designs import DoseCounts, Question
    >>> doses = (DoseCounts(3), DoseCounts(3), DoseCounts(), DoseCounts(), DoseCounts(3, 1))
    >>> question = Question((*doses, DoseCounts()), current=2, columns=3)
    >>> answer = BoinComb(target=0.28).decide(question)
    >>> answer.action, question.pair(answer.next_dose)
    ('escalate', (2, 2))
    """

    kind: Literal["boin_comb"] = "boin_comb"  # type: ignore[assignment]
    source: ClassVar[str] = "Lin R, Yin G, Stat Methods Med Res 2017;26:2155-2167"

    @model_validator(mode="after")
    def _never_skips(self) -> BoinComb:
        if any(limit.kind == "no_skipping" for limit in self.limits):
            raise ValueError("no_skipping: two drugs have no single next dose; this never skips")
        return self

    def score(self, question: Question, dose: int) -> float:
        """How likely the DLT rate of a pair lies between the boundaries, with a bonus for data."""
        counts = question.at(dose)
        shape = (counts.dlt + 0.5, counts.n - counts.dlt + 0.5)
        low, high = self.lambdas
        return beta_tail(low, *shape) - beta_tail(high, *shape) + 0.0005 * counts.n

    def eliminated(self, question: Question) -> frozenset[int]:
        """All pairs eliminated, earlier or by these counts."""
        _matrix(question)
        earlier = question.eliminated | {question.eliminated_from or 0}
        roots = [
            question.pair(dose)
            for dose, counts in enumerate(question.doses, start=1)
            if dose in earlier or self.eliminates(counts.n, counts.dlt, lowest=dose == 1)
        ]
        pairs = ((dose, question.pair(dose)) for dose in range(1, question.top + 1))
        return frozenset(
            dose for dose, (j, k) in pairs if any(j >= row and k >= column for row, column in roots)
        )

    def decide(self, question: Question) -> Answer:
        """As every design; a hold is from a pair and all with neither drug lower."""
        answer = super().decide(question)
        if answer.held_from in (None, 1):
            return answer
        return replace(answer, held_from=question.current)

    def propose(self, question: Question) -> Answer:
        gone = self.eliminated(question)
        here, counts = question.current, question.here
        if 1 in gone:
            return Answer("stop", None, self._elimination(question, 1), 1, eliminated=gone)
        if here in gone:
            text = f"{_named(question, here)} is eliminated"
            report = Report(f"{self.kind}.eliminated", text, inputs_of(question, here))
            return self._move(question, "deescalate", report, gone)
        if not counts.n:
            text = f"nobody is evaluable at {_named(question, here)} yet"
            report = Report(f"{self.kind}.start", text, inputs_of(question, here))
            return Answer("stay", here, report, eliminated=gone)
        reading = self.read(counts.n, counts.dlt)
        report = self._report(question, reading)
        if reading.verdict == "S":
            return Answer("stay", here, report, eliminated=gone)
        return self._move(
            question, "escalate" if reading.verdict == "E" else "deescalate", report, gone
        )

    def mtd(self, question: Question) -> Answer:
        gone = self.eliminated(question)
        if 1 in gone:
            return Answer("stop", None, self._elimination(question, 1), 1, eliminated=gone)
        rates = self._estimates(question)
        bound = self.mtd_bound()
        open_to = [
            dose
            for dose, rate in rates.items()
            if dose not in gone and (bound is None or rate <= bound + TOLERANCE)
        ]
        mtd = min(open_to, key=lambda dose: self._distance(question, rates, dose), default=None)
        text = f"no pair qualifies as the MTD for the target {self.target:g}"
        if mtd is not None:
            text = (
                f"{_named(question, mtd)} has the isotonic estimate {rates[mtd]:.5f}, "
                f"the nearest to the target {self.target:g}: it is the MTD"
            )
        shown: dict[str, Value] = {
            f"estimate_{'_'.join(map(str, question.pair(dose)))}": rate
            for dose, rate in rates.items()
        }
        thresholds: dict[str, Value] = {"target": self.target, "bound": bound}
        report = Report("isotonic.mtd", text, shown, thresholds, source=self.source)
        return Answer("stop", None, report, mtd=mtd, eliminated=gone)

    def _estimates(self, question: Question) -> dict[int, float]:
        """Isotonic rates of the tried pairs; the untried take part with their small weight."""
        width = _matrix(question)
        rows = [question.doses[at : at + width] for at in range(0, question.top, width)]
        found = isotonic_matrix(
            [[Fraction(20 * one.dlt + 1, 20 * one.n + 2) for one in row] for row in rows],
            [[one.n + Fraction(1, 10) for one in row] for row in rows],
        )
        flat = [rate for row in found for rate in row]
        return {dose: rate for dose, rate in enumerate(flat, start=1) if question.at(dose).n}

    def _distance(self, question: Question, rates: dict[int, float], dose: int) -> float:
        """From the target, rounded to the tolerance; levels break the ties of pooled pairs."""
        rising = rates[dose] + _STEP * sum(question.pair(dose))
        return round(abs(rising - self.target), 9)

    def _move(
        self, question: Question, action: Action, report: Report, gone: frozenset[int]
    ) -> Answer:
        """To the best neighbour, or stay where there is none."""
        up = action == "escalate"
        near = _above(question) if up else _below(question)
        open_to = ([dose for dose in some if dose not in gone] for some in near)
        candidates: list[int] = next(filter(None, open_to), [])
        if not candidates:
            text = f"there is no {'higher' if up else 'lower'} pair that may be given: stay"
            ended = Report("end_of_doses", text, children=(report,))
            return Answer("stay", question.current, ended, eliminated=gone)
        scores = {dose: self.score(question, dose) for dose in candidates}
        best = next(dose for dose in candidates if scores[dose] >= max(scores.values()) - TOLERANCE)
        return Answer(action, best, self._chosen(question, scores, best, report), eliminated=gone)

    def _chosen(
        self, question: Question, scores: dict[int, float], best: int, report: Report
    ) -> Report:
        told = ", ".join(f"{_named(question, dose)}: {score:.4f}" for dose, score in scores.items())
        low, high = self.lambdas
        others = [score for dose, score in scores.items() if dose != best]
        return Report(
            f"{self.kind}.neighbour",
            f"{report.text}; {_named(question, best)} is taken, the likeliest to lie between "
            f"{low:.4f} and {high:.4f} ({told})",
            {f"score_{'_'.join(map(str, question.pair(dose)))}": scores[dose] for dose in scores},
            {"lambda_e": low, "lambda_d": high},
            scores[best] - max(others) if others else None,
            self.source,
            (report,),
        )


def _matrix(question: Question) -> int:
    if question.columns is None:
        raise DesignError(
            "doses: boin_comb needs a list of rows, one row a level of the first drug"
        )
    return question.columns


def _named(question: Question, dose: int) -> str:
    return "pair ({}, {})".format(*question.pair(dose))


def _above(question: Question) -> list[list[int]]:
    """The two pairs one level up, that of the first drug first."""
    j, k = question.pair(question.current)
    columns = _matrix(question)
    rows = question.top // columns
    near = ((j + 1, k), (j, k + 1))
    return [[question.dose_of(*pair) for pair in near if pair[0] <= rows and pair[1] <= columns]]


def _below(question: Question) -> list[list[int]]:
    """The pairs one level down, then two, and so on; the first drug lowered most comes first."""
    j, k = question.pair(question.current)
    ways = [
        [(j - first, k - (down - first)) for first in range(down, -1, -1)]
        for down in range(1, j + k - 1)
    ]
    return [[question.dose_of(*pair) for pair in pairs if min(pair) >= 1] for pairs in ways]
