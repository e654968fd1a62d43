"""Cohorts of a fixed size: the rule is asked when one is full and final, not after each subject.

Going down, holding and stopping don't wait where they are certain: where the rule would say so even
if nobody else of the cohort had a DLT. One DLT in the first of three does not take the dose down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from shared.clinical.designs import Answer, DoseCounts, Question, Report
from shared.clinical.designs.design import fear
from shared.clinical.designs.live import FILL_COHORT
from shared.clinical.designs.model import inputs_of
from shared.clinical.protocol.design import Design


def by_cohort(design: Design, question: Question) -> Answer:
    """What the design says, cohort by cohort. A rule that reads pending subjects by itself only
    waits for a cohort to be full before it goes on or up."""
    answer, size = design.rule.decide(question), design.cohort_size
    if size is None:
        return answer
    counts, places = question.here, -question.here.enrolled % size
    full = counts.enrolled > 0 and not places
    if design.rule.reads_pending:
        goes_on = answer.action in ("stay", "escalate")
        return _fill(size, question, answer) if goes_on and not full else answer
    if full and not counts.pending:
        return answer
    hoped = _hoped(question, places)
    certain = design.rule.decide(hoped)
    if _goes_down(certain, question.current):
        text = f"whatever becomes of the rest of the cohort at dose {question.current}"
        report = Report("cohort.certain", f"{text}: {certain.report.text}", certain.report.inputs)
        return replace(certain, report=report.over(certain.report))
    if answer.report.rule.startswith("limit.") and answer.action in ("stop", "suspend"):
        return answer
    going = _wait(size, question, certain) if full else _fill(size, question, certain)
    feared = design.rule.decide(_with_candidates(hoped, counts.candidate))
    return fear(question, going, feared) if _goes_down(feared, question.current) else going


def _hoped(question: Question, places: int) -> Question:
    """The cohort full and final, without a DLT beyond those confirmed."""
    here = question.here
    return _at_current(
        question, replace(here, n=here.enrolled + places, pending=0, candidate=0, stft=None)
    )


def _with_candidates(hoped: Question, candidates: int) -> Question:
    return _at_current(hoped, replace(hoped.here, dlt=hoped.here.dlt + candidates))


def _at_current(question: Question, counts: DoseCounts) -> Question:
    doses = list(question.doses)
    doses[question.current - 1] = counts
    return replace(question, doses=tuple(doses))


def _goes_down(answer: Answer, current: int) -> bool:
    closed = answer.closed_from is not None and answer.closed_from <= current
    return closed or answer.action == "deescalate" or (answer.action == "stop" and not answer.mtd)


def _fill(size: int, question: Question, answer: Answer) -> Answer:
    dose, taken = question.current, question.here.enrolled % size
    text = f"{taken} of {size} places of the cohort at dose {dose} are taken"
    return _instead(answer, "stay", f"cohort{FILL_COHORT}", text, size, question)


def _wait(size: int, question: Question, answer: Answer) -> Answer:
    text = f"{question.here.pending} of the cohort at dose {question.current} are pending"
    return _instead(answer, "suspend", "cohort.pending", text, size, question)


def _instead(
    answer: Answer,
    action: Literal["stay", "suspend"],
    rule: str,
    text: str,
    size: int,
    question: Question,
) -> Answer:
    report = Report(rule, text, inputs_of(question, question.current), {"cohort_size": size})
    return replace(answer, action=action, next_dose=question.current, mtd=None, report=report)
