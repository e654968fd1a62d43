"""What one transaction does for several requests: repeat kept answers, record the rest."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from services.ingest.intake.failures import may_pass, store_is_down
from services.ingest.intake.items import Candidate, Item, Outcome, Refusal
from services.ingest.intake.recording import Entry, record
from services.ingest.store import answers
from services.ingest.store.answers import Answer, Request
from shared.contracts.reader import FieldProblem
from shared.runtime.bus import Bus
from shared.runtime.telemetry import get_logger

log = get_logger(__name__)

Recording = Callable[[Connection, Bus, Sequence[Entry], datetime], list[Outcome]]

_NOT_STORABLE = FieldProblem("", "not-storable", "the database cannot store this event")


class KeyReused(RuntimeError):
    """The Idempotency-Key belongs to another request."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One request's items. `render` words its answer; it is kept if `request` says so."""

    items: Sequence[Item]
    key_id: str
    traceparent: str
    render: Callable[[Sequence[Outcome]], Answer]
    request: Request | None = None
    done: "Future[Answer]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A submission's answer once the transaction commits; None if its key was used before for
    another request. `outcomes` is empty where nothing was recorded."""

    answer: Answer | None
    outcomes: Sequence[Outcome] = ()


def studies_of(group: Sequence[Submission]) -> set[str]:
    """The studies whose records the group touches."""
    return {
        item.event.studyid
        for submission in group
        for item in submission.items
        if isinstance(item, Candidate)
    }


def settle(
    conn: Connection,
    bus: Bus,
    group: Sequence[Submission],
    now: datetime,
    record_all: Recording,
) -> list[Settlement]:
    """A settlement for each submission, in order. No two may have the same `request.identity`."""
    kept = answers.find(conn, [s.request for s in group if s.request], now)
    fresh = [s for s in group if s.request is None or s.request.identity not in kept]
    entries = [Entry(item, s.key_id, s.traceparent) for s in fresh for item in s.items]
    outcomes = iter(record_all(conn, bus, entries, now))
    settlements = []
    for submission in group:
        request = submission.request
        if request is not None and request.identity in kept:
            request_hash, answer = kept[request.identity]
            settlements.append(Settlement(answer if request_hash == request.request_hash else None))
            continue
        mine = [next(outcomes) for _ in submission.items]
        answer = submission.render(mine)
        if request is not None:
            answers.keep(conn, request, answer, now)
        settlements.append(Settlement(answer, mine))
    return settlements


def record_what_can_be(
    conn: Connection, bus: Bus, entries: Sequence[Entry], now: datetime
) -> list[Outcome]:
    """As `record`, but an event that cannot be stored is refused and its neighbours stay."""
    try:
        with conn.begin_nested():
            return record(conn, bus, entries, now)
    except Exception as error:
        if store_is_down(error) or may_pass(error):
            raise
        if len(entries) > 1:
            middle = len(entries) // 2
            return [
                *record_what_can_be(conn, bus, entries[:middle], now),
                *record_what_can_be(conn, bus, entries[middle:], now),
            ]
        item = entries[0].item
        if isinstance(item, Refusal):
            raise
        log.error("an event cannot be stored", exc_info=error)
        return record(conn, bus, [replace(entries[0], item=_not_storable(item))], now)


def _not_storable(item: Candidate) -> Refusal:
    event = item.event
    problems = (_NOT_STORABLE,)
    return Refusal(422, problems, item.body_hash, event.studyid, event.type, raw=item.raw)
