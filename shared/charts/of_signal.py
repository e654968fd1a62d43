"""Which charts show what a signal is about: found by what the signal rests on, not by its words."""

from __future__ import annotations

from collections.abc import Iterator

from shared.charts.blocks import Chart
from shared.charts.stopping import stopping
from shared.charts.timeline import timeline
from shared.charts.trends import trends
from shared.charts.windows import dlt_board
from shared.contracts.assessment import Assessment, Evidence, SubjectAssessment
from shared.contracts.figures import Figures
from shared.contracts.profile import Profile
from shared.contracts.signals import Signal, SignalType

MOST_TRENDS = 3
"""Tests side by side, as in a possible Hy's law case; what rests on more is shown as a timeline."""
STOPPING = frozenset({SignalType.STOPPING_CROSSED, SignalType.STOPPING_NEAR})


def subject_of(signal: Signal, said: Assessment) -> SubjectAssessment | None:
    """Whom the signal is about. None where it is about nobody, or might be about one of several who
    share a number: another one's chart must never be taken for theirs."""
    found = [one for one in said.subjects if one.subject == signal.subject]
    if len(found) > 1:
        found = [one for one in found if f"/{one.usubjid}/" in f"{signal.slot}/"]
    return found[0] if len(found) == 1 else None


def charts_of_subject(signal: Signal, said: Assessment, profile: Profile) -> tuple[Chart, ...]:
    """The trend of each test that the signal rests on, else the timeline."""
    records = {(one.source, one.recordid) for one in _rests_on(signal, said, profile.assessment)}
    found = [
        chart
        for series, chart in zip(profile.series, trends(profile), strict=True)
        if chart.spec is not None
        and any((one.evidence.source, one.evidence.recordid) in records for one in series.values)
    ]
    return tuple(found) if 0 < len(found) <= MOST_TRENDS else (timeline(profile),)


def charts_of_study(said: Assessment) -> tuple[Chart, ...]:
    """What shows a dose level, or the study as a whole."""
    return (dlt_board(said),)


def charts_of_stopping(signal: Signal, said: Assessment, figures: Figures) -> tuple[Chart, ...]:
    """The boundary of the signal's rule."""
    drawn = zip(figures.stopping, stopping(figures), strict=True)
    return tuple(chart for one, chart in drawn if one.id == signal.rule) or charts_of_study(said)


def _rests_on(signal: Signal, said: Assessment, subject: SubjectAssessment) -> Iterator[Evidence]:
    """The records behind what stands in the signal's slot."""
    for whole, begins, ends, evidence in (*_of_subject(subject), *_of_queries(said)):
        slot = signal.slot
        if slot == whole or (begins and slot.startswith(begins) and slot.endswith(ends)):
            yield from evidence


_Slot = tuple[str, str, str, tuple[Evidence, ...]]
"""A whole slot, or how others of the same matter begin and end; and what it rests on."""


def _of_subject(subject: SubjectAssessment) -> Iterator[_Slot]:
    name = subject.usubjid
    for criterion in subject.criteria:
        if criterion.result in ("met", "needs_review"):
            yield f"dlt/{name}", "", "", criterion.evidence
    for event in subject.severe:
        yield f"severe/{name}/{event.term}/{event.onset}", "", "", event.evidence
    for late in subject.late_toxicity:
        yield "", f"late/{name}/{late.criterion}/", f"/{late.onset}", late.evidence
    for finding in subject.safety:
        yield f"{finding.id}/{name}", "clock/", f"/{finding.id}/{name}", finding.evidence


def _of_queries(said: Assessment) -> Iterator[_Slot]:
    for query in said.queries:
        yield f"query/{query.id}", "", "", query.evidence
