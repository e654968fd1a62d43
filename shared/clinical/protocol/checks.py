"""Faults of a protocol that its shape alone can't show: names, terms and grades that must exist."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.clinical.criteria import (
    CriterionRule,
    Exclusion,
    Exemption,
    Measurement,
    OtherGrade,
    Toxicity,
    placed,
)
from shared.clinical.ctcae import versions
from shared.clinical.protocol.design import check_design
from shared.clinical.protocol.parts import DoseLevel
from shared.clinical.protocol.reach import check_reach
from shared.clinical.protocol.references import check_roles, check_windows, check_words
from shared.clinical.protocol.safety import check_safety
from shared.clinical.protocol.stopping import check_stopping
from shared.clinical.protocol.wording import check_wording
from shared.clinical.term_findings import grade_findings, term_findings
from shared.document import Document, Finding, Path

if TYPE_CHECKING:
    from shared.clinical.protocol import Protocol


def check_protocol(document: Document, protocol: Protocol) -> list[Finding]:
    """Every fault of a document that has the right shape."""
    if protocol.ctcae not in versions():
        known = ", ".join(versions())
        remedy = f"write one of {known}"
        return [document.finding(("ctcae",), "unknown CTCAE version", remedy)]
    found = _check_names(document, protocol) + check_windows(document, protocol)
    found += check_design(document, protocol) + check_stopping(document, protocol)
    for index, stopping in enumerate(protocol.stopping):
        found += _check_rule(document, protocol, ("stopping", index), stopping)
    found += check_roles(document, protocol) + check_reach(document, protocol)
    found += check_wording(document, protocol)
    found += _check_places(document, protocol) + check_safety(document, protocol)
    for group, terms in protocol.term_groups.items():
        found += term_findings(document, protocol.ctcae, ("term_groups", group), terms)
    seen: set[str] = set()
    for index, rule in enumerate(protocol.dlt.criteria):
        path = ("dlt", "criteria", index)
        if rule.id in seen:
            found.append(document.finding((*path, "id"), "the id occurs twice", "make it unique"))
        seen.add(rule.id)
        found += _check_rule(document, protocol, path, rule)
    return found


def _check_names(document: Document, protocol: Protocol) -> list[Finding]:
    found: list[Finding] = []
    levels = [dose.level for dose in protocol.doses]
    if levels != list(range(1, len(levels) + 1)):
        found.append(document.finding(("doses",), "levels do not count 1, 2, 3, ...", "renumber"))
    for name in (protocol.window.day_1_is_first_dose_of, *protocol.evaluability.treatments):
        if name not in protocol.treatments:
            remedy = "add it to treatments"
            found.append(document.finding(("treatments",), f"{name} is not listed", remedy))
    if "escalation" not in protocol.counted_parts:
        problem = "the escalation itself is not counted"
        found.append(document.finding(("counted_parts",), problem, "add escalation"))
    for group, terms in protocol.term_groups.items():
        if not terms:
            path = ("term_groups", group)
            found.append(document.finding(path, "the group holds no term", "fill or remove it"))
    related, unrelated = (
        {word.upper() for word in words}
        for words in (protocol.attribution.related, protocol.attribution.not_related)
    )
    if related & unrelated:
        problem = "a wording is in both lists"
        found.append(document.finding(("attribution",), problem, "keep it in one"))
    return found


def _check_places(document: Document, protocol: Protocol) -> list[Finding]:
    """Doses of a combination and arms that contradict themselves."""
    found: list[Finding] = []
    seen: dict[str, str] = {}
    for name, arm in protocol.arms.items():
        for cohort in arm.cohorts:
            if cohort in seen:
                problem = f"cohort {cohort} is in the arms {seen[cohort]} and {name}"
                found.append(document.finding(("arms", name), problem, "keep it in one"))
            seen[cohort] = name
    named = {tuple(sorted(dose.gives)) for dose in protocol.doses}
    if len(named) > 1:
        problem = "the dose levels don't give the same treatments"
        found.append(document.finding(("doses",), problem, "say each treatment at each level"))
        return found
    for index, (lower, dose) in enumerate(pairwise(protocol.doses), start=1):
        for name in sorted(set(dose.gives) - set(protocol.treatments)):
            path = ("doses", index, "gives", name)
            found.append(document.finding(path, f"{name} is not listed", "add it to treatments"))
        if dose.gives and not any(_rises(lower, dose, name) for name in dose.gives):
            problem = f"level {dose.level} is no higher dose than level {lower.level}"
            found.append(document.finding(("doses", index), problem, "correct what it gives"))
    return found


def _rises(lower: DoseLevel, upper: DoseLevel, treatment: str) -> bool:
    """Whether a treatment's dose rises; between units nobody can tell, and nothing is refused."""
    (before, unit), (after, other) = (one.gives[treatment].split() for one in (lower, upper))
    return unit != other or Decimal(after) > Decimal(before)


