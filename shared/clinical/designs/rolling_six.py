"""Rolling six: up to six at a dose before the earlier ones are known, then the counts decide."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from shared.clinical.designs.design import Design, register
from shared.clinical.designs.model import Answer, DoseCounts, Question, Report, inputs_of

FULL = 6
LIMIT = 2


@register
class RollingSix(Design):
    """With d DLTs, s finished without and w pending of six: two DLTs exceed the dose; escalate on
    d=0, w=0, s>=3; d=0, s>=5; or d=1, s=5; else enrol until six, then suspend.

    The MTD is the dose below an exceeded one once it has six with at most one DLT. More than six
    at a dose are off the grid: then escalation needs the answer to be certain.

    Source: Skolnik JM et al., J Clin Oncol 2008;26:190-195.

    >>> waiting = Question((DoseCounts(n=3, pending=1), DoseCounts()), current=1)
    >>> RollingSix().decide(waiting).action
    'stay'
    """

    kind: Literal["rolling_six"] = "rolling_six"
    source: ClassVar[str] = "Skolnik JM et al., J Clin Oncol 2008;26:190-195"
    reads_pending: ClassVar[bool] = True

    def propose(self, question: Question) -> Answer:
        exceeded = question.lowest_exceeded(LIMIT)
        if exceeded is not None:
            return self._exceeded(question, exceeded)
        return self._fallen(question, question.current) or self._at_current(question)

    def _fallen(self, question: Question, above: int) -> Answer | None:
        for dose in question.passed(above):
            if not _enough(question.at(dose)):
                text = f"{_said(question, dose)}: it no longer supports the doses above"
                report = self._report("lower_dose_fell", text, question, dose)
                return Answer("suspend", question.current, report, held_from=dose + 1)
        return None

    def _exceeded(self, question: Question, dose: int) -> Answer:
        why = "exceeded" if question.at(dose).dlt >= LIMIT else "eliminated earlier"
        text = f"{_said(question, dose)}: the dose is {why}"
        report = self._report("exceeded", text, question, dose)
        if dose == 1:
            return Answer("stop", None, report, eliminated_from=1)
        below = dose - 1
        counts, fallen = question.at(below), self._fallen(question, below)
        if question.current < below and (fallen or counts.enrolled < FULL):
            here = self._fallen(question, question.current) or self._at_current(question)
            return replace(here, report=here.report.over(report), eliminated_from=dose)
        if fallen is not None:
            return replace(fallen, report=report.over(fallen.report), eliminated_from=dose)
        if counts.enrolled < FULL:
            text = f"{_said(question, below)}: fill it to {FULL}"
            report = report.over(self._report("fill_dose_below", text, question, below))
            down = question.current > below
            return Answer("deescalate" if down else "confirm", below, report, eliminated_from=dose)
        waiting = _may_fall(question, dose)
        if waiting is not None:
            text = f"{_said(question, waiting)}: the pending decide the MTD"
            report = report.over(self._report("pending_below", text, question, waiting))
            return Answer("suspend", question.current, report, eliminated_from=dose)
        text = f"{_said(question, below)}: it is the MTD"
        report = report.over(self._report("mtd", text, question, below))
        return Answer("stop", None, report, eliminated_from=dose, mtd=below)

    def _at_current(self, question: Question) -> Answer:
        dose, counts = question.current, question.here
        said = _said(question, dose)
        if not _certain(counts):
            if counts.enrolled < FULL:
                report = self._report("fill_cohort", f"{said}: enrol here", question, dose)
                return Answer("stay", dose, report)
            report = self._report("pending", f"{said}: wait for the pending", question, dose)
            return Answer("suspend", dose, report)
        waiting = _may_fall(question, dose)
        if waiting is not None:
            text = f"{_said(question, waiting)}: they may take the dose away"
            report = self._report("pending_below", text, question, waiting)
            return Answer("suspend", dose, report)
        report = self._report("cleared", f"{said}: escalate", question, dose)
        if dose == question.top:
            report = Report("end_of_doses", "there is no higher dose", children=(report,))
            return Answer("stop", None, report, mtd=dose)
        return Answer("escalate", dose + 1, report)

    def _report(self, rule: str, text: str, question: Question, dose: int) -> Report:
        inputs = inputs_of(question, dose)
        return Report(f"rolling_six.{rule}", text, inputs, source=self.source)


def _said(question: Question, dose: int) -> str:
    counts = question.at(dose)
    return (
        f"{counts.enrolled} enrolled at dose level {dose}: {counts.dlt} with a DLT, "
        f"{counts.n - counts.dlt} finished without, {counts.pending} pending"
    )


def _enough(counts: DoseCounts) -> bool:
    """Whether those already final support a higher dose."""
    without = counts.n - counts.dlt
    return counts.dlt < LIMIT and without >= (5 if counts.dlt else 3)


def _certain(counts: DoseCounts) -> bool:
    """Whether a DLT in every pending patient would still support a higher dose."""
    return _enough(counts.with_dlts(counts.pending))


def _may_fall(question: Question, dose: int) -> int | None:
    """A dose below that its pending patients could still take away."""
    return next((one for one in question.passed(dose) if not _certain(question.at(one))), None)
