"""An assessment as a person at a terminal reads it: what the rule says, then who stands where."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.contracts.assessment import Assessment, DoseAssessment, SubjectAssessment

_STATE_STYLE = {"exceeded": "bold red", "held": "bold yellow", "cleared": "green"}
_SHOWN = ("dlt", "dlt_candidate", "open", "not_evaluable")


def assessment_view(assessment: Assessment, label: str | None = None) -> RenderableType:
    """The whole page; ``label`` is printed above it (for synthetic data)."""
    return Group(*_parts(assessment, label))


def _parts(assessment: Assessment, label: str | None) -> Iterator[RenderableType]:
    if label is not None:
        yield Text(label, style="bold reverse")
    yield Text(
        f"{assessment.study}  protocol {assessment.protocol_version}  CTCAE {assessment.ctcae}  "
        f"as of {assessment.as_of.isoformat()}"
    )
    yield _verdict(assessment)
    if assessment.degraded:
        yield Text("DEGRADED: a record could not be applied; go signals wait", style="bold red")
    yield cohort_table(assessment)
    subjects = [one for one in assessment.subjects if one.status in _SHOWN or one.late_toxicity]
    if subjects:
        yield _subject_table(subjects)
    if assessment.queries:
        yield Text(f"Open queries to the sites: {len(assessment.queries)}")
    yield Text(assessment.digest, style="dim")


def _verdict(assessment: Assessment) -> Text:
    said = assessment.recommendation
    text = Text()
    text.append(said.action.upper(), style="bold")
    text.append(f" at dose level {said.dose_level}; study {assessment.status.replace('_', ' ')}")
    text.append(f"; MTD {_dose(said.mtd, assessment) or said.mtd_status}")
    text.append(f"; RP2D {_dose(assessment.rp2d, assessment) or 'not recorded'}")
    for reason in said.reasons:
        text.append(f"\n  {reason.text}")
    return text


def _dose(level: int | None, assessment: Assessment) -> str | None:
    return next((dose.label for dose in assessment.doses if dose.level == level), None)


def cohort_table(assessment: Assessment) -> Table:
    """One line a dose level: how many treated, how many with a DLT, and what that makes of it."""
    table = Table("Dose", "State", "DLT", "Treated", "Evaluable", "Pending", "Candidate", "Late")
    for dose in assessment.doses:
        table.add_row(
            dose.label,
            Text(dose.state.replace("_", " "), style=_STATE_STYLE.get(dose.state, "")),
            f"{dose.dlt.confirmed}/{_denominator(dose)}",
            str(dose.treated),
            str(dose.evaluable),
            str(dose.pending),
            str(dose.dlt.candidate),
            str(dose.late_toxicity),
        )
    return table


def _denominator(dose: DoseAssessment) -> int:
    return dose.evaluable + dose.pending


def _subject_table(subjects: list[SubjectAssessment]) -> Table:
    table = Table("Subject", "Dose level", "Status", "Why")
    for one in subjects:
        late = "; ".join(f"late: {item.why} on {item.onset}" for item in one.late_toxicity)
        why = "; ".join(part for part in (one.why, late) if part)
        table.add_row(one.subject, str(one.dose_level or ""), one.status.replace("_", " "), why)
    return table
