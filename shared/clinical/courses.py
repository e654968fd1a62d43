"""The measured course of each term, worked out anew only where what it rests on has changed.

A grade hangs on other tests of the same time, and a term may be measured in several ways: tests
tied to each other so make a panel, and no panel says anything about another. Of a subject with a
year of laboratory visits a further value touches one panel of thirty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from itertools import chain
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.clinical.answered import WorstCase
from shared.clinical.ctcae.criteria import by_test
from shared.clinical.doubts import Doubt, cautious, doubtful_among, is_plain, placed
from shared.clinical.measured import COMPANIONS, Content, GradedSample, Measurements
from shared.clinical.observations import Course, Observation
from shared.clinical.protocol import Protocol
from shared.clinical.samples import DOMAINS, FirstDose, testcd_of
from shared.clinical.timeline import Entry, Standing
from shared.clinical.toxicity import (
    in_time,
    measured_courses,
    observation_of,
    observed,
    reported_courses,
)
from shared.clinical.unobserved import unobserved_courses
from shared.clinical.when import NEVER
from shared.contracts.graded import GradedResult

ByTerm = dict[str, Course]
Graded = Sequence[tuple[GradedSample, ...]]
"""Of one record the answers of each content that stands of it."""
_Basis = tuple[
    str,
    WorstCase,
    ZoneInfo,
    FirstDose | None,
    tuple[Standing, ...],
    Mapping[str, Sequence[Standing]],
]
"""What a panel's course rests on: the version of CTCAE, how a worst case counts, the site's time
zone, the first dose, the records of the subject, and those of the panel by domain."""

_DERIVED = (
    ("CA", "CACORR", "ALB"),
    ("QT", "QTCF", "RR", "HR"),
    ("CREAT", "EGFR", "CREATCLR", "WEIGHT"),
)
"""Tests that derived values are made from or make unnecessary (`Measurements`)."""


class Measured(NamedTuple):
    """The observations of each measured term in the order of time, what is doubtful of the records,
    and what is asked about them."""

    course: ByTerm
    doubtful: dict[Entry, Doubt]
    asked: dict[Entry, str]


class Panel:
    """What was worked out of one panel: the grades of each record in the company they were graded
    in, what is ``doubtful`` of them, and on the first question the course of each term."""

    def __init__(self, basis: _Basis, companions: bool, before: Sequence[Panel]) -> None:
        """As far as possible from what was worked out ``before``."""
        ctcae, worst_case, zone, start, subjects, records = self.basis = basis
        past = next((one for one in before if one.basis[2:4] == (zone, start)), None)
        self._plain: set[Standing] = past._plain if past else set()
        self.doubtful = doubtful_among(self._looked_at(records, zone, start), zone, start)
        self._measured = Measurements(
            ctcae,
            zone,
            start,
            {"subject": subjects, **records},
            worst_case,
            self._plain,
            self.doubtful,
        )
        company = self._measured.company(companions)
        self.company = ctcae, worst_case, zone, start, subjects, company
        alike = next((one for one in before if one.company == self.company), None)
        self._unsure = self._measured.unsure_baselines()
        self._graded: dict[Standing, Graded] = alike._graded if alike else {}
        self.results: tuple[GradedResult, ...] | None = None
        """The grades as they are published, once they were asked for."""
        self._seen: dict[Standing, Sequence[Observation]] = alike._seen if alike else {}
        self._contents: dict[Standing, Content] = alike._contents if alike else {}

    def _looked_at(
        self, records: Mapping[str, Sequence[Standing]], zone: ZoneInfo, start: FirstDose | None
    ) -> list[Standing]:
        """The records that are not plain; those that are, are remembered."""
        others, plain = [], self._plain
        treated = start.moment[1] if start else NEVER
        for one in chain.from_iterable(records.values()):
            if one not in plain:
                if is_plain(one, zone, treated):
                    plain.add(one)
                else:
                    others.append(one)
        return others

    @cached_property
    def graded(self) -> Mapping[Standing, Graded]:
        """The answers of each record, with all they rest on."""
        before, measured = self._graded, self._measured
        self._graded = {
            one: before[one] if one in before else measured.graded_of(one)
            for one in measured.records
        }
        return self._graded

    @cached_property
    def course(self) -> ByTerm:
        """The observations of each measured term, in the order of time."""
        zone, start = self.basis[2:4]
        assert start is not None
        said = None if self.doubtful else self._said()
        if said is not None:
            unobserved = unobserved_courses(said, zone, self._observed_of)
            if unobserved is not None:
                return unobserved
        known = self._seen
        self._seen = {
            one: known[one] if one in known else self._observed(graded, zone, start)
            for one, graded in self.graded.items()
        }
        return measured_courses(chain.from_iterable(self._seen.values()))

    def _said(self) -> list[tuple[Entry, Content]] | None:
        """What each record says, of those that say anything; None where one says several things."""
        said, known = [], self._contents
        for one in self._measured.records:
            if len(one.entries) > 1:
                return None
            content = known.get(one)
            if content is None:
                content = known[one] = self._measured.content_of(one)
            if content and content[0].answer.answer.reason != "not_done":
                said.append((one.entries[0], content))
        return said

    def _observed_of(self, term: str) -> Sequence[Observation]:
        """The observations of a term that `unobserved_courses` left."""
        zone, start = self.basis[2:4]
        assert start is not None
        values = (
            graded
            for (content,) in self.graded.values()
            for graded in content
            if graded.answer.term == term and content[0].answer.answer.reason != "not_done"
        )
        return sorted((observation_of(zone, start, one) for one in values), key=in_time)

    def _observed(self, graded: Graded, zone: ZoneInfo, start: FirstDose) -> Sequence[Observation]:
        seen = observed(zone, cautious(graded, self.doubtful), start)
        return placed(seen, self.doubtful, zone) if self.doubtful else seen

    @cached_property
    def asked(self) -> Mapping[Entry, str]:
        """What is asked about: doubtful records, of those long before treatment the ones that would
        be a baseline, and those a grade hangs on that may be one or none."""
        unsure = self._unsure
        used = {
            graded.baseline.entry
            for contents in (self.graded.values() if unsure else ())
            for content in contents
            for graded in content
            if graded.baseline is not None and graded.baseline.entry in unsure
        }
        asked = {
            entry: doubt.text
            for entry, doubt in self.doubtful.items()
            if not doubt.is_old or entry in unsure
        }
        text = "a grade hangs on whether it was taken before the first dose"
        return {**dict.fromkeys(used, text), **asked}


class Courses:
    """What was measured of one subject, kept by panel with what it was worked out from."""

    def __init__(self, present: Courses | None = None) -> None:
        self._panels: dict[str, Panel] = {}
        self._reported: tuple[object, ByTerm] | None = None
        self._is_past = present is not None
        self._known = [present._panels, self._panels] if present else [self._panels]

    @cached_property
    def of_the_past(self) -> Courses:
        """The same for earlier moments: they find what they share with the present and with each
        other, and put nothing of the present away. The present finds what they have worked out."""
        past = Courses(self)
        self._known.append(past._panels)
        return past

    def of(
        self,
        protocol: Protocol,
        zone: ZoneInfo,
        start: FirstDose,
        standing: Mapping[str, Sequence[Standing]],
    ) -> Measured:
        """What was measured, by everything that stands."""
        found = Measured({}, {}, {})
        for panel in self.panels(protocol, zone, start, standing):
            found.course.update(panel.course)
            found.doubtful.update(panel.doubtful)
            found.asked.update(panel.asked)
        return found

    def reported(
        self,
        protocol: Protocol,
        zone: ZoneInfo,
        start: FirstDose,
        events: Sequence[Standing],
    ) -> ByTerm:
        """What was reported, by term."""
        basis = protocol, zone, start, list(events)
        if self._reported is None or self._reported[0] != basis:
            self._reported = basis, reported_courses(protocol, zone, events, start)
        return self._reported[1]

    def panels(
        self,
        protocol: Protocol,
        zone: ZoneInfo,
        start: FirstDose | None,
        standing: Mapping[str, Sequence[Standing]],
    ) -> Iterator[Panel]:
        """Everything measured, panel by panel; without a first dose there is no course."""
        subjects = tuple(standing.get("subject", ()))
        for name, records in _panels(protocol.ctcae, standing).items():
            basis = (protocol.ctcae, protocol.worst_case, zone, start, subjects, records)
            yield self._panel(name, basis)

    def _panel(self, name: str, basis: _Basis) -> Panel:
        known = [panels[name] for panels in self._known if name in panels]
        for panel in known:
            if panel.basis == basis:
                if not self._is_past:
                    self._panels[name] = panel
                return panel
        companions = name in _with_companions(basis[0])
        panel = self._panels[name] = Panel(basis, companions, known)
        return panel


@cache
def _with_companions(ctcae: str) -> frozenset[str]:
    """The panels in which a record's grade may hang on another record of the time."""
    return frozenset({"", *(_panel_of(ctcae, test) for test in COMPANIONS)})


