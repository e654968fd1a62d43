"""The committee's page as data: where each dose stands in the table, and what moved meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.console.words import ACTIONS, DOSE_STATES, SUBJECT_STATES, UNKNOWN, Word
from shared.contracts.assessment import Assessment, DecisionView, DoseAssessment
from shared.contracts.packet import DesignTable, TableCell

STOPPING: Mapping[str, Word] = {
    "crossed": Word("Crossed", "stop", "cross"),
    "near": Word("Near", "warn", "diamond-open"),
    "open": Word("Open: not known", "warn", "question"),
    "clear": Word("Clear", "go", "check"),
}


VERDICTS: Mapping[str, Word] = {
    "E": Word("Escalate", "go", "arrow-up"),
    "S": Word("Stay", "wait", "arrow-right"),
    "D": Word("De-escalate", "warn", "arrow-down"),
    "U": Word("De-escalate, never use it again", "stop", "cross"),
}
"""The letters of a table that has one per number of DLTs."""
_BY_DLTS = "decisions"


@dataclass(frozen=True, slots=True)
class DoseLine:
    """One dose level with its counts."""

    dose: DoseAssessment
    word: Word
    spoken_of: bool


@dataclass(frozen=True, slots=True)
class TableLine:
    """One line of the design's table; `here`: the dose levels that stand in it. `letters`: what it
    says of 0, 1, 2 DLTs and so on, each with its word, where the table has that."""

    cells: tuple[str, ...]
    letters: tuple[tuple[str, Word], ...]
    here: tuple[TableCell, ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A decision on record, in words."""

    decision: DecisionView
    text: str
    changed: bool


def dose_lines(assessment: Assessment) -> tuple[DoseLine, ...]:
    """Lowest dose first."""
    spoken = assessment.recommendation.dose_level
    return tuple(
        DoseLine(dose, DOSE_STATES.get(dose.state, UNKNOWN), dose.level == spoken)
        for dose in sorted(assessment.doses, key=lambda dose: dose.level)
    )


def table_lines(table: DesignTable) -> tuple[TableLine, ...]:
    """Every line of the table, those with a dose level in them marked."""
    split = len(table.columns) - (table.columns[-1] == _BY_DLTS)
    return tuple(
        TableLine(
            cells[:split],
            tuple((letter, VERDICTS.get(letter, UNKNOWN)) for letter in "".join(cells[split:])),
            tuple(_in_words(cell) for cell in table.stands if cell.line == number),
        )
        for number, cells in enumerate(table.rows)
    )


def _in_words(cell: TableCell) -> TableCell:
    found = VERDICTS.get(cell.says)
    return cell.model_copy(update={"says": found.text.lower()}) if found else cell


def outside_table(table: DesignTable, assessment: Assessment) -> tuple[str, ...]:
    """Doses with subjects whose counts are in no line: a cohort that is not complete, mostly."""
    inside = {cell.dose_level for cell in table.stands}
    return tuple(d.label for d in assessment.doses if d.treated and d.level not in inside)


def earlier(assessment: Assessment) -> tuple[Earlier, ...]:
    """Newest first."""
    labels = {dose.level: dose.label for dose in assessment.doses}
    return tuple(
        Earlier(one, _words(one, labels), one.basis == "changed")
        for one in sorted(assessment.decisions, key=lambda one: one.known_at, reverse=True)
    )


def moved_on(seen: Assessment | None, present: Assessment) -> tuple[str, ...]:
    """What a decision would rest on that is otherwise than the page showed it; nothing where only
    time has passed."""
    if seen is None:
        return ("The assessment this page rested on cannot be had any more.",)
    return tuple(_differences(seen, present))


def _differences(seen: Assessment, present: Assessment) -> Iterator[str]:
    if seen.protocol_version != present.protocol_version:
        yield f"Protocol: version {seen.protocol_version} before, {present.protocol_version} now."
    if _said(seen) != _said(present):
        yield f"Recommendation: {_said(seen)} before, {_said(present)} now."
    if (seen.status, seen.degraded) != (present.status, present.degraded):
        yield f"Study: {_study(seen)} before, {_study(present)} now."
    was = {dose.level: dose for dose in seen.doses}
    for dose in present.doses:
        if was.get(dose.level) != dose:
            yield f"{dose.label}: {_counts(was.get(dose.level))} before, {_counts(dose)} now."
    yield from _subjects(seen, present)
    if _stopping(seen) != _stopping(present):
        yield "Stopping rules: their counts have changed."
    if _decisions(seen) != _decisions(present):
        yield "Decisions: another one is on record, or the basis of one has changed."
    if seen.recommendation.reasons != present.recommendation.reasons and _said(seen) == _said(
        present
    ):
        yield "Recommendation: it is the same, for other reasons."


def _subjects(seen: Assessment, present: Assessment) -> Iterator[str]:
    was = {one.usubjid: (one.status, one.dose_level, one.review) for one in seen.subjects}
    for one in present.subjects:
        before = was.pop(one.usubjid, None)
        if before != (one.status, one.dose_level, one.review):
            then = SUBJECT_STATES[before[0]].text if before else "not there"
            yield f"{one.subject}: {then} before, {SUBJECT_STATES[one.status].text} now."
    if was:
        yield "A subject is no longer there."


def _said(assessment: Assessment) -> str:
    said = assessment.recommendation
    mtd = f", MTD dose level {said.mtd}" if said.mtd is not None else ""
    return f"{ACTIONS[said.action].text} at dose level {said.dose_level}{mtd}"


def _study(assessment: Assessment) -> str:
    degraded = ", degraded" if assessment.degraded else ""
    return assessment.status.replace("_", " ") + degraded


def _counts(dose: DoseAssessment | None) -> str:
    if dose is None:
        return "not there"
    dlt = dose.dlt
    return (
        f"{dose.state.replace('_', ' ')}, {dlt.confirmed} confirmed and {dlt.candidate} candidate"
        f" of {dose.treated}, {dose.pending} pending"
    )


def _stopping(assessment: Assessment) -> Sequence[object]:
    return [(one.id, one.status, one.evaluable, one.events) for one in assessment.stopping]


def _decisions(assessment: Assessment) -> Sequence[object]:
    return [(one.recordid, one.action, one.dose_level, one.basis) for one in assessment.decisions]


def _words(one: DecisionView, labels: Mapping[int, str]) -> str:
    def dose(level: int) -> str:
        return labels.get(level, f"dose level {level}")

    between = "to" if one.action in ("escalate", "deescalate") else "at"
    parts = [f"{ACTIONS[one.action].text} {between} {dose(one.dose_level)}"]
    if one.mtd is not None:
        parts.append(f"MTD {dose(one.mtd)}")
    if one.rp2d is not None:
        parts.append(f"RP2D {dose(one.rp2d)}")
    if one.lifts_hold:
        parts.append("lifts the hold")
    return ", ".join(parts)
