"""One condition about a toxicity, whatever family of words it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.clinical.blocks.answers import Answer, all_of, any_of, judged, negated
from shared.clinical.blocks.care import despite, given, missing_means, treated
from shared.clinical.blocks.durations import lasts
from shared.clinical.blocks.episode import Episode
from shared.clinical.blocks.improvement import improved
from shared.clinical.blocks.measured import beyond
from shared.clinical.blocks.qualifiers import qualified
from shared.clinical.blocks.repeats import repeated
from shared.clinical.blocks.selection import toxicity_runs
from shared.clinical.criteria import Condition, Exclusion, Exemption
from shared.clinical.protocol import day_starts
from shared.clinical.runs import Run, runs_at


def holds(condition: Condition, episode: Episode) -> Answer:
    """Whether the condition holds for the toxicity."""
    if condition.treatment is not None and not _timed(condition):
        return treated(condition.treatment, episode)
    if condition.toxicity or condition.measurement or condition.treatment:
        return _company(condition, episode)
    if condition.improves is not None:
        return improved(condition.improves, episode)
    if condition.despite is not None:
        return despite(condition.despite, condition.role, episode)
    if condition.repeated is not None:
        return repeated(condition.repeated, episode)
    if condition.lasts is not None:
        answer = lasts(condition.lasts, episode)
        assert answer is not None
        return answer
    if condition.qualifier is not None:
        return qualified(condition.qualifier, condition.role, episode)
    assert condition.judgement is not None
    return judged(condition.judgement, condition.role)


def excludes(exclusion: Exclusion, episode: Episode) -> Answer | None:
    """Whether the toxicity is taken out; None where the exclusion does not speak of it."""
    if not _speaks_of(exclusion, episode):
        return None
    run = episode.run
    what = f"{run.term} up to grade {exclusion.up_to_grade} is excepted"
    return _unless(exclusion, Answer("yes", what), episode)


def exempts(exemption: Exemption, episode: Episode) -> Answer | None:
    """Whether the toxicity is exempt by one of the reasons; None where it is not spoken of."""
    if not _speaks_of(exemption, episode):
        return None
    reasons = []
    if exemption.improves is not None:
        reasons.append(improved(exemption.improves, episode))
    if exemption.all_of:
        reasons.append(all_of([holds(one, episode) for one in exemption.all_of]))
    if exemption.judgement is not None:
        reasons.append(judged(f"not a DLT if {exemption.judgement}", exemption.role))
    return _unless(exemption, _first_to_excuse(reasons), episode)


def _first_to_excuse(reasons: list[Answer]) -> Answer:
    """An open reason comes before a person's judgement: nobody is asked what time may settle."""
    for wanted in ("yes", "open"):
        found = [answer for answer in reasons if answer.holds == wanted]
        if found:
            return found[0]
    return replace(any_of(reasons), why="; ".join(answer.why for answer in reasons))


def _unless(exclusion: Exclusion, answer: Answer, episode: Episode) -> Answer:
    against = [negated(holds(one, episode)) for one in exclusion.but_not_if_any]
    return all_of([answer, *against]) if against else answer


def _speaks_of(exclusion: Exclusion, episode: Episode) -> bool:
    terms = set(exclusion.terms)
    if exclusion.group is not None:
        terms |= set(episode.case.protocol.term_groups[exclusion.group])
    run = episode.run
    return (not terms or run.term in terms) and run.worst <= exclusion.up_to_grade


# -- another toxicity, value or treatment at the time ----------------------------------------------


def _timed(condition: Condition) -> bool:
    return condition.within_days is not None or condition.within_hours is not None


def _company(condition: Condition, episode: Episode) -> Answer:
    """The earliest second fact at the right time; none counts only where the source is complete."""
    answers = [
        answer
        for other in _others(condition, episode)
        if (answer := _beside(condition, other, episode)) is not None
    ]
    if any(answer.holds != "no" for answer in answers):
        return any_of(answers)
    domain = "CM" if condition.treatment else "AE" if condition.toxicity else "LB"
    absent = missing_means(episode, domain, "nothing else reported with it")
    if not _timed(condition) or absent.holds == "open":
        return absent
    return replace(absent, deadline=_still_awaited(condition, episode))


def _others(condition: Condition, episode: Episode) -> Sequence[Run]:
    case = episode.case
    if condition.toxicity is not None:
        return toxicity_runs(condition.toxicity, case)
    if condition.measurement is not None:
        return runs_at(beyond(condition.measurement, case), 1)
    assert condition.treatment is not None
    rule = condition.treatment
    return [
        Run(
            term=f"{rule.category} {one.record.CMTRT}",
            first=one.first,
            last=one.last,
            moment=one.moment,
            end=one.until if one.ended else None,
            over=one.ended,
            last_observed=one.until,
            seen=one.moment,
            needed=1,
            certain=True,
            measured=False,
            worst=1,
            why="given",
            entries=(one.entry,),
            attribution="yes",
        )
        for one in given(case, rule.category, rule.names)
    ]


def _beside(condition: Condition, other: Run, episode: Episode) -> Answer | None:
    """Whether a second stretch is at the right time; None where it certainly is not."""
    run = episode.run
    sure = True
    if not _timed(condition):
        if other.first > episode.until or (other.end is not None and other.end < run.first):
            return None
    else:
        near = _near(condition, other, run)
        if near is False:
            return None
        sure = near is True
    answer = Answer("yes", f"{other.term}: {other.why}", other.first, other.last, other.entries)
    if sure and other.certain:
        return answer
    missing = (
        f"the dates of {other.term}" if not sure else f"what decides the grade of {other.term}"
    )
    return replace(answer, holds="open", first=None, last=None, missing=missing)


def _near(condition: Condition, other: Run, run: Run) -> bool | None:
    """Whether the two begin close enough and in the stated order; None: hangs on the dates."""
    least: timedelta
    most: timedelta
    if condition.within_days is not None:
        limit = timedelta(days=condition.within_days)
        least, most = other.first - run.last, other.last - run.first
    else:
        assert condition.within_hours is not None
        limit = timedelta(hours=condition.within_hours)
        least, most = other.moment[0] - run.moment[1], other.moment[1] - run.moment[0]
    low = timedelta() if condition.order == "after" else -limit
    high = timedelta() if condition.order == "before" else limit
    if low <= least and most <= high:
        return True
    return False if most < low or least > high else None


def _still_awaited(condition: Condition, episode: Episode) -> datetime | None:
    """When the time for a second fact is over, where it is not yet."""
    run, case = episode.run, episode.case
    if condition.order == "before":
        return None
    if condition.within_days is not None:
        last: date = run.last + timedelta(days=condition.within_days + 1)
        due = day_starts(last, case.zone)
    else:
        assert condition.within_hours is not None
        due = run.moment[1] + timedelta(hours=condition.within_hours)
    return due if case.as_of < due else None
