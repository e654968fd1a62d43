"""Confirmation by a second measurement."""

from __future__ import annotations

from datetime import timedelta

from shared.clinical.blocks.answers import Answer
from shared.clinical.blocks.episode import Episode, Interval
from shared.clinical.criteria import Repeat
from shared.clinical.protocol import day_ends
from shared.contracts.facts import Ecg, Lab, Vital


def repeated(rule: Repeat, episode: Episode) -> Answer:
    """Whether a later value of the same stretch, far enough apart and in time, confirms it. A value
    outside the limit in between ends the stretch and with it the chance."""
    run, case = episode.run, episode.case
    moments = _moments(episode)
    apart = timedelta(minutes=rule.at_least_minutes_apart)
    due = day_ends(run.last + timedelta(days=rule.within_days), case.zone)
    words = f"a second value within {rule.within_days} days"
    uncertain = False
    for first, last in moments[1:]:
        if first - moments[0][1] >= apart and last <= due:
            return Answer("yes", f"confirmed by {words}")
        uncertain = uncertain or (last - moments[0][0] >= apart and first <= due)
    if uncertain:
        missing = f"the times of day of {run.term}"
        return Answer("open", f"{words}: hangs on the time of day", missing=missing)
    if run.end is not None:
        return Answer("no", "not confirmed by the next value")
    if case.as_of <= due:
        return Answer(
            "open", f"to be confirmed by {words}", deadline=due + timedelta(microseconds=1)
        )
    return Answer("open", f"not repeated: {words}", missing=f"a repeat of {run.term}")


def _moments(episode: Episode) -> list[Interval]:
    entries = episode.run.entries
    return sorted(
        entry.instants(episode.case.zone)
        for entry in entries
        if isinstance(entry.record, Lab | Vital | Ecg)
    )
