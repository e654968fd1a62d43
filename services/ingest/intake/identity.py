"""What an arriving event is: new, repeated, late, restored, or in conflict with what is known.

The answer may depend on what came before; what is kept never does: every version with content not
seen before is kept and published, so that the facts are the same in whatever order they arrive.
"""

from dataclasses import dataclass

from services.ingest.store.batch import DeliveryKey, Head, Known, KnownDelivery
from shared.contracts.envelope import Fact
from shared.contracts.receipts import IngestResult

CONFLICT: IngestResult = "revision-conflict"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`receipt` is that of an earlier delivery of the same event; `new_version`: to be kept."""

    result: IngestResult
    status: int
    receipt: str | None = None
    new_version: bool = False


def judge(known: Known, delivery: DeliveryKey, body_hash: str, fact: Fact, receipt: str) -> Verdict:
    """Judges one event and adds it to what is known, for the events after it in the batch."""
    before = known.deliveries.get(delivery)
    if before is not None:
        return _again(before, body_hash)
    verdict = _version(known, fact)
    known.deliveries[delivery] = KnownDelivery(receipt, body_hash, verdict.result)
    if verdict.new_version:
        _remember(known, fact, verdict.result)
    return verdict


def _again(before: KnownDelivery, body_hash: str) -> Verdict:
    if before.body_hash != body_hash:
        return Verdict("id-reused", 409)
    return _repeated(before.result, before.receipt)


def _repeated(first: str, receipt: str | None) -> Verdict:
    """A repetition succeeds, unless the sender still has to hear that revisions conflict."""
    if first == CONFLICT:
        return Verdict(CONFLICT, 409, receipt)
    return Verdict("duplicate", 200, receipt)


def _version(known: Known, fact: Fact) -> Verdict:
    first = known.versions.get(fact.fact_id)
    if first is not None:
        return _repeated(first, None)
    if fact.revision is not None and (fact.record, fact.revision) in known.taken:
        return Verdict(CONFLICT, 409, new_version=True)
    return Verdict(_place(known.heads.get(fact.record), fact), 202, new_version=True)


def _place(head: Head | None, fact: Fact) -> IngestResult:
    if head is None:
        return "tombstone" if fact.op == "delete" else "accepted"
    if fact.version < head.version:
        return "superseded"
    if head.op == "delete" and fact.op == "upsert":
        return "restored"
    return "accepted"


def _remember(known: Known, fact: Fact, result: IngestResult) -> None:
    known.versions[fact.fact_id] = result
    head = known.heads.get(fact.record)
    if head is None or fact.version > head.version:
        known.heads[fact.record] = Head(fact.version, fact.op)
    if fact.revision is not None:
        known.taken.add((fact.record, fact.revision))
