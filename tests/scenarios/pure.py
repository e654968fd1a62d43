"""The replay told by the pure core alone: no service, no database, no clock."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache

from services.demo import STUDY
from services.demo.replay import facts_of, protocol_fact, steps
from shared.clinical import Study, compare
from shared.contracts.assessment import Assessment
from shared.contracts.signals import Signal
from tests.scenarios.timeline import ZONE, Telling

TOLD_UNTIL = datetime(2023, 2, 7, tzinfo=UTC)
"""The story is over with phase 1b; later moments are added at once."""


def last_moment() -> datetime:
    """When the last event of the replay was known."""
    return steps()[-1].at


def end_of(day: date) -> datetime:
    """The last instant of a day at the site."""
    after = datetime.combine(day + timedelta(days=1), datetime.min.time(), ZONE)
    return (after - timedelta(microseconds=1)).astimezone(UTC)


@cache
def told() -> Telling:
    """The replay, moment by moment."""
    study = Study(STUDY)
    study.add([protocol_fact(steps()[0].at - timedelta(days=1))])
    standing: list[Signal] = []
    raised: Counter[str] = Counter()
    all_signals: list[Signal] = []
    for step in steps():
        study.add(facts_of(step.events))
        if step.at > TOLD_UNTIL:
            continue
        new = compare(standing, study.assess(as_of=step.at), raised.__getitem__)
        raised.update(one.key for one in new if not one.ends)
        ended = {one.supersedes for one in new}
        standing = [one for one in standing if one.id not in ended]
        standing += [one for one in new if not one.ends]
        all_signals += new

    def view(day: date) -> Assessment:
        return study.assess(as_of=end_of(day))

    return Telling(view, all_signals, study.assess(as_of=last_moment()))
