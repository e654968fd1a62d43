"""A site's report of an adverse event, as the safety team has to read it: with every version that
nothing has put away, and since when it says what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime

from shared.clinical.observations import DEATH, Related
from shared.clinical.person import Person
from shared.clinical.questions import SERIOUSNESS
from shared.clinical.safety.clocks import Span
from shared.clinical.timeline import Entry, Standing, is_fatal, latest, worst_reported
from shared.clinical.toxicity import relatedness, reported_grade
from shared.contracts.assessment import Evidence
from shared.contracts.dates import DateInterval, parse_dtc
from shared.contracts.envelope import sha256
from shared.contracts.facts import AdverseEvent

Test = Callable[[AdverseEvent], bool]


class Report:
    """One record. ``entries``: what stands of it, and what a change without a reason or a person
    has not put away; the record says the worst of what they say."""

    def __init__(self, person: Person, standing: Standing) -> None:
        self._person, self.standing = person, standing
        self.entries = tuple(dict.fromkeys((*standing.entries, *_unexplained(standing))))
        self.records = tuple(_event(entry) for entry in self.entries)
        self.recordid = standing.entries[0].fact.recordid
        self.key = sha256(f"{standing.entries[0].fact.source}|{self.recordid}")[:16]

    @property
    def term(self) -> str:
        """The CTCAE term, or the report's own word."""
        return self.term_of(self.records[0])

    @property
    def grade(self) -> int:
        """The worst grade reported."""
        return max(map(worst_reported, self.records))

    @property
    def onset(self) -> date:
        """The first day it may have begun."""
        return min(entry.dates(self._person.zone)[0] for entry in self.entries)

    @property
    def known_at(self) -> datetime:
        """When the last of what it says was known."""
        return latest(self.entries) or self._person.as_of

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The versions it rests on."""
        return tuple(entry.evidence for entry in self.entries)

    @property
    def criteria(self) -> tuple[str, ...]:
        """The criteria of seriousness that are met."""
        return tuple(name for name in SERIOUSNESS if any(map(_meets(name), self.records)))

    @property
    def related(self) -> Related:
        """Causality over all versions."""
        return relatedness(self.standing, self._person.protocol.attribution)

    def term_of(self, record: AdverseEvent) -> str:
        """What one version calls it."""
        return reported_grade(self._person.protocol.ctcae, record).term

    def says(self, test: Test) -> bool:
        """Whether what counts of the record passes a test."""
        return any(map(test, self.records))

    def first_known(self, test: Test, *, suspected: bool = False) -> datetime:
        """When a version that passes the test became known, ``suspected``: one after which the
        drug was not ruled out as the cause."""
        known = [
            entry.fact.known_at
            for entry, then in _versions(self.standing)
            if test(_event(entry))
            and not (suspected and relatedness(then, self._person.protocol.attribution) == "no")
        ]
        return min(known, default=self.known_at)

    def ever(self, test: Test) -> list[AdverseEvent]:
        """The versions that pass the test, oldest first."""
        return [record for entry, _ in _versions(self.standing) if test(record := _event(entry))]

    def stated(self, field: str, test: Test) -> DateInterval | None:
        """A date of the report's course, the earliest stated where it passes the test: by what
        counts of the record, or by the last version that did."""
        records = [record for record in self.records if test(record)] or self.ever(test)[-1:]
        said = [getattr(record, field) for record in records]
        dates = [parse_dtc(text) for text in said if text is not None]
        return min(dates, key=lambda one: one.earliest, default=None)

    def span(self, field: str, test: Test) -> Span | None:
        """The same as instants, in the site's time zone."""
        stated = self.stated(field, test)
        return stated.instants(self._person.zone) if stated else None

    def submissions(self, region: str, which: str) -> list[DateInterval]:
        """When it was reported to a region's authority."""
        return [
            parse_dtc(one.dtc)
            for record in self.records
            for one in record.submissions
            if (one.region, one.report) == (region, which)
        ]


def is_serious(record: AdverseEvent) -> bool:
    """Stated so, or by a criterion, or fatal."""
    return record.AESER == "Y" or any(_meets(name)(record) for name in SERIOUSNESS)


def is_grave(record: AdverseEvent) -> bool:
    """Fatal or life-threatening: the 7-day reports."""
    return _meets("AESDTH")(record) or _meets("AESLIFE")(record)


def is_less_grave(record: AdverseEvent) -> bool:
    """Serious, and neither fatal nor life-threatening: the 15-day reports."""
    return is_serious(record) and not is_grave(record)


def _meets(criterion: str) -> Test:
    def test(record: AdverseEvent) -> bool:
        fatal = is_fatal(record) or worst_reported(record) == DEATH
        return getattr(record, criterion) == "Y" or (criterion == "AESDTH" and fatal)

    return test


def _event(entry: Entry) -> AdverseEvent:
    assert isinstance(entry.record, AdverseEvent)
    return entry.record


def _unexplained(standing: Standing) -> Iterator[Entry]:
    """Versions back to the last change that names a reason or a person."""
    newer = standing.versions[-1]
    for older in reversed(standing.versions[:-1]):
        if newer.attributed or older.record is None:
            return
        yield older
        newer = older


def _versions(standing: Standing) -> Iterator[tuple[Entry, Standing]]:
    """Each version that says something, with the record as it stood with it."""
    for number, entry in enumerate(standing.versions, start=1):
        if entry.record is not None:
            yield entry, Standing((entry,), standing.versions[:number], None)
