"""The dose-limiting toxicities, one by one: what a dose meeting goes through first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.console.packet.adverse_events import RELATED
from services.console.packet.subjects import REVIEWS, assessed, dose_label, evidence_text
from services.console.words import SUBJECT_STATES
from shared.charts.blocks import Table
from shared.contracts.adverse_events import ReportedEvent
from shared.contracts.assessment import Criterion, Evidence, SubjectAssessment
from shared.contracts.packet import Packet


def dlt_table(packet: Packet) -> Table:
    """Each criterion met or to be judged, with grade, attribution and timing."""
    rows = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            line.id,
            _graded(packet, one, line),
            _attributed(packet, line),
            _timing(one, line),
            line.why,
            f"{SUBJECT_STATES[one.status].text}, {REVIEWS[one.review]}",
            evidence_text(line.evidence),
        )
        for one in assessed(packet)
        for line in one.criteria
        if line.result in ("met", "needs_review")
    )
    columns = (
        *("Subject", "Dose", "Criterion", "Term and grade", "Causality", "Onset"),
        *("What the records say", "Counts as", "Records"),
    )
    notes = ("Narratives in the investigator’s words are not recorded here: bring them along.",)
    return Table("Dose-limiting toxicities and candidates", columns, rows, notes if rows else ())


def _graded(packet: Packet, subject: SubjectAssessment, line: Criterion) -> str:
    """By the reports the criterion rests on, else by the worst grades its evidence supports."""
    found = [f"{event.term}, grade {event.grade}" for event in _events(packet, line)]
    found = found or [
        f"{one.term}, grade {one.grade}"
        for one in subject.severe
        if _share(one.evidence, line.evidence)
    ]
    return "; ".join(dict.fromkeys(found)) or "not recorded"


def _attributed(packet: Packet, line: Criterion) -> str:
    found = [RELATED[event.related] for event in _events(packet, line)]
    return "; ".join(dict.fromkeys(found)) or "no report states it"


def _timing(subject: SubjectAssessment, line: Criterion) -> str:
    if line.onset is None:
        return "not known"
    if subject.window is None:
        return line.onset.isoformat()
    return f"{line.onset}, day {(line.onset - subject.window.first).days + 1} of the window"


def _events(packet: Packet, line: Criterion) -> Iterator[ReportedEvent]:
    return (one for one in packet.events if _share(one.evidence, line.evidence))


def _share(some: Iterable[Evidence], others: Iterable[Evidence]) -> bool:
    """Whether both rest on a record, in whatever version."""
    records = {(one.source, one.recordid) for one in some}
    return any((one.source, one.recordid) in records for one in others)
