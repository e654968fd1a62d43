"""TITE-BOIN: BOIN's boundaries on a DLT rate that expects some of the pending to have a DLT."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.clinical.designs.boin import Boin
from shared.clinical.designs.design import register
from shared.clinical.designs.interval import Reading
from shared.clinical.designs.model import Answer, DoseCounts, Question, Report, inputs_of


@register
class TiteBoin(Boin):
    """BOIN on p̂ = (s + odds (c - STFT)) / n, which counts what the pending may still show.

    n treated, s of them with a DLT, c pending, STFT their follow-up summed, in windows (taken as 0
    where not given); q = (s + target/2) / (n - c + 1), odds = q / (1 - q). Accrual is suspended
    while more than half of the n are pending, unless s/n alone demands de-escalation. A dose is
    eliminated at once on what was observed, the pending counting as if without a DLT. With nobody
    pending, or all followed to the end, it is BOIN.

    Source: Yuan Y et al., Clin Cancer Res 2018;24:4921-4930; parameters as in `Boin`.

    >>> design = TiteBoin(target=0.28)
    >>> round(design.imputed(DoseCounts(n=6, dlt=2, pending=3, stft=1.2)), 6)
    0.310288
    """

    kind: Literal["tite_boin"] = "tite_boin"  # type: ignore[assignment]
    reads_pending: ClassVar[bool] = True
    source: ClassVar[str] = "Yuan Y et al., Clin Cancer Res 2018;24:4921-4930"

    def counted(self, counts: DoseCounts) -> tuple[int, int]:
        return counts.enrolled, counts.dlt

    def imputed(self, counts: DoseCounts) -> float:
        """p̂ of a dose with at least one patient."""
        open_follow_up = counts.pending - (counts.stft or 0.0)
        return (counts.dlt + self._odds(counts) * open_follow_up) / counts.enrolled

    def _odds(self, counts: DoseCounts) -> float:
        q = (counts.dlt + self.target / 2) / (counts.n + 1)
        return q / (1 - q)

    def stft_needed(self, counts: DoseCounts) -> tuple[float, float]:
        """The follow-up from which the dose escalates, and below which it de-escalates.

        >>> needed = TiteBoin(target=0.28).stft_needed(DoseCounts(n=6, dlt=2, pending=3))
        >>> [round(windows, 3) for windows in needed]
        [3.033, 0.706]
        """
        odds = self._odds(counts)
        up, down = (
            counts.pending - (counts.enrolled * rate - counts.dlt) / odds for rate in self.lambdas
        )
        return up, down

    def _walk(self, question: Question, closed: int | None) -> Answer:
        counts = question.here
        reading = self._reading(counts, self.imputed(counts))
        observed = self._reading(counts, counts.dlt / counts.enrolled)
        if 2 * counts.pending <= counts.enrolled or observed.verdict == "D":
            return self.follow(question, reading, closed)
        text = (
            f"{counts.pending} of {counts.enrolled} at dose {question.current} are pending, "
            "more than half: accrual is suspended"
        )
        report = Report(
            "tite_boin.suspend",
            text,
            inputs_of(question, question.current),
            {"at_most_pending": counts.enrolled // 2},
            counts.pending - counts.enrolled / 2,
            self.source,
            (self._report(question, reading),),
        )
        return Answer("suspend", question.current, report, closed)

    def _reading(self, counts: DoseCounts, rate: float) -> Reading:
        shown = f"{counts.dlt}/{counts.enrolled}"
        if not counts.pending:
            return self.read_rate(rate, shown, one_third=shown == "1/3")
        known = f"{counts.stft:.4g}" if counts.stft is not None else "unknown, taken as 0"
        reading = self.read_rate(rate, f"{shown} with {counts.pending} pending (STFT {known})")
        up, down = self.stft_needed(counts)
        reading.thresholds.update(escalate_from_stft=up, deescalate_below_stft=down)
        return reading
