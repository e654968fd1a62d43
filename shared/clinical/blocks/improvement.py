"""Whether a toxicity improved in time.

"Yes" is final (it did improve by then), "no" is final (it did not), and while the clock runs or
nobody has looked it is open: an exemption is never granted on silence.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shared.clinical.blocks.answers import Answer
from shared.clinical.blocks.care import care_start
from shared.clinical.blocks.doses import planned_next_dose
from shared.clinical.blocks.durations import gap
from shared.clinical.blocks.episode import Episode, Interval, clock_start
from shared.clinical.criteria import Improvement
from shared.clinical.protocol import day_ends, day_starts
from shared.clinical.runs import baseline_of


def improved(rule: Improvement, episode: Episode) -> Answer:
    """Back to the goal by the time the rule gives."""
    grade = _goal(rule, episode)
    if grade is None:
        missing = f"the baseline of {episode.run.term}"
        return Answer("open", "the grade before treatment is not known", missing=missing)
    recovery = _recovery(grade, episode)
    words = "recovered" if rule.recovers else f"back to grade {grade}"
    goal = f"{words} {_clock(rule)}"
    due = _due(rule, episode)
    if isinstance(due, Answer):
        return due
    return _compare(goal, recovery, due, _seen_above(grade, episode), episode)


def _goal(rule: Improvement, episode: Episode) -> int | None:
    """The grade to be at or below; None where that is a baseline nobody measured."""
    run = episode.run
    if rule.recovers:
        return run.needed - 1
    if rule.by_grades is not None:
        return max(0, run.worst - rule.by_grades)
    if not rule.to_baseline:
        return rule.to_grade
    before = baseline_of(episode.observations)
    if run.measured and not before:
        return rule.to_grade
    return max(rule.to_grade or 0, *(seen.low for seen in before), 0)


def _clock(rule: Improvement) -> str:
    if rule.by_day is not None:
        return f"by day {rule.by_day}"
    if rule.by_next_dose:
        return "by the planned date of the next dose"
    length = f"{rule.within_days} days" if rule.within_days else f"{rule.within_hours} hours"
    since = {
        "grade": "",
        "onset": " of the onset",
        "care": " of the start of care",
        "first_dose": " of the first dose",
        "planned_next_dose": " of the planned date of the next dose",
    }
    return f"within {length}{since[rule.since]}"


def _due(rule: Improvement, episode: Episode) -> Interval | Answer:
    """Up to when a recovery is in time whatever the uncertain dates, and from when it never is; an
    open answer where the clock has not started."""
    zone = episode.case.zone
    if rule.by_day is not None:
        first, last = episode.case.day(rule.by_day)
        return day_ends(first, zone), day_ends(last, zone)
    if rule.by_next_dose:
        end = day_ends(planned_next_dose(episode.case), zone)
        return end, end
    if rule.since == "care":
        start = care_start(episode)
        if start is None:
            missing = f"care for {episode.run.term} and when it began"
            return Answer("open", "no care on record that starts the clock", missing=missing)
    else:
        start = clock_start(rule.since, episode)
    if rule.within_days is not None:
        limit = timedelta(days=rule.within_days)
        return day_ends(start.first + limit, zone), day_ends(start.last + limit, zone)
    assert rule.within_hours is not None
    hours = timedelta(hours=rule.within_hours)
    return start.moment[0] + hours, start.moment[1] + hours


def _seen_above(grade: int, episode: Episode) -> date:
    """The last date a value above the goal was seen."""
    above = [seen.last for seen in episode.observations if not seen.reported and seen.low > grade]
    return max(episode.run.last_observed, *above) if above else episode.run.last_observed


def _compare(
    goal: str, recovered: Interval | None, due: Interval, seen_above: date, episode: Episode
) -> Answer:
    run, case = episode.run, episode.case
    surely_in_time, surely_late = due
    if recovered is not None:
        flags = gap(run) if run.end is not None else ()
        if recovered[1] <= surely_in_time:
            return Answer("yes", goal)
        if recovered[0] > surely_late:
            return Answer("no", f"not {goal}", flags=flags)
        why = f"whether it was {goal} hangs on the time of day"
        return Answer("open", why, missing="times of day", flags=("date_uncertain",))
    if case.as_of < surely_late:
        return Answer("open", f"may be {goal}", deadline=surely_late)
    day = surely_late.astimezone(case.zone).date()
    if seen_above >= day:
        return Answer("no", f"not {goal}")
    why = f"no value since shows whether it was {goal}"
    missing = f"a value of {run.term} by {day}"
    return Answer("open", why, missing=missing, flags=("unobserved",))


def _recovery(grade: int, episode: Episode) -> tuple[datetime, datetime] | None:
    """First and last instant the term may first have been at or below the grade after the onset."""
    run, case = episode.run, episode.case
    after = [
        seen
        for seen in episode.observations
        if seen.first >= run.first and seen.moment >= run.moment
    ]
    if any(not seen.reported for seen in after):
        better = (one for one in after if not one.reported and one.high <= grade)
        return next((seen.moment for seen in better), None)
    over = run.first
    for seen in after:
        if seen.high <= grade:
            continue
        if seen.end is None:
            return None
        if seen.first > over:
            break
        over = max(over, seen.end)
    stated = [one.moment for one in after if one.high <= grade and one.first == over]
    return min(stated, default=(day_starts(over, case.zone), day_ends(over, case.zone)))
