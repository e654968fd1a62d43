"""What named persons have judged: which confirmations stand, what a rejection covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.clinical.dlt import Trigger
from shared.clinical.person import Person
from shared.clinical.timeline import Entry, latest
from shared.contracts.assessment import CriterionResult
from shared.contracts.facts import DltReview


@dataclass(frozen=True)
class Review:
    """The latest judgement on one criterion."""

    record: DltReview
    entry: Entry


def reviews_of(person: Person) -> dict[str, Review]:
    latest_first: dict[str, tuple[tuple[str, datetime, str], Review]] = {}
    for one in person.of("dlt_review"):
        for entry in one.entries:
            record = entry.record
            if isinstance(record, DltReview):
                rank = (record.decided_dtc, entry.fact.known_at, entry.fact.fact_id)
                if (
                    record.criterion_id not in latest_first
                    or rank > latest_first[record.criterion_id][0]
                ):
                    latest_first[record.criterion_id] = (rank, Review(record, entry))
    return {criterion: review for criterion, (_, review) in latest_first.items()}


def rejects(review: Review | None, trigger: Trigger) -> bool:
    """A rejection covers what the person could see; anything known later is a new candidate."""
    if review is None or review.record.decision != "NOT_DLT":
        return False
    known = latest(trigger.entries)
    return known is not None and known <= review.entry.fact.known_at


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
