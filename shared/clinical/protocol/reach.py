"""Criteria that contradict themselves, or could never decide anything.

Each of these would load, and a physician reading quickly would believe that it protects somebody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from shared.clinical.criteria.basic import Lasting, Toxicity, Words, parts_of
from shared.clinical.criteria.conditions import Condition, Exclusion, Exemption
from shared.clinical.criteria.rules import CriterionRule, Delay
from shared.clinical.criteria.windows import NextDose
from shared.document import Document, Finding

if TYPE_CHECKING:
    from shared.clinical.protocol import Protocol

Fault = tuple[str, str]


def check_reach(document: Document, protocol: Protocol) -> list[Finding]:
    """Every criterion that can't be met, or can't be escaped as it says."""
    found = []
    rules = protocol.dlt.criteria
    for index, rule in enumerate(rules):
        faults = [*_alone(rule, protocol.term_groups), *_beside(rule, rules, protocol)]
        found += [document.finding(("dlt", "criteria", index), *fault) for fault in faults]
    return found


def _alone(rule: CriterionRule, groups: Mapping[str, Words]) -> Iterator[Fault]:
    """What a criterion says against itself."""
    for toxicity in parts_of(rule, Toxicity):
        if toxicity.grade == 5 and _days(toxicity):
            yield "a death has no duration", "leave the length out"
    if rule.count is not None and rule.count.distinct_terms:
        terms = rule.count.toxicity.terms
        if terms and len(terms) < rule.count.at_least:
            problem = f"{rule.count.at_least} different terms are asked for and {len(terms)} named"
            yield problem, "name more terms, or ask for fewer"
    if rule.toxicity is None:
        return
    for scope in (*rule.excluded, *rule.unless):
        yield from _scope(rule.toxicity, scope, groups)
    for exemption in rule.unless:
        yield from _too_late(rule.toxicity, exemption)
        if _asked(rule) & _excused(exemption):
            yield "it is excused by the very thing it asks for", "remove one of the two"


def _asked(rule: CriterionRule) -> set[str]:
    """What must hold for the criterion, as comparable text."""
    needed = rule.only_if + (rule.together_with_any if len(rule.together_with_any) == 1 else ())
    return {one.model_dump_json(exclude={"role"}) for one in needed}


def _excused(exemption: Exemption) -> set[str]:
    """What alone excuses, likewise."""
    alone = exemption.all_of if len(exemption.all_of) == 1 else ()
    if exemption.judgement is not None:
        alone = (*alone, Condition(judgement=exemption.judgement))
    if exemption.improves is not None:
        alone = (*alone, Condition(improves=exemption.improves))
    return set() if exemption.named else {one.model_dump_json(exclude={"role"}) for one in alone}


def _scope(toxicity: Toxicity, scope: Exclusion, groups: Mapping[str, Words]) -> Iterator[Fault]:
    """An exclusion or exemption of what the criterion does not count, or of all it counts."""
    named = {*scope.terms, *groups.get(scope.group or "", ())}
    counted = {*toxicity.terms, *groups.get(toxicity.group or "", ())}
    outside = groups.get(toxicity.not_in_group or "", ())
    idle = {term for term in named if term in outside or (counted and term not in counted)}
    if named and idle == named:
        what = " and ".join(sorted(idle))
        yield f"{what} is excepted, and the criterion does not count it", "remove the exception"
    whole = counted and counted <= named and scope.up_to_grade == 5 and not scope.but_not_if_any
    if whole and not isinstance(scope, Exemption):
        yield "everything the criterion counts is excepted", "remove one of the two"


def _too_late(toxicity: Toxicity, exemption: Exemption) -> Iterator[Fault]:
    """An improvement asked for before the criterion's own duration is over."""
    improves, lasts = exemption.improves, _days(toxicity)
    if improves is None or lasts is None or improves.since != "grade":
        return
    within = improves.within_days
    if improves.within_hours is not None:
        within = improves.within_hours // 24
    below = improves.recovers or improves.by_grades is not None or improves.to_grade is not None
    if within is not None and below and within < lasts - 1:
        yield (
            f"it is excused by an improvement within {within} days, and only counts after {lasts}",
            "correct one of the two: the exemption never applies",
        )


def _days(part: Lasting) -> int | None:
    """The first day of a stretch on which its length is reached."""
    if part.for_more_than_days is not None:
        return part.for_more_than_days + 1
    return part.for_at_least_days


def _beside(
    rule: CriterionRule, rules: Sequence[CriterionRule], protocol: Protocol
) -> Iterator[Fault]:
    """What a criterion says against another one, or after it."""
    for other in rules:
        yield from _planned_otherwise(rule.delay, other.delay, other.id)
    yield from _planned_otherwise(rule.delay, protocol.next_dose, "next_dose")


def _planned_otherwise(
    delay: Delay | None, other: Delay | NextDose | None, name: str
) -> Iterator[Fault]:
    """The same dose planned for another day."""
    if delay is None or other is None or delay.planned_day == other.planned_day:
        return
    if (delay.treatment, delay.cycle) == (other.treatment, other.cycle):
        yield f"{name} plans the same dose for day {other.planned_day}", "correct one of the two"
