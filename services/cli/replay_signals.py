"""The signals of a file of facts, as the monitor raises them: without a database, step by step.

A study is assessed whenever something became known, and before that at every deadline that passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from shared.clinical import Study, compare
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal

Step = tuple[datetime, list[Fact]]


def steps_of(facts: Iterable[Fact], until: datetime) -> list[Step]:
    """What became known when, up to a moment, in order."""
    known = sorted((fact for fact in facts if fact.known_at <= until), key=_known_at)
    return [(moment, list(together)) for moment, together in groupby(known, key=_known_at)]


def raise_signals(steps: Iterable[Step], until: datetime) -> Iterator[tuple[datetime, Signal]]:
    """Each signal with when it was raised. Raises ValueError where the facts cannot be assessed."""
    watch: _Watch | None = None
    for moment, facts in steps:
        watch = watch or _Watch(Study(facts[0].study))
        yield from watch.pass_deadlines(before=moment)
        watch.study.add(facts)
        yield from watch.assess(moment)
    if watch is not None:
        yield from watch.pass_deadlines(before=until)
        yield from watch.assess(until)


class _Watch:
    """A study and the signals that stand."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._raised: Counter[str] = Counter()
        self._standing: Sequence[Signal] = ()
        self._deadline: datetime | None = None

    def pass_deadlines(self, before: datetime) -> Iterator[tuple[datetime, Signal]]:
        while self._deadline is not None and self._deadline < before:
            yield from self.assess(self._deadline)

    def assess(self, at: datetime) -> Iterator[tuple[datetime, Signal]]:
        """Assess the study, follow up what no longer stands and raise what is new."""
        assessment = self.study.assess(as_of=at)
        raised = self._raised.__getitem__
        rules = self.study.rule_versions(at)
        new = compare(self._standing, assessment, raised, self.study.site_of, rules)
        self._raised.update(signal.key for signal in new)
        over = {signal.supersedes for signal in new}
        standing = [signal for signal in self._standing if signal.id not in over]
        self._standing = [*standing, *(signal for signal in new if not signal.ends)]
        self._deadline = self.study.next_deadline(at)
        return ((at, signal) for signal in new)


def _known_at(fact: Fact) -> datetime:
    return fact.known_at
