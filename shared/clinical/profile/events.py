"""A subject's adverse event reports: each change of grade, what is doubtful, what was withdrawn."""

from __future__ import annotations

from collections.abc import Iterator

from shared.clinical.ctcae.reported import NoReportedGrade, ReportedGrade
from shared.clinical.ctcae.terms import term_of
from shared.clinical.profile.telling import Telling, Told
from shared.clinical.timeline import highest_possible, worst_reported
from shared.clinical.toxicity import causality_of, grade_steps, relatedness, reported_grade
from shared.contracts.facts import AdverseEvent
from shared.contracts.profile import GradeStep, ReportedCourse


def events_of(telling: Telling) -> Iterator[ReportedCourse]:
    """Every report, by onset; a report that contradicts itself once for each content."""
    return (_course(telling, told) for told in telling.of(AdverseEvent))


def _course(telling: Telling, told: Told[AdverseEvent]) -> ReportedCourse:
    protocol, record = telling.person.protocol, told.record
    answer = reported_grade(protocol.ctcae, record)
    term = term_of(protocol.ctcae, answer.term)
    return ReportedCourse(
        term=answer.term,
        soc=term.soc if term else None,
        reported=record.AETERM,
        coded=record.AEDECOD,
        on=telling.on(told.entry),
        end=telling.at(record.AEENDTC) if record.AEENDTC else None,
        steps=tuple(_steps(telling, told)),
        low=worst_reported(record),
        high=highest_possible(record),
        serious=record.AESER == "Y",
        causality=tuple(word for word in causality_of(told.entry) if word),
        related=relatedness(told.standing, protocol.attribution),
        action=record.AEACN,
        outcome=record.AEOUT,
        doubts=tuple(_doubts(telling, told, answer)),
        state=told.state,
        evidence=told.entry.evidence,
    )


def _steps(telling: Telling, told: Told[AdverseEvent]) -> Iterator[GradeStep]:
    zone, record = telling.person.zone, told.record
    worst, possible = worst_reported(record), highest_possible(record)
    dated = {telling.at(one.dtc).first: one.dtc for one in record.grade_changes}
    for first, last, _, grade in grade_steps(told.entry.when(zone), record, zone):
        on = telling.between(dated.get(first, record.AESTDTC), first, last)
        yield GradeStep(on=on, low=grade, high=possible if grade == worst else grade)


def _doubts(
    telling: Telling, told: Told[AdverseEvent], answer: ReportedGrade | NoReportedGrade
) -> Iterator[str]:
    yield from (doubt.text for doubt in answer.doubts)
    if told.standing.doubt:
        yield told.standing.doubt
    if told.entry.when(telling.person.zone).slipped:
        yield "the start is stated as later than it was known"
    on = telling.on(told.entry)
    if on.first != on.last:
        yield "the day of the start is not known"
    end = told.record.AEENDTC
    if end and telling.at(end).last < on.first:
        yield "the end is stated as before the start"
