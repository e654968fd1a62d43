"""What every design is: frozen parameters that answer a question, found by their kind.

A design says what its bare rule proposes (`propose`) and which dose it would call the MTD (`mtd`).
What holds for all of them is written once here: candidates count for stopping at once, nothing
escalates while pending patients could change the answer, and limits speak after the rule.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from pydantic import Field, ValidationError, model_validator

from shared.clinical.designs.limits import Limit, StopForToxicity, contradiction
from shared.clinical.designs.model import Answer, Question, Report
from shared.clinical.designs.parameters import DesignError, Parameters, faults_of


class Design(Parameters):
    """Base of all designs. Parameters are named as in the R packages, where one exists."""

    kind: str
    limits: tuple[Limit, ...] = Field(default=(), strict=False)
    source: ClassVar[str] = ""
    reads_pending: ClassVar[bool] = False
    """The rule itself says what pending patients mean, so `decide` adds no waiting."""
    reads_candidates: ClassVar[bool] = False
    """The rule itself counts candidate DLTs, so `decide` does not ask what if they are true."""

    @model_validator(mode="after")
    def _limits_agree(self) -> Design:
        problem = contradiction(self.limits)
        if problem is not None:
            raise ValueError(problem)
        aimless = not hasattr(self, "target")
        for limit in self.limits:
            if isinstance(limit, StopForToxicity) and limit.threshold is None and aimless:
                raise ValueError("stop_for_toxicity: give a threshold, this design has no target")
        return self

    @abstractmethod
    def propose(self, question: Question) -> Answer:
        """What the bare rule says, before limits."""

    def mtd(self, question: Question) -> Answer:
        """The final choice on these counts: action ``stop``, and the MTD or None.

        Where the rule itself finds the MTD, a walk that is not over has none.
        """
        answer = self.propose(question)
        if answer.action == "stop":
            return answer
        text = f"no MTD: by the rule the walk is not over, the next step would be {answer.action}"
        report = Report(f"{answer.report.rule}.unfinished", text, children=(answer.report,))
        return replace(answer, action="stop", next_dose=None, report=report)

    def decide(self, question: Question) -> Answer:
        """What the design allows next, or for a ``final`` question the MTD."""
        if question.final:
            return self._final(question)
        answer = self._limited(question, self._waiting(question))
        if self.reads_candidates or not any(one.candidate for one in question.doses):
            return answer
        feared = question.feared()
        return fear(question, answer, self._limited(feared, self._waiting(feared)))

    def _final(self, question: Question) -> Answer:
        pending = sum(one.pending for one in question.doses)
        if not pending:
            return self._limited(question, self.mtd(question))
        text = f"{pending} pending patients may change the MTD"
        return Answer("suspend", question.current, Report("pending", text, {"pending": pending}))

    def _limited(self, question: Question, answer: Answer) -> Answer:
        for limit in self.limits:
            answer = limit.apply(self, question, answer)
        return answer

    def _waiting(self, question: Question) -> Answer:
        """The rule's answer, not escalating while pending patients could change that."""
        answer = self.propose(question)
        pending = sum(one.pending for one in question.doses)
        if self.reads_pending or answer.action != "escalate" or not pending:
            return answer
        worst = self.propose(question.worst())
        if worst.action == "escalate" and worst.next_dose == answer.next_dose:
            return answer
        text = f"{pending} pending: with a DLT in each of them the dose would not be escalated"
        report = Report("pending", text, {"pending": pending}, children=(answer.report,))
        return replace(answer, action="suspend", next_dose=question.current, report=report)


def fear(question: Question, answer: Answer, feared: Answer) -> Answer:
    """Hold where a candidate DLT, once confirmed, would take the dose down or close it."""
    falls = feared.action in ("deescalate", "stop")
    closed = _above(feared) if falls else feared.closed_from
    held = answer.held_from if closed == answer.closed_from else closed
    if (feared.action, feared.next_dose) == (answer.action, answer.next_dose):
        return answer if held == answer.held_from else replace(answer, held_from=held)
    number = sum(one.candidate for one in question.doses)
    text = f"{number} DLTs are not confirmed yet; with them: {feared.report.text}"
    return replace(
        answer,
        action="suspend",
        next_dose=None if falls else question.current,
        mtd=None,
        held_from=held,
        report=Report(
            "not_final", text, {"dlt_candidate": number}, children=(feared.report, answer.report)
        ),
    )


def _above(feared: Answer) -> int:
    """The lowest dose that the feared answer would no longer give."""
    left = feared.mtd if feared.action == "stop" else feared.next_dose
    return min((left or 0) + 1, feared.closed_from or (left or 0) + 1)


KINDS: dict[str, type[Design]] = {}
"""Every kind of design by its name, in the order of registration."""

_Kind = TypeVar("_Kind", bound=Design)


def register(design: type[_Kind]) -> type[_Kind]:
    """Make a design findable by its ``kind``."""
    KINDS[design.model_fields["kind"].default] = design
    return design


def design_of(members: Mapping[str, Any]) -> Design:
    """The design a request or document names: ``{"kind": "boin", "target": 0.3}``.

    Raises `DesignError` naming each parameter at fault.
    """
    kind = members.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise DesignError(f"unknown kind of design: write one of {', '.join(KINDS)}")
    try:
        return KINDS[kind].model_validate(dict(members))
    except ValidationError as error:
        raise DesignError(faults_of(error)) from None
