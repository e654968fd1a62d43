"""3+3 with cohorts of three, read live while subjects are pending.

Rule: 0/3 escalate, 1/3 add three, 1/6 escalate, 2 DLTs at a dose: exceeded. Counts off this grid
(0/4, 1/4, 1/5) get the cautious reading: no DLT in three or more is as good as 0/3, one DLT asks
for six. Stop decisions count confirmed and candidate DLTs at once; go decisions need nothing
pending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from shared.clinical.designs.design import Design, register
from shared.clinical.designs.model import Answer, DoseCounts, Question, Report, inputs_of
from shared.clinical.designs.parameters import DesignError

COHORT = 3
FULL = 6
LIMIT = 2


@register
class ThreePlusThree(Design):
    """3+3. ``plain``: when a dose is exceeded the dose below is the MTD, whatever its size.
    ``deescalate``: the dose below is first filled to six; the MTD is the highest dose with six
    evaluable and at most one DLT. ``confirm6``: so too, and the top dose needs six as well.

    Source: Storer BE, Biometrics 1989;45:925-937; Korn EL et al., Stat Med 1994;13:1799-1806.

    >>> from shared.clinical.designs import counts_of
    >>> doses = counts_of("1NNN 2NNN 3NNN 4TTN", num_doses=5)
    >>> ThreePlusThree().decide(Question(doses, current=4)).mtd
    3
    >>> ThreePlusThree(variant="deescalate").decide(Question(doses, current=4)).next_dose
    3
    """

    kind: Literal["3+3"] = "3+3"
    variant: Literal["plain", "deescalate", "confirm6"] = "plain"
    num_doses: int | None = Field(default=None, ge=1, le=1_000)
    source: ClassVar[str] = "Storer BE, Biometrics 1989;45:925-937"
    reads_pending: ClassVar[bool] = True
    reads_candidates: ClassVar[bool] = True

    def propose(self, question: Question) -> Answer:
        answer = self._walk(self._padded(question))
        return replace(answer, report=replace(answer.report, source=self.source))

    def _padded(self, question: Question) -> Question:
        missing = (self.num_doses or question.top) - question.top
        if missing < 0:
            raise DesignError(f"{question.top} doses are given, but num_doses is {self.num_doses}")
        if not missing:
            return question
        return replace(question, doses=(*question.doses, *[DoseCounts()] * missing))

    def _walk(self, question: Question) -> Answer:
        for dose, counts in enumerate(question.doses, start=1):
            if counts.toxic >= LIMIT or dose == question.eliminated_from:
                return self._exceeded(question, dose)
        return _fallen(question, question.current) or self._at_current(question)

    def _exceeded(self, question: Question, dose: int) -> Answer:
        counts = question.at(dose)
        earlier = dose == question.eliminated_from
        why = "the dose is exceeded" if counts.toxic >= LIMIT else "it was eliminated earlier"
        text = f"{counts.toxic} DLTs at dose level {dose} ({counts.ratio}): {why}"
        report = _report("exceeded", text, question, dose)
        if counts.dlt < LIMIT and not earlier:
            text = f"{counts.candidate} of them not confirmed yet"
            waiting = report.over(_report("not_final", text, question, dose))
            closed, fallen = question.lowest_exceeded(LIMIT), _fallen(question, dose)
            held = dose if fallen is None else fallen.held_from
            return Answer("suspend", None, waiting, closed, held_from=held)
        if dose == 1:
            none = _report("no_dose_below", "there is no dose below", question, dose)
            return Answer("stop", None, report.over(none), eliminated_from=dose)
        return self._below(question, dose - 1, report)

    def _below(self, question: Question, dose: int, exceeded: Report) -> Answer:
        """What the dose below an exceeded one still needs before it is the MTD; a study that went
        lower still goes on where it is."""
        counts, closed = question.at(dose), dose + 1
        needed = FULL if self.variant != "plain" or counts.toxic else COHORT
        fallen = _fallen(question, dose)
        if question.current < dose and (fallen or counts.enrolled < needed):
            here = _fallen(question, question.current) or self._at_current(question)
            return replace(here, report=here.report.over(exceeded), eliminated_from=closed)
        if fallen is not None:
            return replace(fallen, report=exceeded.over(fallen.report), eliminated_from=closed)
        if counts.enrolled < needed:
            return _fill(question, dose, needed, exceeded)
        pending = dose if counts.pending else _may_fall(question, dose)
        if pending is not None:
            text = f"{question.at(pending).pending} pending at dose level {pending} decide the MTD"
            report = exceeded.over(_report("pending_below", text, question, pending))
            return Answer("suspend", question.current, report, eliminated_from=closed)
        text = f"dose level {dose} has {counts.ratio}: it is the MTD"
        report = exceeded.over(_report("mtd", text, question, dose))
        return Answer("stop", None, report, eliminated_from=closed, mtd=dose)

    def _at_current(self, question: Question) -> Answer:
        dose, counts = question.current, question.here
        below = _may_fall(question, dose)
        if below is not None:
            return Answer("suspend", dose, _wait_for(question, below))
        if counts.enrolled < COHORT:
            text = f"{counts.enrolled} of {COHORT} places at dose level {dose} are taken"
            return Answer("stay", dose, _report("fill_cohort", text, question, dose))
        last = self.variant == "confirm6" and dose == question.top
        target = FULL if counts.toxic or last else COHORT
        full = counts.enrolled >= target or counts.n < COHORT
        if counts.candidate or (counts.pending and full):
            text = (
                f"{counts.pending} pending at dose level {dose} ({counts.ratio}) "
                "may change the answer"
            )
            return Answer("suspend", dose, _report("pending", text, question, dose))
        if counts.enrolled < target:
            text = f"{counts.ratio} at dose level {dose}: {target} are needed"
            report = _report("expand", text, question, dose)
            return Answer("expand" if counts.toxic else "confirm", dose, report)
        return _cleared(question)


def cleared(counts: DoseCounts) -> bool:
    """Whether the counts allow going above the dose: 0 DLT in three or more, or 1 in six."""
    return not counts.pending and cleared_so_far(counts)


def cleared_so_far(counts: DoseCounts) -> bool:
    """As `cleared`, on those already evaluable."""
    enough = FULL if counts.toxic else COHORT
    return counts.n >= enough and counts.toxic < LIMIT


def _fill(question: Question, dose: int, needed: int, exceeded: Report) -> Answer:
    """Treat more at the dose below an exceeded one."""
    text = (
        f"dose level {dose} has {question.at(dose).enrolled} of {needed}: treat {COHORT} more there"
    )
    report = exceeded.over(_report("fill_dose_below", text, question, dose))
    down = question.current > dose
    return Answer("deescalate" if down else "confirm", dose, report, eliminated_from=dose + 1)


def _report(rule: str, text: str, question: Question, dose: int) -> Report:
    return Report(f"three_plus_three.{rule}", text, inputs_of(question, dose))


def _may_fall(question: Question, dose: int) -> int | None:
    """A dose below that its pending subjects could still take away."""
    for below in question.passed(dose):
        counts = question.at(below)
        if counts.pending and not cleared_so_far(counts.with_dlts(counts.pending)):
            return below
    return None


def _wait_for(question: Question, below: int) -> Report:
    counts = question.at(below)
    text = f"{counts.pending} pending at dose level {below} ({counts.ratio}) may take it away"
    return _report("pending_below", text, question, below)


def _fallen(question: Question, above: int) -> Answer | None:
    for below in question.passed(above):
        counts = question.at(below)
        if not cleared_so_far(counts):
            text = (
                f"dose level {below} no longer supports the doses above it: "
                f"{counts.ratio}, {counts.pending} pending"
            )
            report = _report("lower_dose_fell", text, question, below)
            return Answer("suspend", question.current, report, held_from=below + 1)
    return None


def _cleared(question: Question) -> Answer:
    dose = question.current
    text = f"{question.here.ratio} at dose level {dose}, none pending"
    report = _report("cleared", text, question, dose)
    if dose == question.top:
        return Answer("stop", None, report, mtd=dose)
    return Answer("escalate", dose + 1, report)
