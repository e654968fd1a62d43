"""Subject by subject: the status, and each DLT criterion with its reason and record versions."""

from __future__ import annotations

from collections.abc import Iterator

from services.console.words import CRITERION_RESULTS, SUBJECT_STATES
from shared.charts.blocks import Block, Table
from shared.contracts.assessment import Evidence, SubjectAssessment
from shared.contracts.packet import Packet

REVIEWS = {"DLT": "confirmed as DLT", "NOT_DLT": "rejected", None: "not reviewed"}


def evidence_text(evidence: tuple[Evidence, ...]) -> str:
    """Record versions, each by its id and revision."""
    return ", ".join(
        one.recordid if one.revision is None else f"{one.recordid} (rev. {one.revision})"
        for one in evidence
    )


def dose_label(packet: Packet, level: int | None) -> str:
    """A dose level in the protocol's words."""
    labels = {dose.level: dose.label for dose in packet.assessment.doses}
    return "–" if level is None else labels.get(level, f"dose level {level}")


def assessed(packet: Packet) -> list[SubjectAssessment]:
    """Those held to the DLT definition."""
    return [one for one in packet.assessment.subjects if one.status != "not_assessed"]


def status_table(packet: Packet) -> Table:
    """Who stands where, and why; days left of the window for those in it."""
    rows = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            SUBJECT_STATES[one.status].text,
            _window(one),
            one.why,
            "; ".join(flag.replace("_", " ") for flag in one.flags) or "–",
        )
        for one in assessed(packet)
    )
    others = len(packet.assessment.subjects) - len(rows)
    notes = (f"Not assessed for DLT (other parts of the study): {others} subjects.",)
    columns = ("Subject", "Dose", "Status", "Window", "Why", "Doubts")
    return Table("Subjects", columns, rows, notes if others else ())


def _window(subject: SubjectAssessment) -> str:
    window = subject.window
    if window is None:
        return "not begun"
    span = f"{window.first} to {window.last}"
    if window.day is None:
        return span
    left = (window.last - window.first).days + 1 - window.day
    return f"{span}, day {window.day}, {left} left"


def criteria_tables(packet: Packet) -> Iterator[Block]:
    """First what is met, open or to be reviewed, then the rest by subject."""
    telling = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            line.id,
            CRITERION_RESULTS[line.result].text,
            line.onset.isoformat() if line.onset else "–",
            REVIEWS[one.review] if line.result in ("met", "needs_review") else "–",
            line.why,
            evidence_text(line.evidence),
        )
        for one in assessed(packet)
        for line in one.criteria
        if line.result != "not_met"
    )
    columns = ("Subject", "Dose", "Criterion", "Result", "Onset", "Review", "Why", "Records")
    yield Table("Met, open, or to be reviewed", columns, telling)
    rest = tuple(
        (one.subject, line.id, line.why, evidence_text(line.evidence))
        for one in assessed(packet)
        for line in one.criteria
        if line.result == "not_met"
    )
    yield Table("Not met", ("Subject", "Criterion", "Why", "Records"), rest)


def late_table(packet: Packet) -> Table:
    """Toxicities after the window."""
    rows = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            late.onset.isoformat(),
            late.criterion,
            late.why,
            evidence_text(late.evidence),
        )
        for one in packet.assessment.subjects
        for late in one.late_toxicity
    )
    columns = ("Subject", "Dose", "Onset", "Criterion", "Why", "Records")
    return Table("After the DLT window: shown, not counted", columns, rows)
