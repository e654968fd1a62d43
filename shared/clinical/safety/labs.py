"""Laboratory values that the schedule asks for and nobody has sent: asked for, once they are late.

A missing value is not a normal one. "Not done" with its reason is an answer.
"""

from __future__ import annotations

from datetime import date, timedelta

from shared.clinical.case import Case
from shared.clinical.protocol import day_ends
from shared.clinical.protocol.safety import ExpectedLabs
from shared.clinical.questions import Findings
from shared.clinical.samples import sample_of, testcd_of
from shared.contracts.facts import Disposition

Dates = tuple[date, date]


def watch_labs(case: Case, found: Findings) -> None:
    """Ask for every expected value whose time is over."""
    safety = case.protocol.safety
    if safety is None or not safety.expected_labs:
        return
    taken = _taken(case)
    gone = _gone(case)
    for rule in safety.expected_labs:
        for day in rule.days:
            first, last = case.day(day)
            if gone is None or last < gone:
                _ask(case, rule, day, (first, last), taken, found)


def _ask(
    case: Case,
    rule: ExpectedLabs,
    day: int,
    planned: Dates,
    taken: dict[str, list[Dates]],
    found: Findings,
) -> None:
    around = timedelta(days=rule.days_around)
    earliest, last = planned[0] - around, planned[1] + around
    due = day_ends(last + timedelta(days=rule.asked_after_days), case.zone)
    for test in rule.tests:
        seen = taken.get(testcd_of(test), [])
        if any(one[1] >= earliest and one[0] <= last for one in seen):
            continue
        found.deadlines.append(due)
        if case.as_of >= due:
            found.ask("missing", f"{test} of day {day}, expected on {planned[0]}")


def _taken(case: Case) -> dict[str, list[Dates]]:
    """By test the dates of what was taken, or stated not to have been."""
    taken: dict[str, list[Dates]] = {}
    for standing in case.labs:
        for entry in standing.entries:
            taken.setdefault(sample_of(entry).test, []).append(entry.dates(case.zone))
    return taken


def _gone(case: Case) -> date | None:
    """The day by which the subject had certainly left the study or died."""
    days = [
        entry.dates(case.zone)[1]
        for standing in case.dispositions
        for entry in standing.entries
        if isinstance(entry.record, Disposition) and _leaves(entry.record)
    ]
    return min((day for day in days if day >= case.window[0]), default=None)


def _leaves(record: Disposition) -> bool:
    milestone = record.supp.get("DSCAT") == "PROTOCOL MILESTONE"
    return not milestone and "TREATMENT" not in (record.DSSCAT or "").upper()
