"""Faults of criteria that only show against the rest of the protocol: names that must be defined,
and words that could never have an effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.clinical.criteria.basic import Lasting, Part, Toxicity, parts_of
from shared.clinical.criteria.conditions import (
    ADJUDICATORS,
    Condition,
    Exclusion,
    Improvement,
    roles_named,
)
from shared.clinical.criteria.rules import Cause, CriterionRule, HeldBy
from shared.document import Document, Finding, Path

if TYPE_CHECKING:
    from shared.clinical.protocol import Protocol

Fault = tuple[str, str]
"""What is wrong, and what to do about it."""


def check_windows(document: Document, protocol: Protocol) -> list[Finding]:
    """Treatments and names of the windows and of the attribution by drug."""
    named = [(("windows", name), one) for name, one in protocol.windows.items()]
    treatments: list[tuple[Path, str]] = [
        (path, window.day_1_is_first_dose_of) for path, window in named
    ]
    extension = protocol.window.extended_to_first_dose
    if extension is not None:
        treatments.append((("window", "extended_to_first_dose"), extension.of))
    if protocol.next_dose is not None:
        treatments.append((("next_dose",), protocol.next_dose.treatment))
    by_drug = protocol.attribution.by_drug.items()
    treatments += [(("attribution", field), name) for field, name in by_drug]
    unknown = [
        document.finding(path, f"{name} is not listed", "add it to treatments")
        for path, name in treatments
        if name not in protocol.treatments
    ]
    used = {rule.window for rule in protocol.dlt.criteria}
    unused = [
        document.finding(path, f"no criterion names the window {path[1]}", "name or remove it")
        for path, _ in named
        if path[1] not in used
    ]
    return unknown + unused


def check_roles(document: Document, protocol: Protocol) -> list[Finding]:
    """Roles that something is left to and nobody has, and groups of wordings nobody can mean."""
    found = [
        document.finding(
            ("dlt", "criteria", index),
            f"nobody is named who adjudicates as {role}",
            f"add {role} to adjudicators, or name one of {', '.join(protocol.adjudicators)}",
        )
        for index, rule in enumerate(protocol.dlt.criteria)
        for role in sorted(set(roles_named(rule)) - {*protocol.adjudicators, ADJUDICATORS})
    ]
    rule = protocol.attribution
    known = {word.upper() for word in (*rule.related, *rule.not_related)}
    for name, words in rule.groups.items():
        for word in words:
            if word.upper() not in known:
                path, problem = ("attribution", "groups", name), f"{word!r} is in neither list"
                found.append(document.finding(path, problem, "add it to related or not_related"))
    return found


def check_words(
    document: Document, protocol: Protocol, path: Path, rule: CriterionRule
) -> list[Finding]:
    """What one criterion refers to and the protocol lacks."""
    return [document.finding(path, *fault) for fault in _faults(protocol, rule)]


def _faults(protocol: Protocol, rule: CriterionRule) -> Iterator[Fault]:
    if rule.window is not None and rule.window not in protocol.windows:
        yield f"{rule.window} is no window", "define it under windows"
    for arm in set(rule.arms) - set(protocol.arms):
        yield f"{arm} is no arm", "define it under arms"
    for treatment in _treatments(rule):
        if treatment not in protocol.treatments:
            yield f"{treatment} is not listed", "add it to treatments"
    if rule.attribution is not None:
        yield from _causes(protocol, rule.attribution)
    if protocol.next_dose is None and any(map(_asks_next_dose, parts_of(rule, Part))):
        yield "the planned date of the next dose is not defined", "define next_dose"
    for toxicity in parts_of(rule, Toxicity):
        if toxicity.scale is not None and toxicity.scale not in protocol.scales:
            yield f"{toxicity.scale} is no scale", "define it under scales"
    yield from _without_effect(rule)


def _causes(protocol: Protocol, cause: Cause) -> Iterator[Fault]:
    groups, drugs = protocol.attribution.groups, set(protocol.attribution.by_drug.values())
    if cause.group is not None and cause.group not in groups:
        yield f"{cause.group} is no group of wordings", "define it under attribution: groups"
    for treatment in cause.to_any_of:
        if treatment not in drugs:
            problem = f"no field of a report speaks of {treatment}"
            yield problem, "name it under attribution: by_drug"


def _treatments(rule: CriterionRule) -> tuple[str, ...]:
    named = rule.dosing.treatments if rule.dosing else ()
    return named + (rule.attribution.to_any_of if rule.attribution else ())


def _asks_next_dose(part: Part) -> bool:
    if isinstance(part, Improvement):
        return part.by_next_dose or part.since == "planned_next_dose"
    return isinstance(part, Lasting) and part.still_at_next_dose


def _without_effect(rule: CriterionRule) -> Iterator[Fault]:
    """An exclusion of everything, a grade stated twice, a length where only a moment is looked
    at."""
    if rule.toxicity is not None and any(_everything(one) for one in rule.excluded):
        yield "the exclusion takes out everything", "name terms or a lower grade"
    if rule.toxicity is not None:
        for other in rule.other_grades:
            if other.grade == rule.toxicity.grade:
                yield "another grade equals the criterion's grade", "remove or correct it"
    timed = [one.toxicity or one.measurement for one in parts_of(rule, HeldBy)]
    timed += [one.toxicity or one.measurement for one in parts_of(rule, Condition)]
    if any(isinstance(one, Lasting) and _says_length(one) for one in timed):
        yield "a length has no effect here", "move it to the criterion's own toxicity"


def _everything(exclusion: Exclusion) -> bool:
    return not exclusion.named and exclusion.up_to_grade == 5 and not exclusion.but_not_if_any


def _says_length(part: Lasting) -> bool:
    return any(getattr(part, name) for name in Lasting.model_fields)
