"""A subject's graded results, as they are published: one per standing record version and term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from functools import partial
from itertools import chain
from zoneinfo import ZoneInfo

from shared.clinical.courses import Panel
from shared.clinical.ctcae import Graded
from shared.clinical.measured import GradedSample
from shared.clinical.person import Person
from shared.clinical.timeline import (
    Entry,
    Standing,
    highest_possible,
    latest,
    worst_reported,
)
from shared.clinical.toxicity import reported_grade
from shared.contracts.envelope import sha256
from shared.contracts.facts import AdverseEvent
from shared.contracts.graded import GradedResult

_EXACT = Context(prec=60)


def graded_results(person: Person) -> Iterator[GradedResult]:
    """The grades of everything measured of and reported about a subject."""
    return chain.from_iterable(results_by_panel(person))


def results_by_panel(person: Person) -> Iterator[tuple[GradedResult, ...]]:
    """The same, panel by panel and the reports last: of a panel that is unchanged the same object
    again."""
    for panel in person.panels():
        if panel.results is None:
            panel.results = tuple(_measured_in(panel, person.zone))
        yield panel.results
    yield tuple(_reports(person, person.of("adverse_event")))


def _measured_in(panel: Panel, zone: ZoneInfo) -> Iterator[GradedResult]:
    for content in chain.from_iterable(panel.graded.values()):
        if content:
            work = partial(_measured, zone, content)
            yield from content[0].sample.entry.remembered("results", (zone, content), work)


def _measured(zone: ZoneInfo, content: Sequence[GradedSample]) -> tuple[GradedResult, ...]:
    return tuple(_result(zone, graded) for graded in content)


def _result(zone: ZoneInfo, graded: GradedSample) -> GradedResult:
    sample, answer, entry = graded.sample, graded.answer, graded.sample.entry
    is_graded, derived = isinstance(answer, Graded), sample.derived
    basis = [entry, *graded.others]
    if graded.baseline is not None:
        basis += [graded.baseline.entry, *graded.baseline.others]
    return GradedResult(
        id=_id(entry, graded.name),
        study=entry.fact.study,
        usubjid=entry.fact.subject,
        term=answer.term,
        ctcae=answer.ctcae,
        basis="derived" if derived else "measured",
        test=sample.value.testcd,
        direction=answer.direction,
        grade_low=answer.low if is_graded else None,
        grade_high=answer.high if is_graded else None,
        not_gradable=None if isinstance(answer, Graded) else answer.reason,
        range_because=answer.reason if isinstance(answer, Graded) else None,
        limit=answer.limit,
        unit_system=answer.unit_system,
        margin=_plain(answer.margin) if isinstance(answer, Graded) else None,
        why=graded.why,
        before_treatment=graded.before,
        occurred=entry.dates(zone)[0],
        known_at=latest(basis) or entry.fact.known_at,
        evidence=entry.evidence,
        derived_from=derived.inputs if derived else (),
        formula=derived.formula.name if derived else None,
        beside=tuple(one.evidence for one in graded.others),
        baseline=graded.baseline.entry.evidence if graded.baseline else None,
    )


def _reports(person: Person, events: Sequence[Standing]) -> Iterator[GradedResult]:
    """The investigator's grades, the worst of each report, with what is doubtful about them."""
    for entry in (entry for one in events for entry in one.entries):
        record = entry.record
        assert isinstance(record, AdverseEvent)
        found = reported_grade(person.protocol.ctcae, record)
        low, high = worst_reported(record), highest_possible(record)
        said = f"reported grade {low}" if low == high else f"reported grade {low} to {high}"
        yield GradedResult(
            id=_id(entry, "reported"),
            study=entry.fact.study,
            usubjid=entry.fact.subject,
            term=found.term,
            ctcae=found.ctcae,
            basis="reported",
            grade_low=low,
            grade_high=high,
            not_gradable=None,
            why="; ".join([said, *(doubt.text for doubt in found.doubts)]),
            occurred=entry.dates(person.zone)[0],
            known_at=entry.fact.known_at,
            evidence=entry.evidence,
        )


def _id(entry: Entry, name: str) -> str:
    return sha256(f"{entry.fact.fact_id}|{name}")[:32]


def _plain(margin: Fraction | None) -> str | None:
    """Exact: a decimal where it ends, else a fraction."""
    if margin is None:
        return None
    decimal = _EXACT.divide(Decimal(margin.numerator), Decimal(margin.denominator))
    return f"{decimal:f}" if Fraction(decimal) == margin else str(margin)
