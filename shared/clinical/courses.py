"""The measured course of each term, worked out anew only where what it rests on has changed.

A grade hangs on other tests of the same time, and a term may be measured in several ways: tests
tied to each other so make a panel, and no panel says anything about another. Of a subject with a
year of laboratory visits a further value touches one panel of thirty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache, partial
from zoneinfo import ZoneInfo

from shared.clinical.ctcae.criteria import by_test
from shared.clinical.measured import Measurements
from shared.clinical.protocol import Protocol
from shared.clinical.samples import DOMAINS, FirstDose, testcd_of
from shared.clinical.timeline import Standing
from shared.clinical.toxicity import Observation, measured_courses

Course = dict[str, list[Observation]]

_DERIVED = (
    ("CA", "CACORR", "ALB"),
    ("QT", "QTCF", "RR", "HR"),
    ("CREAT", "EGFR", "CREATCLR", "WEIGHT"),
)
"""Tests that derived values are made from or make unnecessary (`Measurements`)."""


_TEST = {"lab": "LBTESTCD", "vital": "VSTESTCD", "ecg": "EGTESTCD"}


class Courses:
    """What was measured of one subject, kept by panel with what it was worked out from."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, Course]] = {}

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
        for panel, records in _panels(protocol.ctcae, standing).items():
            basis = (protocol.ctcae, protocol.worst_case, zone, start, subjects, records)
            before, course = self._kept.get(panel, (None, {}))
            if before != basis:
                course = _course(protocol, zone, start, subjects, records)
                self._kept[panel] = (basis, course)
            found |= course
        return found


def _course(
    protocol: Protocol,
    zone: ZoneInfo,
    start: FirstDose,
    subjects: Sequence[Standing],
    records: Mapping[str, Sequence[Standing]],
) -> Course:
    standing = {"subject": subjects, **records}
    measured = Measurements(protocol.ctcae, zone, start, standing, protocol.worst_case)
    return measured_courses(zone, measured.graded(), start)


def _panels(
    ctcae: str, standing: Mapping[str, Sequence[Standing]]
) -> dict[str, dict[str, list[Standing]]]:
    """The standing measurements by panel and domain; all in one where a record was of one panel
    and may be of another."""
    panels: dict[str, dict[str, list[Standing]]] = {}
    panel_of = partial(_panel_of, ctcae)
    for domain in DOMAINS:
        test = _TEST[domain]
        for one in standing.get(domain, ()):
            name, *others = (panel_of(getattr(entry.record, test) or "") for entry in one.entries)
            if any(other != name for other in others):
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
