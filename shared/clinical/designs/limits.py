"""Limits a protocol stacks on a design: each wraps the answer of everything before it.

In ``limits: [a, b]`` the rule speaks first, then a, then b. A limit that changes nothing leaves no
trace; one that speaks becomes the root of the report. First come the limits that choose a dose
(steering), then those that only ever end or delay (brakes): the other way round a brake would have
looked at a dose that is not the one given.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from shared.clinical.designs.model import TOLERANCE, Answer, Question, Report, Value, inputs_of
from shared.clinical.designs.parameters import Parameters, Rate
from shared.clinical.designs.posterior import exactly, tail

DOSING = ("escalate", "stay", "expand", "deescalate", "confirm")
GOING_ON = ("escalate", "stay", "expand", "confirm")


class Rule(Protocol):
    """What a limit may ask of the design it wraps."""

    def mtd(self, question: Question) -> Answer: ...


class _Limit(Parameters):
    """Base of all limits."""

    kind: str
    steers: ClassVar[bool] = False

    @abstractmethod
    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:
        """The answer after this limit; the same object where the limit has nothing to say."""

    def says(self, answer: Answer, text: str, inputs: dict[str, Value], **changed: Any) -> Answer:
        """The answer changed, with this limit as the root of the report."""
        thresholds: dict[str, Value] = {
            name: value
            for name, value in self.model_dump(exclude={"kind"}).items()
            if value is not None
        }
        report = Report(f"limit.{self.kind}", text, inputs, thresholds, children=(answer.report,))
        return replace(answer, report=report, **changed)

    def ends(self, rule: Rule, question: Question, answer: Answer, text: str) -> Answer:
        """Stop with the MTD, once nothing is pending."""
        pending = sum(one.pending for one in question.doses)
        inputs: dict[str, Value] = {"pending": pending}
        if pending:
            text = f"{text}; {pending} pending decide the MTD"
            return self.says(answer, text, inputs, action="suspend", next_dose=question.current)
        found = rule.mtd(question)
        resting = replace(answer, report=found.report)
        said = self.says(resting, text, inputs, action="stop", next_dose=None, mtd=found.mtd)
        return replace(said, report=said.report.over(answer.report))


class NoSkipping(_Limit):
    """Up by one dose at a time; with ``when_deescalating`` down as well."""

    kind: Literal["no_skipping"] = "no_skipping"
    when_deescalating: bool = False
    steers: ClassVar[bool] = True

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:  # noqa: ARG002
        here, wanted = question.current, answer.next_dose
        if answer.action == "escalate" and wanted is not None and wanted > here + 1:
            given = here + 1
        elif (
            self.when_deescalating
            and answer.action == "deescalate"
            and wanted is not None
            and wanted < here - 1
            and (answer.closed_from is None or here - 1 < answer.closed_from)
        ):
            given = here - 1
        else:
            return answer
        text = f"from dose {here} not to {wanted} but to {given}: no dose is skipped"
        return self.says(answer, text, {"wanted": wanted}, next_dose=given)


class NoEscalationAfterDlt(_Limit):
    """No escalation straight after a DLT: with patients, where one of the ``last`` had a DLT.

    Counts alone don't tell who came last: then no escalation while the observed rate at the
    current dose is at or above ``target`` (without one: after any DLT there).
    """

    kind: Literal["no_escalation_after_dlt"] = "no_escalation_after_dlt"
    last: int = Field(default=1, ge=1)
    target: Rate | None = None
    steers: ClassVar[bool] = True

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:
        here = question.here
        if answer.action != "escalate":
            return answer
        if question.patients:
            blocked = any(patient.dlt for patient in question.patients[-self.last :])
            text = f"a DLT among the last {self.last} patients: no escalation"
        else:
            target = self.target or float(getattr(rule, "target", 0))
            blocked = here.dlt > 0 and here.dlt / here.n >= target - TOLERANCE
            text = f"{here.dlt}/{here.n} DLTs at dose {question.current}: no escalation"
        if not blocked:
            return answer
        inputs = inputs_of(question, question.current)
        return self.says(answer, text, inputs, action="stay", next_dose=question.current)


class DemandNAtDose(_Limit):
    """No dose becomes the MTD before ``n`` were treated there."""

    kind: Literal["demand_n_at_dose"] = "demand_n_at_dose"
    n: int = Field(ge=1)
    steers: ClassVar[bool] = True

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:  # noqa: ARG002
        if answer.mtd is None or question.final or question.at(answer.mtd).n >= self.n:
            return answer
        counts = question.at(answer.mtd)
        inputs = inputs_of(question, answer.mtd)
        if counts.enrolled >= self.n:
            text = f"{counts.pending} pending at dose {answer.mtd} may change the MTD"
            return self.says(
                answer, text, inputs, action="suspend", next_dose=question.current, mtd=None
            )
        text = f"dose {answer.mtd} has {counts.enrolled} of {self.n} before it may be the MTD"
        return self.says(answer, text, inputs, action="confirm", next_dose=answer.mtd, mtd=None)


class CapPerDose(_Limit):
    """At most ``n`` at a dose; where more would be given there, the trial ends with its MTD."""

    kind: Literal["cap_per_dose"] = "cap_per_dose"
    n: int = Field(ge=1)

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:
        dose = answer.next_dose
        if answer.action not in DOSING or dose is None or question.at(dose).enrolled < self.n:
            return answer
        text = f"dose {dose} has {question.at(dose).enrolled} of at most {self.n}"
        return self.ends(rule, question, answer, text)


class TotalCap(_Limit):
    """At most ``n`` in the whole escalation."""

    kind: Literal["total_cap"] = "total_cap"
    n: int = Field(ge=1)

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:
        enrolled = sum(one.enrolled for one in question.doses)
        if answer.action not in DOSING or enrolled < self.n:
            return answer
        return self.ends(rule, question, answer, f"{enrolled} of at most {self.n} are treated")


class SuspendWhilePending(_Limit):
    """Nobody is added while more than ``max_pending`` are pending, at the current dose or in the
    whole ``study``; going down is not delayed."""

    kind: Literal["suspend_while_pending"] = "suspend_while_pending"
    max_pending: int = Field(ge=0)
    at: Literal["dose", "study"] = "dose"

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:  # noqa: ARG002
        counted = [question.here] if self.at == "dose" else question.doses
        pending = sum(one.pending for one in counted)
        if answer.action not in GOING_ON or pending <= self.max_pending:
            return answer
        text = f"{pending} pending, more than {self.max_pending}: accrual is suspended"
        inputs: dict[str, Value] = {"pending": pending}
        return self.says(answer, text, inputs, action="suspend", next_dose=question.current)


class SentinelGap(_Limit):
    """The first patient at a dose is observed for ``days`` days before the second is treated.

    Needs ``first_dose`` of the patients and ``today``; what is not known delays.
    """

    kind: Literal["sentinel_gap"] = "sentinel_gap"
    days: int = Field(ge=1)

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:  # noqa: ARG002
        dose = answer.next_dose
        if answer.action not in DOSING or dose is None or question.at(dose).enrolled != 1:
            return answer
        first = next((one.first_dose for one in question.patients if one.dose == dose), None)
        inputs: dict[str, Value] = {
            "first_dose": first.isoformat() if first else None,
            "today": question.today.isoformat() if question.today else None,
        }
        if first is None or question.today is None:
            text = f"when the first patient at dose {dose} was treated, or today, is not known"
        elif question.today < first + timedelta(days=self.days):
            until = first + timedelta(days=self.days)
            text = f"the first patient at dose {dose} is observed until {until.isoformat()}"
        else:
            return answer
        return self.says(answer, text, inputs, action="suspend", next_dose=question.current)


class StopForToxicity(_Limit):
    """Stop without an MTD when P(DLT rate > threshold) at the lowest dose exceeds ``confidence``.

    Prior Beta(1,1); the ``threshold`` is the design's target where none is given.
    """

    kind: Literal["stop_for_toxicity"] = "stop_for_toxicity"
    confidence: Rate = 0.95
    threshold: Rate | None = None

    def apply(self, rule: Rule, question: Question, answer: Answer) -> Answer:
        threshold = self.threshold or float(getattr(rule, "target", 0))
        lowest = question.at(1)
        if not lowest.n:
            return answer
        toxicity = tail(lowest.n, lowest.dlt, exactly(threshold))
        if toxicity <= exactly(self.confidence):
            return answer
        text = (
            f"P(DLT rate > {threshold:g}) at dose 1 with {lowest.dlt}/{lowest.n} is "
            f"{float(toxicity):.4f} > {self.confidence:g}: no dose is acceptable"
        )
        inputs = inputs_of(question, 1) | {"probability": float(toxicity)}
        return self.says(
            answer, text, inputs, action="stop", next_dose=None, mtd=None, eliminated_from=1
        )


Limit = Annotated[
    NoSkipping
    | NoEscalationAfterDlt
    | DemandNAtDose
    | CapPerDose
    | TotalCap
    | SuspendWhilePending
    | SentinelGap
    | StopForToxicity,
    Field(discriminator="kind"),
]


def contradiction(limits: Sequence[Limit]) -> str | None:
    """Why these limits can't be stacked in this order, if they can't."""
    kinds = [limit.kind for limit in limits]
    doubled = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if doubled is not None:
        return f"{doubled} is stacked twice"
    for before, after in pairwise(limits):
        if after.steers and not before.steers:
            return (
                f"{after.kind} after {before.kind}: it would choose a dose {before.kind} never saw"
            )
    demanded = next((one.n for one in limits if isinstance(one, DemandNAtDose)), 0)
    for limit in limits:
        if isinstance(limit, CapPerDose | TotalCap) and limit.n < demanded:
            return f"{limit.kind} allows {limit.n}, but demand_n_at_dose wants {demanded}"
    return None
