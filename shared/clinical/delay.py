"""The next cycle late because of toxicity.

The clock starts at the planned date, not at an onset. Nothing is open before that date has ended
undosed, so the rule never delays the completion of a window for a subject dosed on time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from shared.clinical.blocks.answers import Answer, any_of, required
from shared.clinical.blocks.doses import (
    doses_of,
    for_toxicity,
    left_for,
    planned_date,
    stated_reasons,
)
from shared.clinical.blocks.measured import beyond
from shared.clinical.blocks.selection import toxicity_runs
from shared.clinical.case import Case, Trigger
from shared.clinical.criteria import CriterionRule, Delay, HeldBy
from shared.clinical.protocol import day_starts
from shared.clinical.runs import Run, runs_at


def delay_triggers(rule: CriterionRule, case: Case) -> list[Trigger]:
    """At most one trigger; none while the planned date has not ended or the dose came in time."""
    assert rule.delay is not None
    delay = rule.delay
    doses = doses_of(case, (delay.treatment,), delay.cycle)
    planned = planned_date(case, doses, delay.planned_day)
    late_from = planned + timedelta(days=delay.days_late)
    given = [entry.dates(case.zone) for entry, dose in doses if dose.ECOCCUR == "Y"]
    # A dose on an unknown day of a month was in time for certain only if the last of them was.
    until, at_least = min((last, first) for first, last in given) if given else (case.today,) * 2
    why = f"{delay.treatment} of cycle {delay.cycle} planned {planned}"
    base = Trigger("not_met", late_from, late_from, why, ())
    if until <= planned:
        opens = day_starts(planned + timedelta(days=1), case.zone)
        return [replace(base, deadline=None if given else opens)]
    reasons = stated_reasons(doses) + left_for(case)
    toxicity, left = for_toxicity(delay.because_of_toxicity, reasons)
    base = replace(base, entries=(*(entry for entry, _ in doses), *left))
    if given and until < late_from:
        return [replace(base, why=f"{why}, given {until}, {(until - planned).days} days late")]
    if toxicity is False and not delay.held_by_any:
        return [replace(base, why=f"{why}, not given for another reason than toxicity")]
    if until < late_from:
        missing = f"the dose of cycle {delay.cycle}, or why it was not given"
        deadline = day_starts(late_from, case.zone)
        words = f"{why}, not given yet"
        return [replace(base, result="open", why=words, deadline=deadline, missing=missing)]
    if at_least < late_from:
        missing = f"the date of the dose of cycle {delay.cycle}"
        words = f"{why}, given between {at_least} and {until}"
        return [replace(base, result="open", why=words, missing=missing)]
    return [_late(delay, replace(base, why=f"{why}, {_length(delay)}"), toxicity, planned, case)]


def _length(delay: Delay) -> str:
    if delay.more_than_days is not None:
        return f"more than {delay.more_than_days} days late"
    return f"at least {delay.at_least_days} days late"


def _late(delay: Delay, late: Trigger, toxicity: bool | None, planned: date, case: Case) -> Trigger:
    """Late for long enough; whether because of toxicity."""
    because = replace(late, result="met", why=f"{late.why} because of toxicity")
    if delay.held_by_any:
        return _held(delay, late, because, toxicity, planned, case)
    if toxicity is None:
        missing = f"why cycle {delay.cycle} was late"
        why = f"{late.why}, reason not known"
        return replace(late, result="open", why=why, missing=missing)
    return because


def _held(
    delay: Delay,
    late: Trigger,
    because: Trigger,
    toxicity: bool | None,
    planned: date,
    case: Case,
) -> Trigger:
    """Whether one of the named toxicities or values stood in the way on the planned date. Where
    none did although toxicity is the stated reason, a person decides."""
    answers = [_stood(one, run, planned) for one in delay.held_by_any for run in _runs(one, case)]
    found = any_of([answer for answer in answers if answer is not None])
    if found.holds != "no":
        return required(because, found, ": ")
    if toxicity:
        why = f"{because.why}, but none of those named on that date: a person decides"
        return replace(because, result="needs_review", why=why)
    if toxicity is None:
        missing = f"why cycle {delay.cycle} was late"
        why = f"{late.why}, reason not known"
        return replace(late, result="open", why=why, missing=missing)
    return replace(late, why=f"{late.why} for another reason than toxicity")


def _runs(held: HeldBy, case: Case) -> Sequence[Run]:
    if held.toxicity is not None:
        return toxicity_runs(held.toxicity, case)
    assert held.measurement is not None
    return runs_at(beyond(held.measurement, case), 1)


def _stood(held: HeldBy, run: Run, planned: date) -> Answer | None:
    if run.first > planned or (run.end is not None and run.end <= planned):
        return None
    why = f"{run.term}: {run.why}"
    if run.attribution == "no":
        return None
    if run.certain:
        return Answer("yes", why, entries=run.entries)
    what = "grade" if held.toxicity is not None else "value"
    missing = f"what decides the {what} of {run.term}"
    return Answer("open", why, entries=run.entries, missing=missing)
