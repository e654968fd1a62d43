"""What all interval designs share: a verdict on one dose, elimination, the walk, the MTD.

An interval design looks at the current dose only: its counts say E (escalate), S (stay), D
(de-escalate) or U (de-escalate and never come back). Everything else is common to the family.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from pydantic import Field

from shared.clinical.designs.design import Design
from shared.clinical.designs.isotonic import SOURCE as ISOTONIC
from shared.clinical.designs.isotonic import estimates_of, select_mtd
from shared.clinical.designs.model import Answer, DoseCounts, Question, Report, Value, inputs_of
from shared.clinical.designs.parameters import Rate
from shared.clinical.designs.posterior import exactly, exceeds, tail

Verdict = Literal["E", "S", "D", "U"]
WORDS = {"E": "escalate", "S": "stay", "D": "de-escalate", "U": "de-escalate and eliminate"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the counts of one dose say, and by which numbers."""

    verdict: Verdict
    text: str
    thresholds: dict[str, Value] = field(default_factory=dict)
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Verdicts on n as counts; None where no count gives the verdict."""

    n: int
    escalate_if_at_most: int | None
    deescalate_if_at_least: int | None
    eliminate_if_at_least: int | None


class IntervalDesign(Design):
    """Base of the family. A dose is eliminated once ``n_eli`` are evaluable there and
    P(p > target) exceeds ``cutoff_eli`` under a Beta(1,1) prior."""

    target: Rate
    cutoff_eli: Rate = 0.95
    n_eli: int = Field(default=3, ge=1)

    @abstractmethod
    def read(self, n: int, dlt: int) -> Reading:
        """The verdict on a dose that is not eliminated; ``n`` is at least 1."""

    def verdict(self, n: int, dlt: int) -> Verdict:
        """E, S, D or U for ``dlt`` of ``n``."""
        return "U" if self.eliminates(n, dlt) else self.read(n, dlt).verdict

    def boundaries(self, n: int) -> Boundaries:
        """The verdicts on ``n`` evaluable patients as counts, for printing."""
        return _boundaries(self, n)

    def toxicity(self, n: int, dlt: int) -> Fraction:
        """P(p > target), prior Beta(1,1)."""
        return tail(n, dlt, exactly(self.target))

    def cutoff(self, lowest: bool) -> Fraction:  # noqa: ARG002
        """The posterior probability that eliminates; ``lowest`` for dose 1."""
        return exactly(self.cutoff_eli)

    def eliminates(self, n: int, dlt: int, lowest: bool = False) -> bool:
        """Whether the dose and all above it are never used again."""
        return n >= self.n_eli and exceeds(n, dlt, self.target, self.cutoff(lowest))

    def why_eliminated(self, n: int, dlt: int, lowest: bool) -> Reading:
        """The numbers behind `eliminates`."""
        toxicity, cutoff = self.toxicity(n, dlt), self.cutoff(lowest)
        text = (
            f"P(DLT rate > {self.target:g}) with {dlt}/{n} "
            f"is {float(toxicity):.4f} > {float(cutoff):g}"
        )
        thresholds: dict[str, Value] = {"target": self.target, "cutoff": float(cutoff)}
        return Reading("U", text, thresholds, float(toxicity - cutoff))

    def cited(self) -> str:
        """Where the rule is from."""
        return self.source

    def eliminated_from(self, question: Question) -> int | None:
        """The lowest dose eliminated, earlier or by these counts."""
        for dose, counts in enumerate(question.doses, start=1):
            if dose == question.eliminated_from or self.eliminates(
                *self.counted(counts), lowest=dose == 1
            ):
                return dose
        return None

    def counted(self, counts: DoseCounts) -> tuple[int, int]:
        """The patients, and the DLTs among them, that can eliminate a dose."""
        return counts.n, counts.dlt

    def propose(self, question: Question) -> Answer:
        closed = self.eliminated_from(question)
        if closed is not None and closed <= question.current:
            return self._leave(question, closed)
        if not self.counted(question.here)[0]:
            text = f"nobody is evaluable at dose {question.current} yet"
            report = Report(f"{self.kind}.start", text, inputs_of(question, question.current))
            return Answer("stay", question.current, report, closed)
        return self._walk(question, closed)

    def mtd(self, question: Question) -> Answer:
        closed = self.eliminated_from(question)
        left = question.doses[: closed - 1] if closed else question.doses
        estimates = estimates_of(left)
        mtd = select_mtd(estimates, self.target, self.mtd_bound())
        shown: dict[str, Value] = {f"estimate_{dose}": rate for dose, rate in estimates.items()}
        text = f"no dose qualifies as the MTD for the target {self.target:g}"
        if mtd is not None:
            text = (
                f"dose {mtd} has the isotonic estimate {estimates[mtd]:.5f}, "
                f"the nearest to the target {self.target:g}: it is the MTD"
            )
        thresholds: dict[str, Value] = {"target": self.target, "bound": self.mtd_bound()}
        report = Report("isotonic.mtd", text, shown, thresholds, source=ISOTONIC)
        if closed is not None:
            report = report.over(self._elimination(question, closed))
        return Answer("stop", None, report, closed, mtd=mtd)

    def mtd_bound(self) -> float | None:
        """The highest estimate an MTD may have, if the design bounds it."""
        return None

    def _leave(self, question: Question, closed: int) -> Answer:
        report = self._elimination(question, closed)
        if closed == 1:
            return Answer("stop", None, report, closed)
        return Answer("deescalate", closed - 1, report, closed)

    def _elimination(self, question: Question, closed: int) -> Report:
        counted = self.counted(question.at(closed))
        inputs = inputs_of(question, closed)
        if not self.eliminates(*counted, lowest=closed == 1):
            text = f"dose {closed} was eliminated earlier, with every dose above"
            return Report(f"{self.kind}.eliminated", text, inputs, source=self.cited())
        why = self.why_eliminated(*counted, lowest=closed == 1)
        text = f"{why.text}: dose {closed} is eliminated, with every dose above"
        rule = f"{self.kind}.eliminate"
        return Report(rule, text, inputs, why.thresholds, why.margin, self.cited())

    def _walk(self, question: Question, closed: int | None) -> Answer:
        return self.follow(question, self.read(question.here.n, question.here.dlt), closed)

    def follow(self, question: Question, reading: Reading, closed: int | None) -> Answer:
        """One dose up or down, or none, as a verdict on the current dose says."""
        report = self._report(question, reading)
        here = question.current
        if reading.verdict == "E":
            if here == question.top:
                return Answer("stay", here, _end(report, "there is no higher dose"), closed)
            if here + 1 == closed:
                report = _end(report, "the next dose is eliminated")
                report = report.over(self._elimination(question, closed))
                return Answer("stay", here, report, closed)
            return Answer("escalate", here + 1, report, closed)
        if reading.verdict == "S":
            return Answer("stay", here, report, closed)
        if here == 1:
            return Answer("stay", here, _end(report, "there is no lower dose"), closed)
        return Answer("deescalate", here - 1, report, closed)

    def _report(self, question: Question, reading: Reading) -> Report:
        return Report(
            f"{self.kind}.{WORDS[reading.verdict].split(' ')[0]}",
            f"{reading.text}: {WORDS[reading.verdict]}",
            inputs_of(question, question.current),
            {"target": self.target, **reading.thresholds},
            reading.margin,
            self.cited(),
        )


def _end(report: Report, why: str) -> Report:
    return Report("end_of_doses", f"{why}: stay", children=(report,))


@lru_cache(maxsize=4096)
def _boundaries(design: IntervalDesign, n: int) -> Boundaries:
    verdicts = [design.verdict(n, dlt) for dlt in range(n + 1)]

    def first(*wanted: Verdict) -> int | None:
        return next((dlt for dlt, said in enumerate(verdicts) if said in wanted), None)

    up = first("S", "D", "U")
    last = n if up is None else up - 1
    return Boundaries(n, last if last >= 0 else None, first("D", "U"), first("U"))
