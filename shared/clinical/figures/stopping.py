"""A stopping rule as a chart: the boundary, and the running count against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.clinical.escalation.stopping import Counted, Watching, counted_by
from shared.clinical.monitoring import NOfM, RepeatedTesting, TwoStage
from shared.clinical.monitoring.boundaries import limits_of
from shared.clinical.protocol import Protocol
from shared.clinical.protocol.stopping import FutilityRule
from shared.clinical.subject import SubjectState
from shared.contracts.assessment import StoppingView
from shared.contracts.figures import BoundaryPoint, CountPoint, StoppingFigure

_LEAST = 20
"""Subjects a boundary is drawn for where its rule names no number."""


def stopping_figures(
    protocol: Protocol, states: Sequence[SubjectState], views: Sequence[StoppingView]
) -> Iterator[StoppingFigure]:
    """Each rule that the assessment speaks of."""
    by_id = {view.id: view for view in views}
    rules: tuple[Watching, ...] = (*protocol.stopping, *protocol.futility)
    for rule in rules:
        if rule.id in by_id:
            yield _figure(rule, counted_by(rule, states), by_id[rule.id])


def _figure(rule: Watching, members: Sequence[Counted], view: StoppingView) -> StoppingFigure:
    most = max(_planned(rule), len(members))
    limits = limits_of(rule.boundary, most)
    return StoppingFigure(
        id=rule.id,
        text=view.text,
        source=view.source,
        counted="non_responses" if isinstance(rule, FutilityRule) else "events",
        status=view.status,
        pending=view.pending,
        boundary=tuple(
            BoundaryPoint(n=n, stop_at=limits[n] if limits[n] <= n else None)
            for n in range(1, most + 1)
        ),
        path=tuple(_path(rule, members)),
    )


def _planned(rule: Watching) -> int:
    match rule.boundary:
        case NOfM(of=planned) | TwoStage(n=planned):
            return planned
        case RepeatedTesting(looks=looks):
            return looks[-1]
    return _LEAST


def _path(rule: Watching, members: Sequence[Counted]) -> Iterator[CountPoint]:
    against = ("clear",) if isinstance(rule, FutilityRule) else ("event", "candidate")
    final = [one for one in members if one.standing != "pending"]
    events = 0
    for n, one in enumerate(sorted(final, key=lambda one: (one.since, one.usubjid)), 1):
        events += one.standing in against
        yield CountPoint(
            n=n,
            events=events,
            usubjid=one.usubjid,
            is_event=one.standing in against,
            candidate=one.standing == "candidate",
            known_at=one.since,
        )
