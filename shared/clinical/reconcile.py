"""Where measurements and the reports of events disagree about the same term by a grade or more.

Both stand: the stop side counts the worse one whoever said it. A disagreement means that one of the
two records is wrong or missing, and only the site can say which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Literal

from shared.clinical.observations import DEATH, Course, Observation
from shared.clinical.runs import runs_at
from shared.clinical.timeline import Entry

SLACK = timedelta(days=3)
"""How far a sample may lie outside the dates of a report and still speak of the same event, and how
long either may take to follow the other: a result of Friday is seen and reported on Monday."""

SEVERE = 3
"""Below this grade a measured value without a report, or a report without a value, asks nothing:
protocols have an abnormal value reported only where it matters clinically, and DLT definitions and
safety reviews begin at grade 3."""


@dataclass(frozen=True, slots=True)
class Discordance:
    """One disagreement; the two grades are lowest and highest possible, None where there is none.

    ``due`` is the local date at whose end it is worth a question.
    """

    kind: Literal["reported_lower", "reported_higher", "not_reported", "not_measured"]
    term: str
    reported: tuple[int, int] | None
    derived: tuple[int, int] | None
    due: date
    text: str
    entries: tuple[Entry, ...]


def discordances(observations: Mapping[str, Course]) -> tuple[Discordance, ...]:
    """Every disagreement on treatment, by term. Terms nobody measured are not compared."""
    found: list[Discordance] = []
    for term in sorted(observations):
        course = observations[term]
        if course.measured and (course.low >= SEVERE or course.reports):
            found += course.remembered("discordances", None, partial(_discordances, course))
    return tuple(found)


def _discordances(course: Course) -> list[Discordance]:
    samples = [one for one in course.measured if not one.before_treatment]
    if not samples:
        return []
    reports = [one for one in course.reports if not one.before_treatment]
    return [
        *_too_low(samples, reports),
        *_too_high(samples, reports),
        *_unreported(course.measured, reports),
    ]


def _too_low(
    samples: Sequence[Observation], reports: Sequence[Observation]
) -> Iterator[Discordance]:
    """Per report the worst sample above it that no other report of the time reaches."""
    worst: dict[int, tuple[Observation, Observation]] = {}
    least = min((report.high for report in reports), default=DEATH)
    for sample in samples:
        if sample.low <= least:
            continue
        near = [report for report in reports if _same_event(report, sample)]
        report = max(near, key=lambda one: (one.high, one.first), default=None)
        if report is not None and report.high < sample.low:
            so_far = worst.get(id(report))
            if so_far is None or sample.low > so_far[1].low:
                worst[id(report)] = (report, sample)
    for report, sample in worst.values():
        yield _disagree("reported_lower", report, sample)


def _too_high(
    samples: Sequence[Observation], reports: Sequence[Observation]
) -> Iterator[Discordance]:
    """Reports above every sample of the time, or severe with none. No value is a death."""
    for report in reports:
        stated = min(report.low, DEATH - 1)
        near = [sample for sample in samples if _same_event(report, sample)]
        highest = max(near, key=lambda one: (max(one.high, one.worst), one.low), default=None)
        if highest is not None and stated > max(highest.high, highest.worst):
            yield _disagree("reported_higher", report, highest)
        elif highest is None and stated >= SEVERE:
            yield _disagree("not_measured", report, None)


def _unreported(
    measured: Sequence[Observation], reports: Sequence[Observation]
) -> Iterator[Discordance]:
    """Stretches of grade 3 or higher that began on treatment, and no report touches them."""
    if max(one.low for one in measured) < SEVERE:
        return
    for run in runs_at(measured, SEVERE):
        samples = [one for one in measured if one.entry in run.entries and one.low >= SEVERE]
        near = any(_same_event(report, sample) for report in reports for sample in samples)
        if run.certain and not near:
            yield _disagree("not_reported", None, max(samples, key=lambda one: one.low))


def _same_event(report: Observation, sample: Observation) -> bool:
    begun = sample.last >= report.first - SLACK
    return begun and (report.end is None or sample.first <= report.end + SLACK)


def _disagree(
    kind: Literal["reported_lower", "reported_higher", "not_reported", "not_measured"],
    report: Observation | None,
    sample: Observation | None,
) -> Discordance:
    both = [one for one in (report, sample) if one is not None]
    said = f"reported {_grade(report)} from {report.first}" if report else "not reported"
    value = f"{_measured(sample)} on {sample.first}" if sample else "no value measured"
    records = ", ".join(one.entry.fact.recordid for one in both)
    return Discordance(
        kind=kind,
        term=both[0].term,
        reported=(report.low, report.high) if report else None,
        derived=(sample.low, sample.high) if sample else None,
        due=max(one.last for one in both) + SLACK,
        text=f"{both[0].term}: {said}, {value} ({records})",
        entries=tuple(one.entry for one in both),
    )


def _measured(sample: Observation) -> str:
    source = "laboratory" if sample.entry.fact.kind == "lab" else "measured"
    return f"{source} {_grade(sample)}"


def _grade(seen: Observation) -> str:
    span = str(seen.low) if seen.low == seen.high else f"{seen.low} to {seen.high}"
    return f"grade {span}"
