"""Puts the committee's packet together: the assessment, and what a meeting reads beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from shared.clinical.adverse_events import reported_events, summarise
from shared.clinical.designs.decision_tables import DecisionTable, decision_table
from shared.clinical.designs.parameters import DesignError
from shared.clinical.packet_labs import lab_series
from shared.clinical.person import Person
from shared.clinical.protocol import Protocol
from shared.clinical.study import Study
from shared.clinical.timeline import Entry
from shared.clinical.what_if import what_if
from shared.contracts.assessment import Assessment, DoseAssessment
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import Disposition, Dose, TumourResponse
from shared.contracts.packet import (
    Course,
    DesignTable,
    Exposure,
    Outlook,
    Packet,
    Response,
    TableCell,
)

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
    people = study.persons(protocol, as_of, known_at)
    treated = [person for person in people if person.start]
    events = reported_events(people)
    return Packet(
        title=protocol.title,
        synthetic=protocol.synthetic,
        assessment=assessment.model_copy(update={"applied_through": None}),
        events=events,
        summary=summarise(protocol, people, events),
        courses=tuple(map(course_of, treated)),
        exposures=tuple(exposures_of(treated)),
        labs=lab_series(treated),
        outlook=_outlook(study, as_of, known_at, degraded=assessment.degraded),
        table=_table(protocol, assessment),
    )


def _entries(person: Person, kind: str) -> Iterator[Entry]:
    """Of each record what stands first."""
    return (standing.entries[0] for standing in person.of(kind))


def _given(person: Person) -> list[tuple[Dose, Entry]]:
    return [
        (entry.record, entry)
        for entry in _entries(person, "dose")
        if isinstance(entry.record, Dose) and entry.record.ECOCCUR == "Y"
    ]


def course_of(person: Person) -> Course:
    """The course of a subject who was given a dose."""
    assert person.start is not None
    first = person.start.first
    days = sorted({first, *(entry.dates(person.zone)[0] for _, entry in _given(person))})
    left = [
        (entry.dates(person.zone)[0], entry.record.DSDECOD)
        for entry in _entries(person, "disposition")
        if isinstance(entry.record, Disposition)
    ]
    left_on, why = min(left, default=(None, None))
    return Course(
        subject=person.subject,
        usubjid=person.usubjid,
        part=person.part,
        dose_level=person.dose_level,
        first=first,
        last=days[-1],
        doses=tuple((day - first).days + 1 for day in days),
        left=why,
        left_on=left_on,
        responses=tuple(sorted(_responses(person), key=lambda one: (one.on, one.test))),
    )


def _responses(person: Person) -> Iterator[Response]:
    for entry in _entries(person, "tumour_response"):
        if isinstance(entry.record, TumourResponse):
            day, record = entry.dates(person.zone)[0], entry.record
            yield Response(on=day, test=record.RSTESTCD, result=record.RSORRES)


def exposures_of(treated: Sequence[Person]) -> Iterator[Exposure]:
    """What each was given of each treatment."""
    return (_exposure(person, name) for person in treated for name in _treatments(person))


def _treatments(person: Person) -> list[str]:
    doses = (entry.record for entry in _entries(person, "dose"))
    return sorted({dose.ECTRT for dose in doses if isinstance(dose, Dose)})


def _exposure(person: Person, treatment: str) -> Exposure:
    doses = [
        dose
        for entry in _entries(person, "dose")
        if isinstance(dose := entry.record, Dose) and treatment == dose.ECTRT
    ]
    given = [dose for dose in doses if dose.ECOCCUR == "Y"]
    delays = [days for dose in given if (days := delay_days(person, dose) or 0) > 0]
    return Exposure(
        subject=person.subject,
        usubjid=person.usubjid,
        dose_level=person.dose_level,
        treatment=treatment,
        given=len(given),
        not_given=len(doses) - len(given),
        reduced=sum(is_reduced(dose) is True for dose in given),
        delayed=len(delays),
        longest_delay=max(delays, default=0),
        percent_of_planned=_share(doses),
    )


def delay_days(person: Person, dose: Dose) -> int | None:
    """From the planned date to the first dose, by the earliest both may mean; None where no date
    was planned."""
    if dose.planned_dtc is None:
        return None
    planned, begun = (
        parse_dtc(text).local_dates(person.zone)[0] for text in (dose.planned_dtc, dose.ECSTDTC)
    )
    return (begun - planned).days


def is_reduced(dose: Dose) -> bool | None:
    """Whether less was given than planned; None where the record lacks one of the doses."""
    if dose.ECDOSE is None or dose.planned_dose is None:
        return None
    return Decimal(dose.ECDOSE) < Decimal(dose.planned_dose)


def _share(doses: Sequence[Dose]) -> str | None:
    """Given in per cent of planned, over all records of the treatment."""
    planned = given = Decimal(0)
    for dose in doses:
        if dose.planned_dose is None or (dose.ECOCCUR == "Y" and dose.ECDOSE is None):
            return None
        planned += Decimal(dose.planned_dose)
        given += Decimal(dose.ECDOSE or 0) if dose.ECOCCUR == "Y" else 0
    return str((100 * given / planned).quantize(Decimal("0.1"), ROUND_HALF_UP)) if planned else None


def _outlook(study: Study, as_of: datetime, known_at: datetime, *, degraded: bool) -> Outlook:
    found = what_if(study, as_of=as_of, known_at=known_at, degraded=degraded)
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
