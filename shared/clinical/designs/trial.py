"""One simulated trial: patients enter, their windows pass, and the design says what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random

from shared.clinical.designs.addition import in_turn
from shared.clinical.designs.model import Answer, DoseCounts, Patient, Question
from shared.clinical.designs.parameters import DesignError

Decide = Callable[[Question], Answer]
Outcome = tuple[tuple[int, ...], tuple[int, ...], int, float]
"""Patients and DLTs per dose, the MTD (0: none), days."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How trials are run.

    ``rates``: the true DLT rate of each dose; ``columns`` where they are the rows of two drugs.
    ``window``: days until a patient is final, DLTs being uniform within; ``gap``: days between two
    patients. ``waits``: everybody is final before the design is asked, after each cohort.
    ``response_rates``: of each dose, where the design backfills on responses.
    """

    rates: tuple[float, ...]
    cohort_size: int
    max_n: int
    start: int = 1
    window: float = 28.0
    gap: float = 7.0
    waits: bool = True
    columns: int | None = None
    response_rates: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.rates or not all(0 <= rate <= 1 for rate in self.rates):
            raise DesignError("rates: one true DLT rate from 0 to 1 a dose")
        if not 1 <= self.cohort_size <= self.max_n:
            raise DesignError("at least one patient a cohort, and at least one cohort")
        if not 1 <= self.start <= len(self.rates):
            raise DesignError(f"start: dose {self.start} is not among the {len(self.rates)} doses")
        if self.window <= 0 or self.gap < 0:
            raise DesignError("window and gap: days, the window more than 0")
        if self.response_rates is not None and len(self.response_rates) != len(self.rates):
            raise DesignError("response_rates: as many as rates")


@dataclass(frozen=True)
class Draws:
    """What chance gives the patients of ``trials`` trials, row by row; repeatable by ``seed``."""

    trials: int
    patients: int
    seed: int = 0

    @cached_property
    def tolerances(self) -> list[list[float]]:
        """A DLT where the rate is above."""
        return self._drawn("tolerances")

    @cached_property
    def onsets(self) -> list[list[float]]:
        """When in the window a DLT begins."""
        return self._drawn("onsets")

    @cached_property
    def responses(self) -> list[list[float]]:
        """A response where the rate is above."""
        return self._drawn("responses")

    def source(self, what: str) -> Random:
        """The stream of one kind of chance, from its start: a row of numbers a trial."""
        return Random(f"{what} {self.seed}")  # noqa: S311

    def _drawn(self, what: str) -> list[list[float]]:
        draw = self.source(what).random
        return [[draw() for _ in range(self.patients)] for _ in range(self.trials)]


@dataclass(frozen=True, slots=True)
class _Treated:
    dose: int
    dlt: bool
    response: bool
    entered: float
    final_at: float
    """A DLT is final at its onset, everybody else at the end of the window."""


class Trial:
    """``single``: the design looks at each patient, not at counts alone."""

    def __init__(
        self, decide: Decide, setting: Setting, draws: Draws, number: int, *, single: bool
    ) -> None:
        self._decide, self._setting, self._single = decide, setting, single
        self._draws, self._number = draws, number
        self._treated: list[_Treated] = []
        self._used, self._backfilled, self._now = 0, 0, 0.0
        self._answer: Answer | None = None

    def run(self) -> Outcome:
        """From the first patient to the MTD."""
        setting, dose, fill = self._setting, self._setting.start, None
        while self._used < setting.max_n:
            self._enrol(dose, fill)
            answer = self._asked(dose)
            if answer.action == "stop" or answer.next_dose is None:
                return self._ended(answer.mtd)
            dose, fill = answer.next_dose, answer.extra.get("backfill")
        self._now = max(one.final_at for one in self._treated)
        return self._ended(self._ask(dose, final=True).mtd)

    def _enrol(self, dose: int, fill: int | None) -> None:
        """A cohort, and as many backfilled at a lower dose meanwhile."""
        setting = self._setting
        for _ in range(min(setting.cohort_size, setting.max_n - self._used)):
            if self._treated:
                self._now = max(self._now, self._treated[-1].entered + setting.gap)
            if fill is not None:
                self._treat(fill, setting.max_n + self._backfilled)
                self._backfilled += 1
            self._treat(dose, self._used)
            self._used += 1

    def _treat(self, dose: int, place: int) -> None:
        setting, draws, number = self._setting, self._draws, self._number
        dlt = draws.tolerances[number][place] < setting.rates[dose - 1]
        share = draws.onsets[number][place] if dlt and not setting.waits else 1.0
        rates = setting.response_rates
        response = rates is not None and draws.responses[number][place] < rates[dose - 1]
        final_at = self._now + share * setting.window
        self._treated.append(_Treated(dose, dlt, response, self._now, final_at))

    def _asked(self, dose: int) -> Answer:
        """The design's answer, asked again after each suspension."""
        if self._setting.waits:
            self._now = max(one.final_at for one in self._treated)
        answer = self._ask(dose)
        while answer.action == "suspend":
            later = [one.final_at for one in self._treated if one.final_at > self._now]
            if not later:
                raise DesignError(f"the design waits for nobody: {answer.report.text}")
            self._now = min(later)
            answer = self._ask(dose)
        return answer

    def _ask(self, dose: int, final: bool = False) -> Answer:
        before, columns = self._answer, self._setting.columns
        question = Question(
            doses=tuple(map(self._counts, range(1, len(self._setting.rates) + 1))),
            current=dose,
            eliminated_from=before.eliminated_from if before else None,
            start=self._setting.start,
            final=final,
            patients=tuple(map(self._patient, self._treated)) if self._single else (),
            columns=columns,
            eliminated=before.eliminated if before else frozenset(),
        )
        self._answer = self._decide(question)
        return self._answer

    def _counts(self, dose: int) -> DoseCounts:
        there = [one for one in self._treated if one.dose == dose]
        waiting = [one for one in there if one.final_at > self._now]
        follow_up = in_turn(map(self._weight, waiting))
        return DoseCounts(
            n=len(there) - len(waiting),
            dlt=sum(one.dlt for one in there if one.final_at <= self._now),
            pending=len(waiting),
            stft=min(follow_up, len(waiting)) if waiting else None,
            responses=sum(one.response for one in there)
            if self._setting.response_rates is not None
            else None,
        )

    def _weight(self, one: _Treated) -> float:
        return min(1.0, (self._now - one.entered) / self._setting.window)

    def _patient(self, one: _Treated) -> Patient:
        if one.final_at > self._now:
            return Patient(one.dose, 0, self._weight(one), pending=True)
        return Patient(one.dose, int(one.dlt))

    def _ended(self, mtd: int | None) -> Outcome:
        doses = range(1, len(self._setting.rates) + 1)
        n = tuple(sum(one.dose == dose for one in self._treated) for dose in doses)
        dlt = tuple(sum(one.dlt for one in self._treated if one.dose == dose) for dose in doses)
        return n, dlt, mtd or 0, self._now
