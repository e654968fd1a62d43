"""What a number leaves open, and what a test code leaves unsaid: the questions grading asks.

Where a symptom or a second finding decides the grade (sodium of 127, neutrophils of 0.4 without a
temperature) the numeric minimum counts. The worst case is a question, once per episode, and only
where a criterion of the protocol would count it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache

from shared.clinical.analytes import is_known_test
from shared.clinical.blocks.selection import grade_for, selected_terms
from shared.clinical.case import Case
from shared.clinical.criteria import CriterionRule, HysLaw, Measurement, Toxicity
from shared.clinical.criteria.basic import parts_of
from shared.clinical.ctcae.criteria import documents
from shared.clinical.observations import Observation
from shared.clinical.runs import Run, runs_at
from shared.clinical.timeline import Entry
from shared.contracts.facts import Lab


def worst_cases(case: Case) -> Iterator[tuple[str, tuple[Entry, ...], date]]:
    """Per episode that a criterion would count at its worst: the question, the records, and up to
    when complete event records would answer it."""
    for rule, toxicity in case.protocol.toxicities:
        if toxicity.scale is None:
            for term in selected_terms(toxicity, case):
                yield from _of_term(rule, toxicity, term, case)


def _of_term(
    rule: CriterionRule, toxicity: Toxicity, term: str, case: Case
) -> Iterator[tuple[str, tuple[Entry, ...], date]]:
    if term not in case.undecided:
        return
    seen = case.observations[term]
    grade = grade_for(toxicity, term, rule.other_grades, case)
    at_worst = [one._replace(high=one.worst) if one.worst > one.high else one for one in seen]
    for run in runs_at(at_worst, grade, toxicity.grades_over_baseline or 1):
        first = _decisive(run, seen)
        if first is not None and case.place(run.first, run.last, rule.window) != "out":
            said = f"counts as grade {first.low} and may be grade {first.worst}"
            yield f"{term} of {first.first} {said}: {first.why}", run.entries, run.last_observed


def _decisive(run: Run, seen: Sequence[Observation]) -> Observation | None:
    """The first value of a stretch that reaches the grade only at its worst; None where the stretch
    counts anyway, or a report of the time says what it was."""
    within = [one for one in seen if one.entry in run.entries]
    if run.certain or any(one.reported for one in within):
        return None
    return next((one for one in within if one.high < run.needed <= one.worst), None)


def unknown_tests(case: Case) -> Iterator[tuple[str, Entry]]:
    """Laboratory tests that nothing here knows, each once, where a criterion could need them."""
    unknown: dict[str, Entry] = {}
    stated = {test for one in case.labs for test in one.tests}
    tests = {test for test in stated if not is_known_test(test)}
    for entry in (entry for one in case.labs if tests for entry in one.entries):
        if entry.test in tests:
            unknown.setdefault(entry.test or f"LOINC {_loinc(entry)}", entry)
    criteria = case.protocol.dlt.criteria
    if unknown and _reads_laboratory(case.protocol.ctcae, criteria):
        named = {one.testcd for rule in criteria for one in parts_of(rule, Measurement)}
        for code in unknown.keys() - named:
            text = f"{code} is not a known test: it is not graded and no criterion sees it"
            yield text, unknown[code]


def _loinc(entry: Entry) -> str | None:
    assert isinstance(entry.record, Lab)
    return entry.record.LBLOINC


def _reads_laboratory(ctcae: str, criteria: Iterable[CriterionRule]) -> bool:
    """Whether some criterion could be met by a laboratory value."""
    return any(
        any(parts_of(rule, HysLaw))
        or any(one.domain == "lab" for one in parts_of(rule, Measurement))
        or any(_may_be_measured(ctcae, one) for one in parts_of(rule, Toxicity))
        for rule in criteria
    )


def _may_be_measured(ctcae: str, toxicity: Toxicity) -> bool:
    if not toxicity.terms:
        return True
    return not _laboratory_terms(ctcae).isdisjoint(toxicity.terms)


@cache
def _laboratory_terms(ctcae: str) -> frozenset[str]:
    return frozenset(
        one.term
        for document in documents(ctcae)
        if document.domain == "lab"
        for one in document.criteria
    )
