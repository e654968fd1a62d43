"""Records a batch of items in one transaction: receipts, record versions, refusals, messages."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from services.ingest.intake.identity import judge
from services.ingest.intake.items import Candidate, Item, Outcome, Refusal
from services.ingest.store.batch import DeliveryKey, DeliveryRow, Known, RefusalRow, keep, look_up
from shared.contracts.envelope import Event, Fact, fact_from
from shared.contracts.reader import FieldProblem
from shared.contracts.topics import FACTS
from shared.runtime.bus import Bus, Message

_CONFLICT = FieldProblem(
    "/revision", "revision-conflict", "this revision is known with other content; both are kept"
)
_ID_REUSED = FieldProblem("/id", "id-reused", "this source has used the id for another event")


@dataclass(frozen=True, slots=True)
class Entry:
    """An item, the key that sent it, and the trace it belongs to."""

    item: Item
    key_id: str
    traceparent: str


def record(conn: Connection, bus: Bus, entries: Sequence[Entry], now: datetime) -> list[Outcome]:
    """What becomes of each entry, in order, committed with the caller's transaction.

    The caller has locked the studies first and read the clock after, so that within a study facts
    are known in the order they are published.
    """
    candidates = [entry.item for entry in entries if isinstance(entry.item, Candidate)]
    facts = [_fact(candidate.event, now) for candidate in candidates]
    books = _Books(now, look_up(conn, [_delivery(c.event) for c in candidates], facts))
    following = iter(facts)
    outcomes = [
        books.refuse(entry, entry.item, receipt)
        if isinstance(entry.item, Refusal)
        else books.judge(entry, entry.item, next(following), receipt)
        for entry, receipt in zip(entries, receipts(now), strict=False)
    ]
    keep(conn, books.deliveries, books.refusals)
    bus.publish(conn, books.messages)
    return outcomes


class _Books:
    """What is known before the batch, and the rows the batch adds."""

    def __init__(self, now: datetime, known: Known) -> None:
        self.deliveries: list[DeliveryRow] = []
        self.refusals: list[RefusalRow] = []
        self.messages: list[Message] = []
        self._now = now
        self._known = known

    def judge(self, entry: Entry, item: Candidate, fact: Fact, receipt: str) -> Outcome:
        event = item.event
        verdict = judge(self._known, _delivery(event), item.body_hash, fact, receipt)
        if verdict.result == "id-reused":
            return self.refuse(entry, _id_reused(item), receipt)
        if verdict.receipt is None:
            version = self._publish(entry, fact) if verdict.new_version else None
            self.deliveries.append(
                DeliveryRow(
                    receipt=receipt,
                    fact=fact,
                    event_id=event.id,
                    type=event.type,
                    result=verdict.result,
                    status=verdict.status,
                    received_at=self._now,
                    body_hash=item.body_hash,
                    key_id=entry.key_id,
                    fact_json=version,
                )
            )
        problems = (_CONFLICT,) if verdict.status == 409 else ()
        number = verdict.receipt or receipt
        return Outcome(verdict.status, verdict.result, number, event.studyid, problems)

    def _publish(self, entry: Entry, fact: Fact) -> str:
        """The new version as it is kept and published."""
        text = fact.model_dump_json()
        headers = {"traceparent": entry.traceparent}
        message = Message(FACTS.name, fact.study, fact.fact_id, text.encode(), headers)
        self.messages.append(message)
        return text

    def refuse(self, entry: Entry, item: Refusal, receipt: str) -> Outcome:
        self.refusals.append(
            RefusalRow(
                receipt=receipt,
                study=item.study,
                type=item.type,
                result=item.result,
                status=item.status,
                received_at=self._now,
                body_hash=item.body_hash,
                problems=item.problems,
                key_id=entry.key_id,
                body=item.raw,
            )
        )
        return Outcome(item.status, item.result, receipt, item.study, item.problems)


def receipts(now: datetime) -> Iterator[str]:
    """Receipt numbers: not to be guessed, and in order of time, which keeps their index compact."""
    prefix = f"r{int(now.timestamp() * 1000):012x}"
    while True:
        noise = secrets.token_hex(16 * 64)
        for start in range(0, len(noise), 32):
            yield prefix + noise[start : start + 32]


def _fact(event: Event, now: datetime) -> Fact:
    return fact_from(event, now if event.knowntime is None else event.knowntime.astimezone(UTC))


def _delivery(event: Event) -> DeliveryKey:
    return (event.studyid, event.source, event.id)


def _id_reused(item: Candidate) -> Refusal:
    event = item.event
    return Refusal(
        409, (_ID_REUSED,), item.body_hash, event.studyid, event.type, "id-reused", item.raw
    )
