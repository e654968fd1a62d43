"""The one shape of question and answer for all designs: counts in, a decision with its reasons out.

The live study, what-if, simulation and the decision tables ask every design the same `Question`
and get the same `Answer`, so each of them works with every design.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

Action = Literal["escalate", "stay", "expand", "deescalate", "confirm", "suspend", "stop"]
Value = int | float | str | bool | None

TOLERANCE = 1e-9
"""Rates closer than this are equal: 7/20 is 0.35, whatever the floating point says."""


@dataclass(frozen=True, slots=True)
class DoseCounts:
    """Subjects at one dose.

    ``n`` evaluable (final), ``dlt`` those of them with a DLT; ``pending`` treated and not final,
    ``candidate`` those of them whose DLT a person still has to confirm. ``stft``: the follow-up of
    the pending, summed, in windows. ``responses``: among all treated.

    >>> DoseCounts(n=6, dlt=1, pending=2, candidate=1).ratio
    '2/8'
    """

    n: int = 0
    dlt: int = 0
    pending: int = 0
    candidate: int = 0
    stft: float | None = None
    responses: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.dlt <= self.n:
            raise ValueError(f"{self.dlt} DLTs among {self.n} evaluable subjects")
        if not 0 <= self.candidate <= self.pending:
            raise ValueError(f"{self.candidate} candidates among {self.pending} pending subjects")
        if self.stft is not None and not 0 <= self.stft <= self.pending:
            raise ValueError(f"{self.pending} pending subjects can't have {self.stft} windows")
        if self.responses is not None and not 0 <= self.responses <= self.enrolled:
            raise ValueError(f"{self.responses} responses among {self.enrolled} subjects")

    @property
    def toxic(self) -> int:
        """What stop decisions count: confirmed and candidate DLTs."""
        return self.dlt + self.candidate

    @property
    def enrolled(self) -> int:
        """Subjects that fill a place of the cohort; not evaluable ones are replaced."""
        return self.n + self.pending

    @property
    def ratio(self) -> str:
        """``1/6`` as committees write it: DLTs, candidates included, of those enrolled."""
        return f"{self.toxic}/{self.enrolled}"

    def with_dlts(self, pending: int) -> DoseCounts:
        """The counts once so many of the pending turn out to have a DLT."""
        left = self.pending - pending
        return replace(
            self,
            n=self.n + pending,
            dlt=self.dlt + pending,
            pending=left,
            candidate=max(0, self.candidate - pending),
            stft=None if self.stft is None else min(self.stft, left),
        )


@dataclass(frozen=True, slots=True)
class Patient:
    """One evaluable or pending patient, in order of enrolment, for designs that look at each.

    ``weight``: the share of the window observed, 1 for a DLT. ``pending``: not final.
    ``first_dose`` is needed by a sentinel gap only.
    """

    dose: int
    dlt: int = 0
    weight: float = 1.0
    pending: bool = False
    first_dose: date | None = None

    def __post_init__(self) -> None:
        if self.dlt not in (0, 1) or not 0 <= self.weight <= 1:
            raise ValueError("a patient has dlt 0 or 1 and a weight from 0 to 1")
        if self.dlt and (self.weight != 1 or self.pending):
            raise ValueError("a patient with a DLT is final and has the weight 1")


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a design may look at. Doses count from 1.

    ``current``: the dose enrolling now, or the last one. ``eliminated_from``: eliminated earlier,
    with every higher dose; it stays so. ``start``: the dose the study started with (by default the
    lowest one with patients). ``final`` asks for the MTD. ``today`` is for date limits only.

    Two drugs: ``columns`` levels of the second drug make ``doses`` a matrix, row by row; dose
    ``pair`` (j, k) is ``(j - 1) * columns + k``, and ``eliminated`` holds single doses.
    """

    doses: tuple[DoseCounts, ...]
    current: int
    eliminated_from: int | None = None
    start: int | None = None
    final: bool = False
    patients: tuple[Patient, ...] = ()
    today: date | None = None
    columns: int | None = None
    eliminated: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        named = (self.current, self.eliminated_from, self.start, *self.eliminated)
        for dose in (*named, *(patient.dose for patient in self.patients)):
            if dose is not None and not 1 <= dose <= self.top:
                raise ValueError(f"dose {dose} is not among the {self.top} doses")
        if self.columns is not None and (self.columns < 1 or self.top % self.columns):
            raise ValueError(f"{self.top} doses don't fill rows of {self.columns}")

    @property
    def top(self) -> int:
        """The highest dose."""
        return len(self.doses)

    @property
    def here(self) -> DoseCounts:
        """The counts of the current dose."""
        return self.doses[self.current - 1]

    def at(self, dose: int) -> DoseCounts:
        """The counts of one dose."""
        return self.doses[dose - 1]

    def pair(self, dose: int) -> tuple[int, int]:
        """Two drugs: the levels (j, k) of a dose."""
        assert self.columns is not None
        row, column = divmod(dose - 1, self.columns)
        return row + 1, column + 1

    def dose_of(self, row: int, column: int) -> int:
        """Two drugs: the dose of a pair of levels."""
        assert self.columns is not None
        return (row - 1) * self.columns + column

    def started(self) -> int:
        """The dose the study started with."""
        tried = (dose for dose in range(1, self.top + 1) if self.at(dose).enrolled)
        return self.start or min(next(tried, self.current), self.current)

    def passed(self, dose: int) -> list[int]:
        """The doses below one that the study has passed through."""
        first = self.started()
        return [one for one in range(1, dose) if one >= first or self.at(one).enrolled]

    def lowest_exceeded(self, limit: int) -> int | None:
        """The lowest dose with so many confirmed DLTs, or eliminated earlier."""
        reached = (dose for dose, one in enumerate(self.doses, start=1) if one.dlt >= limit)
        return min(filter(None, (next(reached, None), self.eliminated_from)), default=None)

    def feared(self) -> Question:
        """The question where every candidate DLT is confirmed."""
        return replace(self, doses=tuple(one.with_dlts(one.candidate) for one in self.doses))

    def worst(self) -> Question:
        """The question where every pending subject has a DLT."""
        patients = tuple(
            replace(one, dlt=1, weight=1.0, pending=False) if one.pending else one
            for one in self.patients
        )
        doses = tuple(one.with_dlts(one.pending) for one in self.doses)
        return replace(self, doses=doses, patients=patients)