def _panels(
    ctcae: str, standing: Mapping[str, Sequence[Standing]]
) -> dict[str, dict[str, list[Standing]]]:
    """The standing measurements by panel and domain; all in one where a record was of one panel
    and may be of another."""
    panels: dict[str, dict[str, list[Standing]]] = {}
    for domain in DOMAINS:
        by_tests: dict[tuple[str, ...], list[Standing]] = {}
        for one in standing.get(domain, ()):
            if (panel := by_tests.get(one.tests)) is None:
                names = {_panel_of(ctcae, test) for test in one.tests}
                if len(names) > 1:
                    return {"": {domain: list(standing.get(domain, ())) for domain in DOMAINS}}
                records = panels.setdefault(names.pop(), {domain: [] for domain in DOMAINS})
                panel = by_tests[one.tests] = records[domain]
            panel.append(one)
    return panels


@lru_cache(maxsize=4096)
def _panel_of(ctcae: str, code: str) -> str:
    return _ties(ctcae).get(code) or testcd_of(code)


@cache
def _ties(ctcae: str) -> dict[str, str]:
    """Each test code's panel: whatever shares a term, is graded beside or derived from another."""
    panel: dict[str, str] = {}

    def tie(*nodes: str) -> None:
        names = {panel.setdefault(node, node) for node in nodes}
        for node, name in panel.items():
            if name in names:
                panel[node] = min(names)

    for tests in _DERIVED:
        tie(*tests)
    for domain in DOMAINS:
        for code, criteria in by_test(ctcae, domain).items():
            tie(code, testcd_of(code))
            for criterion in criteria:
                tie(code, criterion.term, *criterion.beside)
    return panel
