"""Puts the committee's packet together: the assessment, and what a meeting reads beside it."""

from __future__ import annotations

from collections.abc import Iterator

from shared.clinical.adverse_events import summarise
from shared.clinical.designs.decision_tables import DecisionTable, decision_table
from shared.clinical.designs.parameters import DesignError
from shared.clinical.figures import numbers_of
from shared.clinical.packet_labs import lab_series, lab_values
from shared.clinical.protocol import Protocol
from shared.clinical.study import Study
from shared.clinical.what_if import what_if
from shared.contracts.assessment import Assessment, DoseAssessment
from shared.contracts.packet import DesignTable, Outlook, Packet, StudyOutlook, TableCell

_LEAST_PATIENTS = 12


def packet_of(study: Study, assessment: Assessment) -> Packet:
    """The packet for the moment of an assessment of this study, by what was known then.

    How far the facts went when it was asked for is left out: the same moment asked for again later
    gives the same packet. Raises ValueError where no protocol was known.
    """
    as_of, known_at = assessment.as_of, assessment.known_at
    protocol = study.versions(known_at).get(assessment.protocol_version)
    if protocol is None:
        raise ValueError(f"protocol version {assessment.protocol_version} was not known then")
    numbers = numbers_of(study, protocol, assessment)
    return Packet(
        **dict(numbers),
        title=protocol.title,
        synthetic=protocol.synthetic,
        assessment=assessment.model_copy(update={"applied_through": None}),
        summary=summarise(protocol, [one.dose_level for one in numbers.subjects], numbers.events),
        labs=lab_series(study.made_of_each(protocol, as_of, known_at, lab_values)),
        outlook=_outlook(study, assessment),
        table=_table(protocol, assessment),
    )


def outlook_of(study: Study, assessment: Assessment) -> StudyOutlook:
    """Of the packet what depends on the pending and on the design alone. Raises as `packet_of`."""
    protocol = study.versions(assessment.known_at).get(assessment.protocol_version)
    if protocol is None:
        raise ValueError(f"protocol version {assessment.protocol_version} was not known then")
    return StudyOutlook(
        assessment_digest=assessment.digest,
        outlook=_outlook(study, assessment),
        table=_table(protocol, assessment),
    )


def _outlook(study: Study, assessment: Assessment) -> Outlook:
    found = what_if(
        study,
        as_of=assessment.as_of,
        known_at=assessment.known_at,
        degraded=assessment.degraded,
    )
    pending = sum(map(len, found.pending.values()))
    return Outlook(
        pending=pending,
        branches=tuple(branch.text for branch in found.branches) if pending else (),
        certain=found.certain,
        complete=found.complete,
    )


def _table(protocol: Protocol, assessment: Assessment) -> DesignTable | None:
    """The table far enough for every dose; None for a design that decides by the whole trial."""
    rule = protocol.design.rule
    most = max([_LEAST_PATIENTS, *(dose.treated for dose in assessment.doses)])
    try:
        found = decision_table(rule, most)
    except DesignError:
        return None
    return DesignTable(
        design=rule.kind,
        columns=tuple(name.replace("_", " ") for name in found.columns),
        rows=tuple(tuple("–" if cell is None else str(cell) for cell in row) for row in found.rows),
        notes=found.notes,
        source=found.source,
        stands=tuple(cell for dose in assessment.doses for cell in _cells(found, dose)),
    )


def _cells(table: DecisionTable, dose: DoseAssessment) -> Iterator[TableCell]:
    """The line of the dose's counts. Candidates count as DLTs: a table that leaves them out would
    look better than the study stands."""
    dlts = dose.dlt.confirmed + dose.dlt.candidate
    pending = dose.pending - dose.dlt.candidate
    settled = dose.evaluable + dose.dlt.candidate
    for number, line in enumerate(table.as_json()):
        by_pending = "pending" in line or "decisions_by_pending" in line
        size = line.get("n", line.get("enrolled"))
        if size != settled + (pending if by_pending else 0):
            continue
        if "dlt" in line and not _is_dlt(line["dlt"], dlts):
            continue
        if "pending" in line and line["pending"] != pending:
            continue
        letters = line.get("decisions") or line.get("decisions_by_pending")
        place = pending if "decisions_by_pending" in line else dlts
        says = str(letters[place] if letters else line["decision"])
        yield TableCell(dose_level=dose.level, label=dose.label, line=number, says=says)


def _is_dlt(cell: str | int, dlts: int) -> bool:
    text = str(cell)
    return dlts >= int(text[2:]) if text.startswith(">=") else dlts == int(text)