@dataclass(frozen=True, slots=True)
class Report:
    """Why, as a tree: the root is the rule that spoke last, its children what it rested on.

    ``margin`` is how far the deciding number is from the threshold, in the number's own unit;
    ``source`` a citation.
    """

    rule: str
    text: str
    inputs: Mapping[str, Value] = field(default_factory=dict)
    thresholds: Mapping[str, Value] = field(default_factory=dict)
    margin: float | None = None
    source: str = ""
    children: tuple[Report, ...] = ()

    def over(self, *children: Report) -> Report:
        """This report resting on others."""
        return replace(self, children=(*self.children, *children))

    def walk(self) -> Iterator[Report]:
        """Every node, the root first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the design allows next.

    ``stay`` goes on enrolling at the current dose, ``expand`` adds the rest of a cohort because of
    a DLT, ``confirm`` treats more at a dose about to become the MTD; ``suspend`` waits for pending
    patients, and ``stop`` ends dosing under the design: ``mtd`` says what was found.
    ``held_from``: enrolment halts from this dose upwards although nothing is eliminated, because a
    DLT is not confirmed yet or a lower dose fell. ``extra``: what only this design tells.
    """

    action: Action
    next_dose: int | None
    report: Report
    eliminated_from: int | None = None
    held_from: int | None = None
    mtd: int | None = None
    eliminated: frozenset[int] = frozenset()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def closed_from(self) -> int | None:
        """The lowest dose that may not enrol, for either reason."""
        return min(filter(None, (self.eliminated_from, self.held_from)), default=None)


def inputs_of(question: Question, dose: int) -> dict[str, Value]:
    """The counts of a dose under the names an assessment gives them."""
    counts = question.at(dose)
    return {
        "dose_level": dose,
        "evaluable": counts.n,
        "pending": counts.pending,
        "dlt_confirmed": counts.dlt,
        "dlt_candidate": counts.candidate,
    }


def as_json(answer: Answer, columns: int | None = None) -> dict[str, Any]:
    """The answer as plain JSON values; with ``columns``, doses are pairs of levels.

    >>> as_json(Answer("stay", 1, Report("boin.stay", "between the boundaries")))["next_dose"]
    1
    """

    def dose(number: int | None) -> int | list[int] | None:
        if number is None or columns is None:
            return number
        return [(number - 1) // columns + 1, (number - 1) % columns + 1]

    members: dict[str, Any] = {
        "action": answer.action,
        "next_dose": dose(answer.next_dose),
        "eliminated_from": dose(answer.eliminated_from),
        "mtd": dose(answer.mtd),
        "report": report_json(answer.report),
    }
    if answer.held_from is not None:
        members["held_from"] = dose(answer.held_from)
    if answer.eliminated:
        members["eliminated"] = [dose(one) for one in sorted(answer.eliminated)]
    return {**members, **answer.extra}


def report_json(report: Report) -> dict[str, Any]:
    """A report tree as plain JSON values."""
    return {
        "rule": report.rule,
        "text": report.text,
        "inputs": dict(report.inputs),
        "thresholds": dict(report.thresholds),
        "margin": report.margin,
        "source": report.source,
        "children": [report_json(child) for child in report.children],
    }
