"""The continual reassessment method, and TITE-CRM for patients still in their window.

The model only says which dose has a DLT rate nearest to the target. Guard rails (start low, no
skipping, no escalation straight after a DLT) are limits of the protocol, stacked on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from shared.clinical.designs.addition import in_turn
from shared.clinical.designs.crm_model import Curve, Fit, Model, Tally, fit
from shared.clinical.designs.design import Design, register
from shared.clinical.designs.model import (
    TOLERANCE,
    Action,
    Answer,
    DoseCounts,
    Question,
    Report,
    Value,
    inputs_of,
)
from shared.clinical.designs.parameters import DesignError, Number, Rate

_SHOWN = {"plug_in": "plug-in estimate", "posterior_mean": "posterior mean"}
_WORDS: Mapping[Action, str] = {
    "escalate": "escalate",
    "stay": "stay",
    "deescalate": "de-escalate",
}


def nearest(rates: Sequence[float], target: float) -> int:
    """The dose, from 1, whose rate is nearest to the target; of two as near, the lower one.

    ``rates`` rise with the dose: where all are below the target the top dose, where all are above
    it the first.

    >>> nearest([0.1, 0.2, 0.3], 0.25), nearest([0.0, 0.0, 0.0], 0.25)
    (2, 3)
    """
    below = sum(rate <= target + TOLERANCE for rate in rates)
    if below in (0, len(rates)):
        return max(below, 1)
    gap, gap_above = target - rates[below - 1], rates[below] - target
    return below + 1 if gap_above < gap - TOLERANCE else below


@register
class Crm(Design):
    """The dose whose DLT rate p_j is nearest to the target, β ~ N(0, scale²).

    Empiric: p_j = skeleton_j ^ exp(β). Logistic: logit p_j = intcpt + exp(β) x_j with
    x_j = logit(skeleton_j) - intcpt. By default p_j is the plug-in rate at the posterior mean of
    β, as in dfcrm; ``decide_by`` posterior_mean takes the posterior mean of p_j. Both are in the
    answer, with credible intervals of ``conf_level``. ``stop_confidence``: stop without an MTD
    once P(p_1 > target) exceeds it. The final MTD is the nearest among the doses that were tried.

    Source: O'Quigley J, Pepe M, Fisher L, Biometrics 1990;46:33-48; parameters as in dfcrm.

    >>> from shared.clinical.designs import Question, counts_of
    >>> crm = Crm(target=0.22, skeleton=(0.04, 0.11, 0.22, 0.37, 0.52))
    >>> answer = crm.decide(Question(counts_of("1NNN 2NNT 3NNT", 5), current=3))
    >>> answer.action, answer.next_dose, round(answer.extra["estimate"], 7)
    ('deescalate', 2, -0.3259527)
    """

    kind: Literal["crm"] = "crm"
    target: Rate
    skeleton: tuple[Rate, ...] = Field(min_length=1, strict=False)
    model: Model = "empiric"
    scale: Number = Field(default=1.34**0.5, ge=0.001, le=10)
    intcpt: Number = Field(default=3.0, ge=-20, le=20)
    decide_by: Literal["plug_in", "posterior_mean"] = "plug_in"
    conf_level: Rate = 0.9
    stop_confidence: Rate | None = None
    source: ClassVar[str] = "O'Quigley J, Pepe M, Fisher L, Biometrics 1990;46:33-48"

    @model_validator(mode="after")
    def _curve_rises(self) -> Crm:
        rises = all(low < high for low, high in zip(self.skeleton, self.skeleton[1:], strict=False))
        if not rises:
            raise ValueError("skeleton: each dose needs a higher DLT rate than the one below")
        highest = Curve((), self.model, self.intcpt).scaled(max(self.target, *self.skeleton))
        if highest >= 0:
            raise ValueError("intcpt: must lie above the logit of the target and of every skeleton")
        return self

    @property
    def num_doses(self) -> int:
        """As many as the skeleton has rates."""
        return len(self.skeleton)

    def tally(self, question: Question) -> tuple[Tally, ...]:
        """What the likelihood is made of, dose by dose."""
        return tuple(Tally(counts.dlt, counts.n - counts.dlt) for counts in question.doses)

    def fit(self, question: Question) -> Fit:
        """The posterior; the same question is fitted once."""
        if len(self.skeleton) != question.top:
            doses, labels = question.top, len(self.skeleton)
            raise DesignError(
                f"skeleton: {labels} DLT rates are given, but there are {doses} doses"
            )
        curve = Curve(self.skeleton, self.model, self.intcpt)
        return fit(curve, self.tally(question), self.scale, self.target, self.conf_level)

    def propose(self, question: Question) -> Answer:
        found = self.fit(question)
        closed = question.eliminated_from
        if closed == 1 or self._too_toxic(question, found):
            return self._stop(question, found)
        here = question.current
        if not any(map(self._treated, question.doses)):
            dose, report = here, Report(f"{self.kind}.start", "nobody was observed yet", {})
        else:
            dose = nearest(self._rates(found), self.target)
            report = self._report(question, found, dose)
        if closed is not None and dose >= closed:
            dose = closed - 1
            text = f"dose {closed} and those above were eliminated earlier: dose {dose}"
            report = Report(f"{self.kind}.eliminated", text, children=(report,))
        return Answer(_towards(dose, here), dose, report, closed, extra=self._extra(found))

    def mtd(self, question: Question) -> Answer:
        found = self.fit(question)
        closed = question.eliminated_from
        if closed == 1 or self._too_toxic(question, found):
            return self._stop(question, found)
        rates = self._rates(found)[: closed - 1 if closed else None]
        tried = [dose for dose in range(1, len(rates) + 1) if self._treated(question.at(dose))]
        mtd = (
            tried[nearest([rates[dose - 1] for dose in tried], self.target) - 1] if tried else None
        )
        report = self._choice(found, mtd, nearest(rates, self.target))
        return Answer("stop", None, report, closed, mtd=mtd, extra=self._extra(found))

    def _treated(self, counts: DoseCounts) -> bool:
        return counts.n > 0

    def _rates(self, found: Fit) -> tuple[float, ...]:
        return found.ptox if self.decide_by == "plug_in" else found.means

    def _too_toxic(self, question: Question, found: Fit) -> bool:
        limit = self.stop_confidence
        seen = any(map(self._treated, question.doses))
        return seen and limit is not None and found.above[0] > limit

    def _stop(self, question: Question, found: Fit) -> Answer:
        inputs = inputs_of(question, 1) | {"probability": found.above[0]}
        if not self._too_toxic(question, found):
            report = Report(f"{self.kind}.eliminated", "dose 1 was eliminated earlier", inputs)
            return Answer("stop", None, report, 1, extra=self._extra(found))
        limit = self.stop_confidence or 0.0
        text = (
            f"P(DLT rate > {self.target:g}) at dose 1 is {found.above[0]:.4f} > {limit:g} "
            "under the model: no dose is acceptable"
        )
        thresholds: dict[str, Value] = {"target": self.target, "stop_confidence": limit}
        margin = found.above[0] - limit
        report = Report(f"{self.kind}.stop", text, inputs, thresholds, margin, self.source)
        return Answer("stop", None, report.over(self._curve(found)), 1, extra=self._extra(found))

    def _report(self, question: Question, found: Fit, dose: int) -> Report:
        rates = self._rates(found)
        gaps = [abs(rate - self.target) for rate in rates]
        others = [gap for index, gap in enumerate(gaps, 1) if index != dose]
        action = _towards(dose, question.current)
        return Report(
            f"{self.kind}.{action}",
            f"dose {dose} has the DLT rate nearest to the target {self.target:g}: "
            f"{rates[dose - 1]:.4f} ({_SHOWN[self.decide_by]}){_neighbours(rates, dose)}; "
            f"{_WORDS[action]}",
            inputs_of(question, question.current) | self._seen(question),
            {"target": self.target},
            min(others) - gaps[dose - 1] if others else None,
            self.source,
            (self._curve(found),),
        )

    def _seen(self, question: Question) -> dict[str, Value]:
        """All patients the model used."""
        seen = self.tally(question)
        return {
            "patients": sum(one.dlt + one.clean + len(one.weights) for one in seen),
            "dlts": sum(one.dlt for one in seen),
        }

    def _curve(self, found: Fit) -> Report:
        text = (
            f"{self.model} model: the parameter has the posterior mean {found.estimate:z.4f} "
            f"and the variance {found.variance:.4f}"
        )
        inputs: dict[str, Value] = {"estimate": found.estimate, "variance": found.variance}
        inputs |= {f"skeleton_{dose}": rate for dose, rate in enumerate(self.skeleton, 1)}
        inputs |= {f"plug_in_{dose}": rate for dose, rate in enumerate(found.ptox, 1)}
        inputs |= {f"posterior_mean_{dose}": rate for dose, rate in enumerate(found.means, 1)}
        return Report(f"{self.kind}.fit", text, inputs, {"scale": self.scale}, source=self.source)

    def _choice(self, found: Fit, mtd: int | None, wanted: int) -> Report:
        if mtd is None:
            text = "no dose was tried: there is no MTD"
        else:
            rate = self._rates(found)[mtd - 1]
            text = (
                f"dose {mtd} has the DLT rate nearest to the target {self.target:g} of the doses "
                f"tried, {rate:.4f} ({_SHOWN[self.decide_by]}): it is the MTD"
            )
            if wanted != mtd:
                text += f"; the model would choose dose {wanted}, which was never tried"
        thresholds: dict[str, Value] = {"target": self.target}
        report = Report(f"{self.kind}.mtd", text, {}, thresholds, source=self.source)
        return report.over(self._curve(found))

    def _extra(self, found: Fit) -> dict[str, object]:
        return {
            "estimate": found.estimate,
            "variance": found.variance,
            "decided_by": self.decide_by,
            "ptox": list(found.ptox),
            "ptox_posterior_mean": list(found.means),
            "ptox_lower": list(found.lower),
            "ptox_upper": list(found.upper),
            "conf_level": self.conf_level,
            "p_above_target": list(found.above),
        }


@register
class TiteCrm(Crm):
    """CRM where a pending patient counts for the share w of the window observed.

    Likelihood: p^y (1 - w p)^(1 - y), w = follow-up / window at most 1, and 1 for a DLT. With
    counts instead of patients the ``stft`` of a dose is shared equally among its pending (for the
    same sum, unequal weights give lower DLT rates, never higher ones); without it they count for
    nothing.

    Source: Cheung YK, Chappell R, Biometrics 2000;56:1177-1182; parameters as in dfcrm.

    >>> from shared.clinical.designs import Patient, Question, counts_of_patients
    >>> seen = [(1, 0, 1)] * 3 + [(2, 0, 1)] * 2 + [(2, 1, 1)]
    >>> seen += [(3, 0, days / 28) for days in (20, 14, 7)]
    >>> patients = tuple(Patient(dose, dlt, w, w < 1) for dose, dlt, w in seen)
    >>> tite = TiteCrm(target=0.22, skeleton=(0.04, 0.11, 0.22, 0.37, 0.52))
    >>> doses = counts_of_patients(patients, 5)
    >>> answer = tite.decide(Question(doses, current=3, patients=patients))
    >>> answer.next_dose, round(answer.extra["estimate"], 7)
    (3, -0.1773718)
    """

    kind: Literal["tite_crm"] = "tite_crm"  # type: ignore[assignment]
    reads_pending: ClassVar[bool] = True
    source: ClassVar[str] = "Cheung YK, Chappell R, Biometrics 2000;56:1177-1182"

    def tally(self, question: Question) -> tuple[Tally, ...]:
        seen = []
        for dose, counts in enumerate(question.doses, start=1):
            weights = _weights(question, dose)
            partial = tuple(weight for weight in weights if weight < 1)
            seen.append(Tally(counts.dlt, len(weights) - len(partial), partial))
        return tuple(seen)

    def _treated(self, counts: DoseCounts) -> bool:
        return counts.enrolled > 0

    def _seen(self, question: Question) -> dict[str, Value]:
        weights = [weight for one in self.tally(question) for weight in one.weights]
        return super()._seen(question) | {
            "weights_below_1": len(weights),
            "their_sum": in_turn(weights),
        }


def _weights(question: Question, dose: int) -> list[float]:
    """The weights of the patients without a DLT at a dose.

    Where more DLTs are counted than patients show (a candidate taken as true), those longest
    followed give way: who is left proves least.
    """
    counts = question.at(dose)
    number = counts.enrolled - counts.dlt
    if not question.patients:
        share = (counts.stft or 0.0) / counts.pending if counts.pending else 0.0
        return [1.0] * (counts.n - counts.dlt) + [share] * counts.pending
    known = sorted(one.weight for one in question.patients if one.dose == dose and not one.dlt)
    if len(known) < number:
        raise DesignError(
            f"patients: {number} without a DLT are counted at dose {dose}, not so many"
        )
    return known[:number]


def _towards(dose: int, here: int) -> Action:
    if dose == here:
        return "stay"
    return "escalate" if dose > here else "deescalate"


def _neighbours(rates: Sequence[float], dose: int) -> str:
    beside = [one for one in (dose - 1, dose + 1) if 1 <= one <= len(rates)]
    return "".join(f", dose {one}: {rates[one - 1]:.4f}" for one in beside)