def _check_rule(
    document: Document, protocol: Protocol, path: Path, rule: CriterionRule
) -> list[Finding]:
    found: list[Finding] = []
    for place, toxicity in placed(rule, Toxicity, path):
        found += term_findings(document, protocol.ctcae, (*place, "terms"), toxicity.terms)
        for group in (toxicity.group, toxicity.not_in_group):
            found += _check_group(document, protocol, place, group)
        if toxicity.scale is None:
            found += _check_grade(document, protocol, place, toxicity)
    for place, other in placed(rule, OtherGrade, path):
        found += term_findings(document, protocol.ctcae, (*place, "terms"), other.terms)
        found += _check_grade(document, protocol, place, other)
        found += _check_group(document, protocol, place, other.group)
    for place, scope in placed(rule, Exclusion, path):
        found += term_findings(document, protocol.ctcae, (*place, "terms"), scope.terms)
        found += _check_group(document, protocol, place, scope.group)
        found += _check_exemption(document, place, rule, scope)
    for place, measurement in placed(rule, Measurement, path):
        names = (measurement.reported_as,) if measurement.reported_as else ()
        found += term_findings(document, protocol.ctcae, (*place, "reported_as"), names)
    found += check_words(document, protocol, path, rule)
    if rule.delay and rule.delay.treatment not in protocol.treatments:
        found.append(document.finding(path, "the delayed treatment is not listed", "add it"))
    return found


def _check_grade(
    document: Document, protocol: Protocol, path: Path, toxicity: Toxicity | OtherGrade
) -> list[Finding]:
    """Each term named must have the grade; of a group, one term is enough."""
    ctcae, grade = protocol.ctcae, toxicity.grade
    found = grade_findings(document, ctcae, (*path, "terms"), toxicity.terms, grade)
    members = protocol.term_groups.get(toxicity.group or "", ())
    lacking = grade_findings(document, ctcae, path, members, grade)
    if members and len(lacking) == len(members):
        problem = f"no term of {toxicity.group} has grade {grade} or higher in CTCAE {ctcae}"
        remedy = "correct the grade: it can never be met"
        found.append(document.finding((*path, "grade"), problem, remedy))
    return found


def _check_exemption(
    document: Document, path: Path, rule: CriterionRule, exemption: Exclusion
) -> list[Finding]:
    """An exemption that always holds, or never."""
    found: list[Finding] = []
    if rule.toxicity is None:
        return found
    lowest = min(rule.toxicity.grade, *(other.grade for other in rule.other_grades), 5)
    improves = exemption.improves if isinstance(exemption, Exemption) else None
    if improves is not None and improves.to_grade is not None and improves.to_grade >= lowest:
        problem = f"back to grade {improves.to_grade} is no improvement"
        found.append(document.finding(path, problem, f"name a grade below {lowest}"))
    if exemption.up_to_grade < lowest:
        problem = f"an exemption up to grade {exemption.up_to_grade} never applies"
        found.append(document.finding(path, problem, f"name grade {lowest} or higher"))
    return found


def _check_group(
    document: Document, protocol: Protocol, path: Path, name: str | None
) -> list[Finding]:
    if name is None or name in protocol.term_groups:
        return []
    return [document.finding(path, f"{name} is no term group", "define it under term_groups")]
