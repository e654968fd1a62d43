"""What named persons have judged: which confirmations stand, what a rejection covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from shared.clinical.case import RANK, Case, Trigger
from shared.clinical.criteria import ADJUDICATORS
from shared.clinical.criteria.conditions import roles_named
from shared.clinical.person import Person
from shared.clinical.protocol import Protocol
from shared.clinical.questions import Findings
from shared.clinical.timeline import Entry, latest
from shared.contracts.assessment import CriterionResult
from shared.contracts.facts import AdverseEvent, DltReview


@dataclass(frozen=True)
class Review:
    """The latest judgement on one criterion; ``saw``: up to when the person can have seen facts."""

    record: DltReview
    entry: Entry
    saw: datetime


def reviews_of(person: Person) -> dict[str, Review]:
    """The judgement that counts for each criterion: the one decided last, and of two contents of
    one record the confirmation."""
    found: list[tuple[tuple[date, datetime, str], Review]] = []
    for one in person.of("dlt_review"):
        judged = [(entry, entry.record) for entry in one.entries]
        confirmed = any(isinstance(r, DltReview) and r.decision == "DLT" for _, r in judged)
        for entry, record in judged:
            assert isinstance(record, DltReview)
            if not _may_decide(person.protocol, record):
                continue
            if confirmed and record.decision != "DLT":
                continue
            rank = (_decided(entry, person), entry.fact.known_at, entry.fact.fact_id)
            saw = min(entry.fact.known_at, entry.instants(person.zone)[1])
            found.append((rank, Review(record, entry, saw)))
    found.sort(key=lambda item: item[0])
    return {review.record.criterion_id: review for _, review in found}


def _decided(entry: Entry, person: Person) -> date:
    """The day of a judgement, not after it was known; of a day that is not certain the last for a
    confirmation and the first for a rejection."""
    assert isinstance(entry.record, DltReview)
    first, last = entry.dates(person.zone)
    known = entry.fact.known_at.astimezone(person.zone).date()
    return min(known, last if entry.record.decision == "DLT" else first)


def deciders(protocol: Protocol, criterion: str) -> frozenset[str]:
    """The roles in which a person may decide a criterion: those it names, or else every one of the
    protocol's adjudicators; and the board of adjudicators where the protocol has one."""
    rules = [rule for rule in protocol.dlt.criteria if rule.id == criterion]
    named = {role for rule in rules for role in roles_named(rule)} - {ADJUDICATORS}
    return frozenset(
        (named or set(protocol.adjudicators)) | ({ADJUDICATORS} & set(protocol.adjudicators))
    )


def _may_decide(protocol: Protocol, record: DltReview) -> bool:
    """A review that states no role is the board's. A confirmation counts whoever gives it: it errs
    on the safe side."""
    role = record.role or ADJUDICATORS
    return record.decision == "DLT" or role in deciders(protocol, record.criterion_id)


def ask_roles(person: Person, found: Findings) -> None:
    """Ask about judgements in a role that may not give them: they decide nothing."""
    for one in person.of("dlt_review"):
        for entry in one.entries:
            record = entry.record
            assert isinstance(record, DltReview)
            if not _may_decide(person.protocol, record):
                roles = " or ".join(sorted(deciders(person.protocol, record.criterion_id)))
                text = f"{record.criterion_id}: a review by {record.role or ADJUDICATORS} decides"
                found.ask("doubtful", f"{text} nothing; the protocol asks for {roles}", (entry,))


def rejects(
    review: Review | None,
    trigger: Trigger,
    results_at: Callable[[datetime], dict[str, CriterionResult]],
) -> bool:
    """A rejection covers what the person could see: anything known later is a new candidate, and
    so is a criterion that was open then and is met now."""
    if review is None or review.record.decision != "NOT_DLT":
        return False
    known = latest(trigger.entries)
    if known is None or known > review.saw:
        return False
    then = results_at(review.entry.fact.known_at).get(review.record.criterion_id, "not_met")
    return RANK[trigger.result] <= RANK[then]


def claims(case: Case, reviews: Mapping[str, Review]) -> list[Trigger]:
    """Events in the window that the investigator calls a DLT (AEDLT) and nobody has judged since:
    where no criterion finds them, it is a person who decides."""
    found = []
    for entry in (entry for one in case.events for entry in one.entries):
        event = entry.record
        assert isinstance(event, AdverseEvent)
        seen = any(review.saw >= entry.fact.known_at for review in reviews.values())
        first, last = entry.dates(case.zone)
        if event.AEDLT == "Y" and not seen and case.place(first, last) != "out":
            why = "the investigator calls an event a DLT that no criterion finds: a person decides"
            found.append(Trigger("open", first, last, why, (entry,)))
    return found


def confirmations(
    reviews: dict[str, Review],
    current: Mapping[str, CriterionResult],
    results_at: Callable[[datetime], dict[str, CriterionResult]],
) -> list[Review]:
    """Confirmations that stand: the criterion still bites, or the person never needed it to."""
    standing = []
    for criterion, review in reviews.items():
        if review.record.decision != "DLT":
            continue
        if current.get(criterion, "not_met") == "not_met":
            then = results_at(review.entry.fact.known_at).get(criterion, "not_met")
            if then != "not_met":
                continue
        standing.append(review)
    return standing
