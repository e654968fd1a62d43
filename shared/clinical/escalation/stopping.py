"""Stopping rules on the whole study: counts, the boundary, and since when it is crossed.

A boundary once crossed stays crossed: more subjects without the event would take the counts below
it again, but the rule was to stop there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.clinical.monitoring import EventCounts, Look, look
from shared.clinical.protocol.stopping import FutilityRule, StoppingRule
from shared.clinical.subject import SubjectState
from shared.contracts.assessment import StoppingView

Watching = StoppingRule | FutilityRule


@dataclass(frozen=True)
class Stopping:
    """One rule as it stands. ``crossed``: moments from which the counts known then were at the
    boundary, each by another event; ``certain``: also without those still to be judged."""

    rule: Watching
    view: StoppingView
    crossed: tuple[datetime, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """One subject of the denominator: what it counts as, and since when. Of a futility rule
    ``event`` is a response and ``clear`` none."""

    code: str
    usubjid: str
    standing: str
    since: datetime


def stopping_of(states: Sequence[SubjectState], rule: Watching) -> Stopping:
    """The rule by these subjects."""
    members = counted_by(rule, states)
    now = look(rule.boundary, _counts(members))
    against = ("clear",) if isinstance(rule, FutilityRule) else ("event", "candidate")
    events = [one for one in members if one.standing in against]
    moments = sorted({one.since for one in events})
    crossed = {at for at in moments if _look_at(rule, members, at).status == "crossed"}
    if now.status == "crossed" and moments:
        crossed.add(moments[-1])
    confirmed = [one for one in members if one.standing != "candidate"]
    certain = look(rule.boundary, _counts(confirmed)).status == "crossed" or any(
        _look_at(rule, confirmed, at).status == "crossed" for at in moments
    )
    return Stopping(rule, _view(rule, now, members, events, bool(crossed)),
                    tuple(sorted(crossed)), certain)  # fmt: skip


def counted_by(rule: Watching, states: Sequence[SubjectState]) -> list[Counted]:
    """The subjects of the rule's denominator."""
    return [_member(rule, state) for state in states if _belongs(rule, state)]


def _belongs(rule: Watching, state: SubjectState) -> bool:
    subject = state.assessment
    return subject.part in rule.among and subject.status != "not_started"


def _member(rule: Watching, state: SubjectState) -> Counted:
    names = state.assessment.subject, state.assessment.usubjid
    if isinstance(rule, FutilityRule):
        assert state.response is not None
        words = {"response": "event", "none": "clear"}
        standing = words.get(state.response.standing, "pending")
        return Counted(*names, standing, state.response.since)
    watched = state.watched[rule.id]
    return Counted(*names, watched.standing, watched.since)


def _counts(members: Sequence[Counted]) -> EventCounts:
    said = [one.standing for one in members]
    events, candidates = said.count("event"), said.count("candidate")
    pending = said.count("pending") + candidates
    return EventCounts(events + said.count("clear"), events, pending, candidates)


def _look_at(rule: Watching, members: Sequence[Counted], moment: datetime) -> Look:
    """The boundary by those final, or with the event, at an earlier moment."""
    then = [one for one in members if one.standing != "pending" and one.since <= moment]
    return look(rule.boundary, _counts(then))


def _view(
    rule: Watching,
    now: Look,
    members: Sequence[Counted],
    events: Sequence[Counted],
    crossed: bool,
) -> StoppingView:
    counts = _counts(members)
    return StoppingView(
        id=rule.id,
        status="crossed" if crossed else now.status,
        text=now.report.text if now.status == "crossed" or not crossed else _earlier(now),
        source=rule.source,
        evaluable=counts.n,
        events=counts.events,
        pending=counts.pending,
        candidate=counts.candidate,
        margin=0 if crossed else now.margin,
        subjects=tuple(sorted(one.code for one in events)),
        known_at=max((one.since for one in events), default=None),
    )


def _earlier(now: Look) -> str:
    return f"crossed earlier, and stays so; by the counts as they are: {now.report.text}"
