"""The severe toxicities of a subject, as the assessment lists them beside the DLT criteria."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from shared.clinical.observations import Course
from shared.clinical.reconcile import SEVERE
from shared.clinical.runs import runs_at
from shared.contracts.assessment import GradedEvent


def severe_events(
    observations: Mapping[str, Course], threshold: int = SEVERE
) -> tuple[GradedEvent, ...]:
    """Every treatment-emergent stretch of grade 3 or higher, whenever and whatever the cause."""
    events = [
        event
        for course in observations.values()
        if course.high >= threshold
        for event in course.remembered(
            ("severe", threshold), None, partial(_events, course, threshold)
        )
    ]
    return tuple(sorted(events, key=lambda event: (event.onset, event.term)))


def _events(course: Course, threshold: int) -> list[GradedEvent]:
    return [
        GradedEvent(
            term=run.term,
            grade=run.worst,
            onset=run.first,
            why=run.why,
            known_at=max(entry.fact.known_at for entry in run.entries),
            evidence=tuple(entry.evidence for entry in run.entries),
        )
        for run in runs_at(course, threshold)
        if run.certain
    ]
