"""A design as a table to print: what it says of all counts at a dose, or of all next cohorts.

Where one dose's counts decide (interval designs) the table holds boundaries; where pending
patients speak too, a line for each way they can stand; where the whole trial speaks (CRM), the
pathways: each outcome of the next cohorts and the dose it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from shared.clinical.designs.design import Design
from shared.clinical.designs.interval import IntervalDesign
from shared.clinical.designs.model import TOLERANCE, Answer, DoseCounts, Question
from shared.clinical.designs.outcomes import counts_of, patients_of
from shared.clinical.designs.parameters import DesignError
from shared.clinical.designs.rolling_six import RollingSix
from shared.clinical.designs.three_plus_three import ThreePlusThree
from shared.clinical.designs.tite_boin import TiteBoin

Cell = int | float | str | None
Row = tuple[Cell, ...]
MOST_PATHS = 5_000
_WORDS = {"deescalate": "de-escalate"}
_LETTERS = {"escalate": "E", "stay": "S", "suspend": "W", "deescalate": "D"}


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """Lines under named columns; ``notes`` say how to read them, ``source`` where they are from."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    source: str = ""

    def as_json(self) -> list[dict[str, Any]]:
        """A member a column, an object a line."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def decision_table(design: Design, n_max: int = 12) -> DecisionTable:
    """The table of one dose with up to ``n_max`` patients.

    >>> from shared.clinical.designs import Boin
    >>> table = decision_table(Boin(target=0.28), n_max=6)
    >>> table.columns[:3], table.rows[2]
    (('n', 'escalate_if_at_most', 'deescalate_if_at_least'), (3, 0, 2, 3, 'ESDU'))
    """
    match design:
        case TiteBoin():
            return _by_follow_up(design, n_max)
        case IntervalDesign():
            return _boundaries(design, n_max)
        case ThreePlusThree():
            return _by_cohort(design)
        case RollingSix():
            return _by_pending(design)
    raise DesignError(f"{design.kind} decides by the whole trial: ask for its pathways")


def _boundaries(design: IntervalDesign, n_max: int) -> DecisionTable:
    columns = ["n", "escalate_if_at_most", "deescalate_if_at_least", "eliminate_if_at_least"]
    earlier = design.cutoff(lowest=True) != design.cutoff(lowest=False)
    if earlier:
        columns.append("stop_at_dose_1_if_at_least")
    rows: list[Row] = []
    for n in range(1, n_max + 1):
        row = design.boundaries(n)
        letters = "".join(design.verdict(n, dlt) for dlt in range(n + 1))
        counts = (row.escalate_if_at_most, row.deescalate_if_at_least, row.eliminate_if_at_least)
        stops = (dlt for dlt in range(n + 1) if design.eliminates(n, dlt, lowest=True))
        rows.append((n, *counts, *([next(stops, None)] if earlier else []), letters))
    notes = (
        "n: evaluable patients at the dose; the rest are numbers of DLTs",
        "decisions: a letter per number of DLTs from 0 up",
        "E escalate, S stay, D de-escalate, U de-escalate and never use the dose again",
    )
    return DecisionTable((*columns, "decisions"), tuple(rows), notes, design.cited())


def _by_follow_up(design: TiteBoin, n_max: int) -> DecisionTable:
    """TITE-BOIN: between which follow-up times a dose stays."""
    rows: list[Row] = []
    for n in range(3, n_max + 1, 3):
        for dlt in range(n + 1):
            eliminated = design.eliminates(n, dlt)
            for pending in range(n - dlt + 1 if not eliminated else 1):
                counts = DoseCounts(n - pending, dlt, pending)
                said = "eliminate" if eliminated else _by_stft(design, counts)
                rows.append((n, dlt, pending, said))
    notes = (
        "n: treated at the dose; dlt: DLTs among them; pending: still in their window",
        "STFT: the follow-up of the pending, summed, in windows",
    )
    return DecisionTable(("n", "dlt", "pending", "decision"), tuple(rows), notes, design.source)


def _by_stft(design: TiteBoin, counts: DoseCounts) -> str:
    """What a middle dose does as follow-up grows from none; rounded to the later decision."""
    action = _middle(design, counts).action
    said = _WORDS.get(action, action)
    if action == "suspend" or not counts.pending:
        return said
    up, down = design.stft_needed(counts)
    for word, mark in (("stay", down), ("escalate", up)):
        if 0 < mark <= counts.pending:
            said += f"; {word} from STFT {ceil(100 * mark - TOLERANCE) / 100:.2f}"
    return said


def _middle(design: Design, counts: DoseCounts) -> Answer:
    """The answer at the second of three doses, the first one without DLTs."""
    return design.decide(Question((DoseCounts(3), counts, DoseCounts()), current=2))


def _by_cohort(design: ThreePlusThree) -> DecisionTable:
    """A whole cohort, and a second one, with the dose below clear at 0/3."""
    rows: list[Row] = []
    for n in (3, 6):
        for dlt in range(3):
            answer = _middle(design, DoseCounts(n, dlt))
            found = "" if answer.mtd is None else "; the MTD is the dose below"
            counted = f">={dlt}" if dlt == 2 else str(dlt)
            rows.append((n, counted, _WORDS.get(answer.action, answer.action) + found))
    notes = ("n: evaluable patients at the dose; the dose below has 0/3",)
    return DecisionTable(("n", "dlt", "decision"), tuple(rows), notes, design.source)


def _by_pending(design: RollingSix) -> DecisionTable:
    """Each way up to six can stand at a dose, with the dose below clear at 0/3."""
    rows: list[Row] = []
    for enrolled in range(2, 7):
        for dlt in range(3):
            waiting = range(enrolled - dlt + 1)
            answers = (_middle(design, DoseCounts(enrolled - w, dlt, w)) for w in waiting)
            letters = "".join(_LETTERS[answer.action] for answer in answers)
            rows.append((enrolled, f">={dlt}" if dlt == 2 else str(dlt), letters))
    notes = (
        "decisions: a letter per number of pending patients from 0 up; the dose below has 0/3",
        "E escalate, S go on enrolling, W suspend accrual and wait, D de-escalate",
    )
    return DecisionTable(
        ("enrolled", "dlt", "decisions_by_pending"), tuple(rows), notes, design.source
    )


def pathways(
    design: Design,
    num_doses: int,
    *,
    cohorts: int = 2,
    cohort_size: int = 3,
    start: int = 1,
) -> DecisionTable:
    """What every outcome of the next cohorts leads to, all patients followed to the end.

    Source: Yap C et al., Clin Cancer Res 2017;23:7440-7447 (dose transition pathways).

    >>> from shared.clinical.designs import Crm
    >>> crm = Crm(target=0.22, skeleton=(0.04, 0.11, 0.22), limits=[{"kind": "no_skipping"}])
    >>> pathways(crm, 3, cohorts=1).rows[:2]
    (('1NNN', 'escalate', 2, None), ('1NNT', 'stay', 1, None))
    """
    if (cohort_size + 1) ** cohorts > MOST_PATHS:
        raise DesignError(f"more than {MOST_PATHS} pathways: ask for fewer cohorts")
    rows = tuple(_paths(design, num_doses, "", start, cohorts, cohort_size))
    notes = (
        "outcomes: a word per cohort, its dose and N no DLT or T a DLT for each patient",
        "everybody is followed to the end of the window",
    )
    return DecisionTable(("outcomes", "action", "next_dose", "mtd"), rows, notes, design.source)


def _paths(
    design: Design, doses: int, before: str, dose: int, left: int, size: int
) -> Iterator[Row]:
    for dlts in range(size + 1):
        outcomes = f"{before} {dose}{'N' * (size - dlts)}{'T' * dlts}".strip()
        question = Question(counts_of(outcomes, doses), dose, patients=patients_of(outcomes))
        answer = design.decide(question)
        yield outcomes, answer.action, answer.next_dose, answer.mtd
        if left > 1 and answer.next_dose is not None:
            yield from _paths(design, doses, outcomes, answer.next_dose, left - 1, size)
