"""Which stretches of which terms a toxicity speaks of."""

from __future__ import annotations

from collections.abc import Sequence

from shared.clinical.blocks.attribution import attributed
from shared.clinical.case import Case
from shared.clinical.criteria import Cause, OtherGrade, Toxicity
from shared.clinical.criteria.basic import LENGTHS, said
from shared.clinical.observations import Observation
from shared.clinical.runs import Run, runs_at
from shared.clinical.timeline import Entry
from shared.contracts.facts import AdverseEvent


def selected_terms(toxicity: Toxicity, case: Case) -> list[str]:
    """The terms a toxicity speaks of, among those the subject has."""
    groups = case.protocol.term_groups
    if toxicity.any_term:
        return list(case.observations)
    if toxicity.not_in_group is not None:
        outside = set(groups[toxicity.not_in_group])
        return [term for term in case.observations if term not in outside]
    wanted = set(toxicity.terms) if toxicity.group is None else set(groups[toxicity.group])
    return [term for term in case.observations if term in wanted]


def observed(
    toxicity: Toxicity, term: str, case: Case, cause: Cause | None = None
) -> Sequence[Observation]:
    """The observations of a term that count for a toxicity."""
    course = case.observations[term]
    observations: Sequence[Observation] = course
    if toxicity.scale is not None:
        field = case.protocol.scales[toxicity.scale]
        observations = [_on_scale(seen, field) for seen in course.reports]
    elif toxicity.reported_only:
        observations = course.reports
    elif said(toxicity, *LENGTHS):
        # Days at a grade are counted on measurements where there are any: the report of an event
        # lasts as long as the event, not as long as its worst grade.
        observations = course.measured or course
    return attributed(observations, cause, case)


def toxicity_runs(
    toxicity: Toxicity,
    case: Case,
    cause: Cause | None = None,
    others: Sequence[OtherGrade] = (),
) -> list[Run]:
    """Every stretch a toxicity speaks of, term by term."""
    return [
        run
        for term in selected_terms(toxicity, case)
        for run in runs_at(
            observed(toxicity, term, case, cause),
            grade_for(toxicity, term, others, case),
            toxicity.grades_over_baseline or 1,
        )
    ]


def grade_for(toxicity: Toxicity, term: str, others: Sequence[OtherGrade], case: Case) -> int:
    """The grade that counts for a term."""
    groups = case.protocol.term_groups
    for other in others:
        if term in (groups[other.group] if other.group is not None else other.terms):
            return other.grade
    return toxicity.grade


def scale_grade(entry: Entry, field: str) -> int | None:
    """The grade a report states on another scale; None where it states none from 0 to 5."""
    record = entry.record
    assert isinstance(record, AdverseEvent)
    text = str(record.supp.get(field, "")).strip()
    return int(text) if text in ("0", "1", "2", "3", "4", "5") else None


def _on_scale(seen: Observation, field: str) -> Observation:
    """The observation by the grade of another scale; any grade where it is not stated."""
    if not isinstance(seen.entry.record, AdverseEvent):
        return seen
    grade = scale_grade(seen.entry, field)
    if grade is None:
        return seen._replace(low=0, high=max(4, seen.high), told=f"no grade in {field}")
    return seen._replace(low=grade, high=grade, told=f"reported grade {grade} in {field}")
