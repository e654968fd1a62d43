"""The measured course of each term, worked out anew only where what it rests on has changed.

A grade hangs on other tests of the same time, and a term may be measured in several ways: tests
tied to each other so make a panel, and no panel says anything about another. Of a subject with a
year of laboratory visits a further value touches one panel of thirty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

from shared.clinical.ctcae.criteria import by_test
from shared.clinical.measured import COMPANIONS, Measurements, WorstCase
from shared.clinical.protocol import Protocol
from shared.clinical.samples import DOMAINS, FirstDose, testcd_of
from shared.clinical.timeline import Standing
from shared.clinical.toxicity import Observation, measured_courses, observed

Course = dict[str, list[Observation]]
_Basis = tuple[
    str,
    WorstCase,
    ZoneInfo,
    FirstDose,
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


@dataclass
class _Panel:
    """What was worked out of one panel: the course of what it rests on, and the observations of
    each record in the company they were graded in."""

    basis: object = None
    course: Course = field(default_factory=dict)
    start: object = None
    on_treatment: set[Standing] = field(default_factory=set)
    company: object = None
    seen: dict[Standing, Sequence[Observation]] = field(default_factory=dict)


class Courses:
    """What was measured of one subject, kept by panel with what it was worked out from."""

    def __init__(self) -> None:
        self._panels: dict[str, _Panel] = {}
        self._keeps = True

    def of_the_past(self) -> Courses:
        """The same for reading only: an earlier moment finds what it shares with the present and
        puts nothing of it away."""
        past = Courses()
        past._panels, past._keeps = self._panels, False
        return past

    def of(
        self,
        protocol: Protocol,
        zone: ZoneInfo,
        start: FirstDose,
        standing: Mapping[str, Sequence[Standing]],
    ) -> Course:
        """The observations of each measured term, in the order of time."""
        found: Course = {}
        subjects = tuple(standing.get("subject", ()))
        for name, records in _panels(protocol.ctcae, standing).items():
            basis = (protocol.ctcae, protocol.worst_case, zone, start, subjects, records)
            panel = self._panels.get(name, _Panel())
            if panel.basis != basis:
                companions = name in _with_companions(protocol.ctcae)
                panel = _worked_out(panel, basis, companions)
                if self._keeps:
                    self._panels[name] = panel
            found |= panel.course
        return found


def _worked_out(before: _Panel, basis: _Basis, companions: bool) -> _Panel:
    """The panel by what it rests on, as far as possible from what was worked out before."""
    ctcae, worst_case, zone, start, subjects, records = basis
    after = before.on_treatment if before.start == (zone, start) else set()
    measured = Measurements(
        ctcae, zone, start, {"subject": subjects, **records}, worst_case, set(after)
    )
    company = (ctcae, worst_case, zone, start, subjects, measured.company(companions))
    known = before.seen if before.company == company else {}
    seen = {
        one: found
        if (found := known.get(one)) is not None
        else observed(zone, measured.graded_of(one), start)
        for one in measured.records
    }
    course = measured_courses(chain.from_iterable(seen.values()))
    return _Panel(basis, course, (zone, start), measured.on_treatment, company, seen)


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
        for one in standing.get(domain, ()):
            name = _panel_of(ctcae, one.tests[0])
            if len(one.tests) > 1 and any(_panel_of(ctcae, test) != name for test in one.tests):
                return {"": {domain: list(standing.get(domain, ())) for domain in DOMAINS}}
            if (panel := panels.get(name)) is None:
                panel = panels[name] = {domain: [] for domain in DOMAINS}
            panel[domain].append(one)
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
