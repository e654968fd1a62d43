"""Wording that can be read in two ways: refused with both readings, never guessed.

"Greater than grade 3" may mean 3 or 4; "for 7 days" may mean the 7th or the 8th. Where a document
says such a thing, or its sentence for people says otherwise than its numbers, a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.clinical.analytes import is_known_test
from shared.clinical.criteria import CriterionRule, Measurement, placed
from shared.document import Document, Finding, Path

if TYPE_CHECKING:
    from shared.clinical.protocol import Protocol

_ABOVE_GRADE = re.compile(
    r"(?:above|over|exceed\w*|(?:great|high|more|wors)\w*\s+than|>)\s*grade\s*([1-5])(?!\s*(?:or|and))"
    r"|grade\s*>\s*([1-5])",
    re.IGNORECASE,
)
_GRADES = re.compile(
    r"\bgrades?\s*(?:>=|≥|=|<=|≤)?\s*([1-5])(?:\s*(?:-|–|/|to|or|and)\s*([1-5]))?", re.I
)
_DAYS = re.compile(
    r"(more than|longer than|over|at least|>=|≥|>|for)\s*(\d+)\s*(?:consecutive\s+)?days?"
    r"(\s*or (?:more|longer))?",
    re.IGNORECASE,
)
_MORE, _LEAST = ("more than", "longer than", "over", ">"), ("at least", ">=", "≥")
_LENGTH = "say for_more_than_days: 7 (needs the 8th day) or for_at_least_days: 7 (the 7th)"
_KEYS = {
    "for_days": _LENGTH,
    "days": _LENGTH,
    "duration": _LENGTH,
    "duration_days": _LENGTH,
    "lasting_days": _LENGTH,
    "within": "say within_days (calendar days) or within_hours (hours)",
    "attributable": "say attribution: {to_any_of, wordings or group, any_cause}",
    "related": "say attribution: {to_any_of, wordings or group, any_cause}",
}
"""Keys people write that leave open what they mean."""


def clearer(document: Document, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, with both readings where what was written has two."""
    return tuple(_clearer(document, finding) for finding in findings)


def _clearer(document: Document, finding: Finding) -> Finding:
    name = finding.path.rpartition(".")[2]
    value = _value(document.value, finding.path.split("."))
    if name in _KEYS and finding.problem.startswith("Extra"):
        return replace(finding, problem=f"{name} is ambiguous", remedy=_KEYS[name])
    if name in ("grade", "to_grade", "up_to_grade") and isinstance(value, str):
        remedy = "write one number: grade: 3 means grade 3 or higher, grade: 4 means above grade 3"
        return replace(finding, problem=f"grade {value!r} is ambiguous", remedy=remedy)
    if name.endswith(("_day", "_days", "_hours")) and isinstance(value, str):
        problem = f"{value!r} is ambiguous"
        return replace(finding, problem=problem, remedy="write a whole number: 4 weeks are 28 days")
    return finding


def _value(value: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def doubts(document: Document, protocol: Protocol) -> list[Finding]:
    """What loads and is worth a look: sentences that name other grades than their criterion, and
    tests the tables do not hold, which may be misspelt."""
    found = []
    for index, rule in enumerate(protocol.dlt.criteria):
        path: Path = ("dlt", "criteria", index)
        for problem, remedy in _other_grades(rule):
            found.append(document.finding((*path, "text"), problem, remedy))
        for place, measurement in placed(rule, Measurement, path):
            if not is_known_test(measurement.testcd):
                problem = f"{measurement.testcd} is no test code of the tables"
                remedy = "check its spelling: it must be the code that the laboratory sends"
                found.append(document.finding((*place, "testcd"), problem, remedy))
    return found


def check_wording(document: Document, protocol: Protocol) -> list[Finding]:
    """Criteria whose sentence has two readings, or says otherwise than their numbers."""
    return [
        document.finding(("dlt", "criteria", index, "text"), problem, remedy)
        for index, rule in enumerate(protocol.dlt.criteria)
        for problem, remedy in (*_grade(rule), *_length(rule))
    ]


def _grade(rule: CriterionRule) -> Iterator[tuple[str, str]]:
    if rule.toxicity is None:
        return
    grade = rule.toxicity.grade
    above = {int(one or two) for one, two in _ABOVE_GRADE.findall(rule.text)}
    if grade in above:
        yield (
            f"above grade {grade} is ambiguous: it may mean grade {grade} or grade {grade + 1}",
            f"ask the study team and write 'grade {grade} or higher', or grade: {grade + 1}",
        )


def _other_grades(rule: CriterionRule) -> Iterator[tuple[str, str]]:
    if rule.toxicity is None:
        return
    grade = rule.toxicity.grade
    said = {int(one) for pair in _GRADES.findall(rule.text) for one in pair if one}
    meant = {grade, *(other.grade for other in rule.other_grades)}
    if said and not said & meant and f"above grade {grade - 1}" not in rule.text.lower():
        grades = " and ".join(map(str, sorted(said)))
        yield f"the text says grade {grades}, the criterion grade {grade}", "correct one of the two"


def _length(rule: CriterionRule) -> Iterator[tuple[str, str]]:
    lasting = rule.subject
    if lasting is None:
        return
    more, least = lasting.for_more_than_days, lasting.for_at_least_days
    if more is None and least is None:
        return
    for word, number, or_more in _DAYS.findall(rule.text.lower()):
        days = int(number)
        if days not in (more, least):
            continue
        if word == "for" and not or_more:
            yield f"'for {days} days' is ambiguous", f"write 'more than' or 'at least {days} days'"
        elif (word in _MORE and days != more) or ((word in _LEAST or or_more) and days != least):
            yield f"the text says {word} {days} days, the criterion not", "correct one of the two"
