"""How one subject stands to each stopping rule: with the event, without it, or not known yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.clinical.case import RANK, Case, Trigger
from shared.clinical.dlt import triggers_of
from shared.clinical.evaluability import DOMAINS
from shared.clinical.protocol import day_ends
from shared.clinical.protocol.stopping import StoppingRule
from shared.clinical.timeline import latest


@dataclass(frozen=True, slots=True)
class Watched:
    """``candidate``: an event that a person still has to judge; ``pending``: not final. ``since``:
    when that was known."""

    standing: Literal["event", "candidate", "pending", "clear"]
    since: datetime


def watch(case: Case) -> dict[str, Watched]:
    """The standing by each safety rule of the protocol."""
    return {rule.id: _standing(rule, case) for rule in case.protocol.stopping}


def watch_deadlines(case: Case) -> Iterator[datetime]:
    """When time alone may change a standing."""
    if case.protocol.stopping:
        grace = timedelta(days=case.protocol.completeness.grace_days)
        yield from (day_ends(case.followed + extra, case.zone) for extra in {timedelta(), grace})
    for rule in case.protocol.stopping:
        yield from (one.deadline for one in _triggers(rule, case) if one.deadline)


def _standing(rule: StoppingRule, case: Case) -> Watched:
    found = _triggers(rule, case)
    worst = max((RANK[one.result] for one in found), default=0)
    biting = [one for one in found if RANK[one.result] == worst]
    if worst >= RANK["needs_review"]:
        known = min(latest(one.entries) or case.as_of for one in biting)
        return Watched("event" if worst == RANK["met"] else "candidate", known)
    closes = day_ends(case.followed, case.zone)
    complete = all(case.is_complete(name, case.followed) for name in DOMAINS)
    if worst or case.as_of < closes or case.not_begun or not complete:
        return Watched("pending", case.as_of)
    told = [latest(one.entries) for one in case.reviews]
    return Watched("clear", max([closes, *(moment for moment in told if moment)]))


def _triggers(rule: StoppingRule, case: Case) -> list[Trigger]:
    found = triggers_of(rule, case)
    if rule.onset == "any_time" or rule.delay is not None:
        return found
    return [one for one in found if case.place(one.first, one.last, rule.window) != "out"]
