"""How long a toxicity lasted, and whether it was still there at a point of the calendar.

Days at a grade are calendar days with the day of onset as the first. Hours compare instants; where
only dates are known the answer may hang on the time of day.
"""

from __future__ import annotations

from datetime import date, timedelta

from shared.clinical.blocks.answers import Answer, all_of
from shared.clinical.blocks.doses import planned_next_dose
from shared.clinical.blocks.episode import Episode
from shared.clinical.criteria import Lasting
from shared.clinical.protocol import day_starts
from shared.clinical.runs import Run


def lasts(rule: Lasting, episode: Episode) -> Answer | None:
    """Whether it lasted so long and past the point; None where neither is asked."""
    answers = []
    days, hours = days_needed(rule), rule.for_more_than_hours or rule.for_at_least_hours
    if days is not None:
        answers.append(_days(days, episode))
    if hours is not None:
        strictly = rule.for_more_than_hours is not None
        answers.append(_hours(timedelta(hours=hours), strictly, episode))
    if rule.still_on_day is not None:
        first, last = episode.case.day(rule.still_on_day)
        answers.append(_still(first, last, f"day {rule.still_on_day}", episode))
    if rule.still_at_next_dose:
        planned = planned_next_dose(episode.case)
        answers.append(_still(planned, planned, "the planned date of the next dose", episode))
    return all_of(answers) if answers else None


def days_needed(rule: Lasting) -> int | None:
    """How many calendar days it must last."""
    more = rule.for_more_than_days
    return rule.for_at_least_days if more is None else more + 1


def reached_on(rule: Lasting, run: Run) -> date | None:
    """The date on which it had lasted so many days, where the criterion asks for days."""
    days = days_needed(rule)
    return None if days is None else run.first + timedelta(days=days - 1)


def gap(run: Run) -> tuple[str, ...]:
    """Flag a length that rests on days nobody measured."""
    assert run.end is not None
    return ("unobserved",) if (run.end - run.last_observed).days > 1 else ()


def _days(needed: int, episode: Episode) -> Answer:
    run, case, over = episode.run, episode.case, needed - 1
    if run.end is not None:
        lasted = (run.end - run.first).days
        if lasted < needed:
            return Answer("no", f"lasted {lasted} days, not more than {over}", flags=gap(run))
        return Answer("yes", f"lasted {lasted} days", flags=gap(run))
    observed = (run.last_observed - run.first).days + 1
    if observed >= needed:
        return Answer("yes", f"{observed} days so far, more than {over}")
    due = run.first + timedelta(days=over)
    why = f"{observed} of {over} days seen"
    if case.today > due:
        missing = f"a value of {run.term} after {run.last_observed}"
        return Answer("open", why, missing=missing, flags=("unobserved",))
    return Answer("open", why, deadline=day_starts(due + timedelta(days=1), case.zone))


def _hours(needed: timedelta, strictly: bool, episode: Episode) -> Answer:
    """``strictly``: more than so long; otherwise so long is enough."""
    run, case = episode.run, episode.case
    limit = f"{'more than' if strictly else 'at least'} {needed // timedelta(hours=1)} hours"
    known = (run.over or run.seen)[0] - run.moment[1]
    if known > needed or (known == needed and not strictly):
        flags = gap(run) if run.end is not None else ()
        return Answer("yes", f"lasted {limit}", flags=flags)
    if run.over is not None:
        possible = run.over[1] - run.moment[0]
        if possible < needed or (possible == needed and strictly):
            return Answer("no", f"lasted not {limit}")
        why = f"whether it lasted {limit} hangs on the time of day"
        return Answer("open", why, missing="times of day", flags=("date_uncertain",))
    due = run.moment[1] + needed
    if case.as_of <= due:
        return Answer("open", f"may last {limit}", deadline=due + timedelta(microseconds=1))
    missing = f"a value of {run.term} after {due.astimezone(case.zone):%Y-%m-%d %H:%M}"
    return Answer("open", f"not seen to last {limit}", missing=missing, flags=("unobserved",))


def _still(first: date, last: date, point: str, episode: Episode) -> Answer:
    """Begun by a date and not over on it; the date may be one of several."""
    run, case = episode.run, episode.case
    if run.first > last:
        return Answer("no", f"begun after {point}")
    if run.end is not None and run.end <= first:
        return Answer("no", f"over by {point}")
    if run.last > first or (run.end is not None and run.end <= last):
        why = f"whether it was there on {point} hangs on the date"
        return Answer("open", why, missing=f"the dates of {run.term}", flags=("date_uncertain",))
    if run.end is not None or run.last_observed >= last:
        flags = gap(run) if run.end is not None else ()
        return Answer("yes", f"still there on {point}", flags=flags)
    if case.today <= last:
        return Answer(
            "open",
            f"may still be there on {point}",
            deadline=day_starts(last + timedelta(days=1), case.zone),
        )
    missing = f"a value of {run.term} on or after {last}"
    return Answer("open", f"no value shows it on {point}", missing=missing, flags=("unobserved",))
