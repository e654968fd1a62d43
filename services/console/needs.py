"""What in a study waits for a person: for the list of studies, by what their roles may do.

What cannot be known is a need of its own: nothing is left out because a service did not answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from services.console.acts import ACKNOWLEDGERS, COMMITTEE, JUDGES, Me, may
from services.console.answers import Alert, Assessed, Inbox, StudyEntry
from services.console.signals import NEEDS_ANSWER
from services.console.upstream import Forbidden, Upstream, UpstreamError
from services.console.words import Tone
from shared.contracts.assessment import Assessment

AT_ONCE = 4
"""Studies asked about at the same time."""

_LATE = ("overdue", "at_80")


@dataclass(frozen=True, slots=True)
class Need:
    """`text` in a few words; `page` follows the study's address; `yours`: the person's role may do
    it, or nobody can say what the role is."""

    tone: Tone
    shape: str
    text: str
    page: str
    yours: bool = True


async def needs_of_all(
    upstream: Upstream, key: str, entries: tuple[StudyEntry, ...], person: Me | None
) -> tuple[tuple[Need, ...], ...]:
    """The needs of each study, in the order of the studies."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def of(entry: StudyEntry) -> tuple[Need, ...]:
        if entry.protocol_version is None:
            return ()
        async with gate:
            return await _ask(upstream, key, entry, person)

    return tuple(await asyncio.gather(*(of(entry) for entry in entries)))


async def _ask(
    upstream: Upstream, key: str, entry: StudyEntry, person: Me | None
) -> tuple[Need, ...]:
    assessed, inbox = await asyncio.gather(
        upstream.assessment(key, entry.study, None),
        upstream.alerts(key, entry.study),
        return_exceptions=True,
    )
    return tuple(sorted(_needs(entry.study, assessed, inbox, person), key=lambda n: not n.yours))


def _needs(
    study: str,
    assessed: Assessed | BaseException,
    inbox: Inbox | BaseException,
    person: Me | None,
) -> Iterator[Need]:
    yield from _of_alerts(study, inbox, person)
    if isinstance(assessed, Assessed):
        yield from of_assessment(study, assessed.assessment, person)
    elif isinstance(assessed, UpstreamError):
        yield Need("warn", "question", "What else waits is not known: the monitor failed", "")
    else:
        raise assessed


def _of_alerts(study: str, inbox: Inbox | BaseException, person: Me | None) -> Iterator[Need]:
    if isinstance(inbox, Inbox):
        waiting = sum(_awaits(alert) for alert in inbox.alerts)
        if waiting:
            text = f"{_many(waiting, 'critical or urgent alert')} not acknowledged"
            yield Need("stop", "stop", text, "/alerts", may(person, study, ACKNOWLEDGERS))
    elif isinstance(inbox, Forbidden):
        yield Need("calm", "dash", "Alerts: not open to this role", "", yours=False)
    elif isinstance(inbox, UpstreamError):
        yield Need("warn", "question", "Unacknowledged alerts are not known", "/alerts")
    else:
        raise inbox


def _awaits(alert: Alert) -> bool:
    signal = alert.signal
    return (
        alert.state == "open"
        and signal is not None
        and signal.severity in NEEDS_ANSWER
        and not alert.acknowledgements
    )


def of_assessment(study: str, said: Assessment, person: Me | None) -> Iterator[Need]:
    """What the study's own state asks for."""
    judges, committee = may(person, study, JUDGES), may(person, study, COMMITTEE)
    candidates = sum(one.status == "dlt_candidate" for one in said.subjects)
    if candidates:
        text = f"{_many(candidates, 'DLT candidate')} to judge"
        yield Need("warn", "diamond-open", text, "/adjudication", judges)
    clocks = [c for one in said.subjects for found in one.safety for c in found.clocks]
    late = sum(clock.status in _LATE for clock in clocks)
    if late:
        yield Need("stop", "stop", f"{_many(late, 'clock')} overdue or nearly", "#safety", judges)
    crossed = sum(rule.status == "crossed" for rule in said.stopping)
    if crossed:
        yield Need("stop", "stop", f"{_many(crossed, 'stopping rule')} crossed", "#stopping")
    changed = sum(decision.basis == "changed" for decision in said.decisions)
    if changed:
        text = f"{_many(changed, 'decision')} whose basis changed"
        yield Need("stop", "cross", text, "/committee", committee)
    if said.stale_since is not None:
        yield Need("stop", "question", "No record of any subject for too long", "")
    if said.queries:
        text = "1 open query" if len(said.queries) == 1 else f"{len(said.queries)} open queries"
        yield Need("wait", "question", text, "#queries")


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
