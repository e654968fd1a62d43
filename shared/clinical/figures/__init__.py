"""The numbers behind the charts of a whole study, at the moment of an assessment.

What is told of one subject hangs on that subject's records alone and is kept while they are the
same, so that another record costs the work for one subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.clinical.adverse_events import reported_events
from shared.clinical.ctcae.terms import term_of
from shared.clinical.figures.liver import liver_point
from shared.clinical.figures.qt import qt_point
from shared.clinical.figures.shifts import Key, shift_ends, shifts_of
from shared.clinical.figures.stopping import stopping_figures
from shared.clinical.figures.treatment import course_of, exposures_of
from shared.clinical.figures.tumour import tumour_course
from shared.clinical.observations import Observation
from shared.clinical.person import Person
from shared.clinical.protocol import Protocol
from shared.clinical.study import Study
from shared.contracts.adverse_events import ReportedEvent
from shared.contracts.assessment import Assessment, SubjectAssessment
from shared.contracts.figures import (
    Course,
    EscalationDesign,
    Exposure,
    Figures,
    HeatCell,
    LiverPoint,
    QtPoint,
    ShiftGrade,
    StudyNumbers,
    Treated,
    TumourCourse,
)
from shared.contracts.profile import opaque_id

__all__ = ["figures_of", "numbers_of"]

NOTES = (
    "Subjects who were given a dose; reported events that began or worsened on treatment.",
    "Heat map: a range where it is not certain which grade was reached on treatment.",
    "Shift: the last value before treatment, a flagged one first, against the worst on treatment.",
    "Shift: a value on treatment that could not be graded leaves the worst grade uncertain.",
    "eDISH: each value by the ULN sent with it; another cause is for a person to rule out.",
    "QTcF: single readings, not means of replicates; categories of ICH E14.",
    "QTcF: the rise is from the last value before treatment, the shortest of several of one time.",
    "Tumour: the sum of diameters against the last one up to the first dose.",
    "Tumour: by the investigator, or else by one reader; responses as reported, confirmed or not.",
)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the charts say of one subject who was given a dose."""

    who: Treated
    course: Course
    events: tuple[ReportedEvent, ...]
    heat: tuple[HeatCell, ...]
    shifts: dict[Key, tuple[ShiftGrade, ShiftGrade]]
    liver: LiverPoint
    exposures: tuple[Exposure, ...]
    qt: QtPoint
    tumour: TumourCourse


def figures_of(study: Study, assessment: Assessment) -> Figures:
    """The figures for the moment of an assessment of this study, by what was known then.

    Raises ValueError where the assessment's protocol was not known then.
    """
    as_of, known_at = assessment.as_of, assessment.known_at
    protocol = study.versions(known_at).get(assessment.protocol_version)
    if protocol is None:
        raise ValueError(f"protocol version {assessment.protocol_version} was not known then")
    return Figures(
        **dict(numbers_of(study, protocol, assessment)),
        study=study.study,
        title=protocol.title,
        synthetic=protocol.synthetic,
        protocol_version=protocol.version,
        ctcae=protocol.ctcae,
        as_of=as_of,
        known_at=known_at,
        degraded=assessment.degraded,
        stale_since=assessment.stale_since,
        assessment_digest=assessment.digest,
        design=_design(protocol),
    )


def _design(protocol: Protocol) -> EscalationDesign:
    rule = protocol.design.rule
    return EscalationDesign(
        kind=rule.kind,
        parameters=rule.model_dump_json(),
        doses=tuple(dose.label for dose in protocol.doses),
        start=protocol.design.start,
        cohort_size=protocol.design.cohort_size,
    )


def numbers_of(study: Study, protocol: Protocol, assessment: Assessment) -> StudyNumbers:
    """What the charts draw, for figures and packet. ``protocol``: the assessment's."""
    as_of, known_at = assessment.as_of, assessment.known_at
    found = study.made_of_each(protocol, as_of, known_at, _told)
    told = sorted(found, key=lambda one: (one.who.subject, one.who.usubjid))
    rules = {one.usubjid: _liver_rules(protocol, one) for one in assessment.subjects}
    states = study.states(protocol, as_of, known_at)
    return StudyNumbers(
        subjects=tuple(one.who for one in told),
        courses=tuple(one.course for one in told),
        events=tuple(event for one in told for event in one.events),
        heat=tuple(cell for one in told for cell in one.heat),
        shifts=tuple(shifts_of(one.shifts for one in told)),
        liver=tuple(
            one.liver.model_copy(update={"rules": rules.get(one.liver.usubjid, ())}) for one in told
        ),
        exposures=tuple(exposure for one in told for exposure in one.exposures),
        qt=tuple(one.qt for one in told),
        tumour=tuple(one.tumour for one in told),
        stopping=tuple(stopping_figures(protocol, states, assessment.stopping)),
        notes=NOTES,
    )


def _told(person: Person) -> _Told | None:
    if person.start is None:
        return None
    return _Told(
        who=_treated(person),
        course=course_of(person),
        events=reported_events([person]),
        heat=tuple(_heat(person)),
        shifts=shift_ends(person),
        liver=liver_point(person),
        exposures=tuple(exposures_of([person])),
        qt=qt_point(person),
        tumour=tumour_course(person),
    )


def _treated(person: Person) -> Treated:
    level, study = person.dose_level, person.of("dose")[0].entries[0].fact.study
    return Treated(
        id=opaque_id(study, person.usubjid),
        subject=person.subject,
        usubjid=person.usubjid,
        part=person.part,
        dose_level=level,
        dose="no dose level" if level is None else person.protocol.label(level),
    )


def _heat(person: Person) -> Iterator[HeatCell]:
    """The worst of each reported term on treatment."""
    for name, course in sorted(person.reported().items()):
        if seen := [one for one in course if not one.before_treatment]:
            yield _cell(person, name, seen)


def _cell(person: Person, name: str, seen: Sequence[Observation]) -> HeatCell:
    term = term_of(person.protocol.ctcae, name)
    return HeatCell(
        usubjid=person.usubjid,
        term=name,
        soc=term.soc if term else None,
        low=max(one.low for one in seen),
        high=max(one.high for one in seen),
    )


def _liver_rules(protocol: Protocol, subject: SubjectAssessment) -> tuple[str, ...]:
    """The rules of Hy's law, in DLT definition and safety watch, that speak of a subject."""
    criteria = {rule.id for rule in protocol.dlt.criteria if rule.hys_law is not None}
    met = [
        one.id
        for one in subject.criteria
        if one.id in criteria and one.result in ("met", "needs_review")
    ]
    return tuple(
        dict.fromkeys([*met, *(one.rule for one in subject.safety if one.kind == "hys_law")])
    )
