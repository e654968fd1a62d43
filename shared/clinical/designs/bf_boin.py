"""BF-BOIN: BOIN that also fills lower doses where a response was seen, and uses what they show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from shared.clinical.designs.boin import Boin
from shared.clinical.designs.design import register
from shared.clinical.designs.interval import Reading, Verdict
from shared.clinical.designs.model import Answer, DoseCounts, Question, Report, Value

_HEIGHT = {"E": 2, "S": 1, "D": 0, "U": 0}
_SAYS = {"E": "escalate", "S": "stay", "D": "de-escalate", "U": "de-escalate"}


@register
class BfBoin(Boin):
    """BOIN with backfill. Patients at a dose count alike, whether backfilled or not.

    *Open for backfill* is a dose below the current one with a response (``response_at``: dose, or
    at_or_below), fewer than ``n_cap`` patients, and not unsafe. Unsafe: its rate calls for
    de-escalation and so does the rate pooled with the next dose; all above it close as well.

    *Conflict*: the current dose c says escalate and a lower one stay or de-escalate, or c says
    stay or de-escalate and a lower one de-escalate. Then doses b*..c are pooled, b* the highest
    such lower dose. The pooled rate says escalate, stay, or go to the highest k whose pooled rate
    b*..k does not call for de-escalation (b* - 1 if none). Pooling never lifts what c alone says.

    Source: Zhao Y et al., Clin Cancer Res 2024;30:673-679; ``n_cap`` as in the R package bfboin.

    >>> from shared.clinical.designs import Question
    >>> doses = (DoseCounts(3), DoseCounts(7, 3, responses=1), DoseCounts(3), DoseCounts())
    >>> answer = BfBoin(target=0.28).decide(Question(doses, current=3))
    >>> answer.action, answer.next_dose, answer.extra["backfill_open"]
    ('stay', 3, [2])
    """

    kind: Literal["bf_boin"] = "bf_boin"  # type: ignore[assignment]
    n_cap: int = Field(default=12, ge=1)
    response_at: Literal["dose", "at_or_below"] = "dose"
    source: ClassVar[str] = "Zhao Y et al., Clin Cancer Res 2024;30:673-679"

    def decide(self, question: Question) -> Answer:
        """As every design, and which lower doses are open for backfill meanwhile."""
        answer = super().decide(question)
        if question.final:
            return answer
        ceiling = min(question.current, answer.next_dose or 1, answer.closed_from or question.top)
        found = self.open_for_backfill(question, ceiling)
        fill = max(found, default=None)
        text = f"dose {fill} is filled meanwhile" if fill else "no lower dose is open for backfill"
        inputs: dict[str, Value] = {f"open_{dose}": True for dose in found}
        thresholds: dict[str, Value] = {"n_cap": self.n_cap, "lambda_d": self.lambdas[1]}
        report = Report("bf_boin.backfill", text, inputs, thresholds, source=self.source)
        extra = {"backfill": fill, "backfill_open": found}
        return replace(answer, report=answer.report.over(report), extra=extra)

    def open_for_backfill(self, question: Question, ceiling: int) -> list[int]:
        """The doses below ``ceiling`` that may take backfill patients; candidates count as DLTs."""
        doses = question.feared().doses
        found: list[int] = []
        responded = False
        for dose in range(1, ceiling):
            counts, above = doses[dose - 1], doses[dose]
            if self._calls_for_less([counts]) and self._calls_for_less([counts, above]):
                break
            here = bool(counts.responses)
            responded = here or (responded and self.response_at == "at_or_below")
            if responded and counts.n and counts.enrolled < self.n_cap:
                found.append(dose)
        return found

    def _leave(self, question: Question, closed: int) -> Answer:
        """Below the eliminated dose, and below what pooling with it does not support either."""
        answer = super()._leave(question, closed)
        at_closed = replace(question, current=closed)
        lowest = self._conflicting(at_closed, "D")
        if lowest is None:
            return answer
        dose = self._retreat(at_closed, lowest)
        text = f"{answer.report.text}; dose {lowest} calls for de-escalation too: to dose {dose}"
        return replace(answer, next_dose=dose, report=replace(answer.report, text=text))

    def _walk(self, question: Question, closed: int | None) -> Answer:
        alone = self.read(question.here.n, question.here.dlt)
        lowest = self._conflicting(question, alone.verdict)
        if lowest is None:
            return self.follow(question, alone, closed)
        pooled = self._pooled(question.doses[lowest - 1 : question.current])
        verdict = min(alone.verdict, pooled.verdict, key=_HEIGHT.__getitem__)
        text = self._told(question, alone, lowest, pooled)
        if verdict != "D":
            return self.follow(question, replace(pooled, verdict=verdict, text=text), closed)
        report = self._report(question, replace(pooled, verdict=verdict, text=text))
        dose = self._retreat(question, lowest)
        report = replace(report, text=f"{report.text} to dose {dose}")
        return Answer("deescalate", dose, report, closed)

    def _conflicting(self, question: Question, alone: Verdict) -> int | None:
        """b*: the highest lower dose that contradicts the current one."""
        limit = _HEIGHT["S" if alone == "E" else "D"]
        for dose in range(question.current - 1, 0, -1):
            counts = question.at(dose)
            if counts.n and _HEIGHT[self.read(counts.n, counts.dlt).verdict] <= limit:
                return dose
        return None

    def _retreat(self, question: Question, lowest: int) -> int:
        """The highest dose k below the current one where b*..k pooled do not call for less."""
        for dose in range(question.current - 1, lowest - 1, -1):
            if not self._calls_for_less(question.doses[lowest - 1 : dose]):
                return dose
        return max(1, lowest - 1)

    def _pooled(self, doses: Iterable[DoseCounts]) -> Reading:
        counted = [(counts.n, counts.dlt) for counts in doses]
        n, dlt = (sum(column) for column in zip(*counted, strict=True))
        return self.read_rate(dlt / n, f"{dlt}/{n}")

    def _calls_for_less(self, doses: list[DoseCounts] | tuple[DoseCounts, ...]) -> bool:
        return any(counts.n for counts in doses) and self._pooled(doses).verdict == "D"

    def _told(self, question: Question, alone: Reading, lowest: int, pooled: Reading) -> str:
        lower, here = question.at(lowest), question.here
        said = self.read(lower.n, lower.dlt).verdict
        return (
            f"dose {question.current} alone ({here.dlt}/{here.n}) says {_SAYS[alone.verdict]}, "
            f"dose {lowest} ({lower.dlt}/{lower.n}) {_SAYS[said]}; "
            f"doses {lowest} to {question.current} pooled: {pooled.text}"
        )
