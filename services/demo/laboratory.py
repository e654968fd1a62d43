"""The replay's laboratory values: a curve through what is stated and what the events ask for.

Each test runs in straight lines between points. A value between two points is rounded as a
laboratory reports it, so that a nadir never looks more precise than a measurement.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from services.demo.table import CYCLE_DAYS, Row, share
from services.demo.toxicity import Toxicity

Curve = dict[int, Decimal]


@dataclass(frozen=True, slots=True)
class Assay:
    """A test as its laboratory reports it; ``usual`` is where healthy values lie."""

    code: str
    specimen: str
    unit: str
    low: str
    high: str
    usual: tuple[str, str]
    step: str

    def base(self, row: Row) -> Decimal:
        """The subject's own value before treatment."""
        lowest, highest = (Decimal(text) for text in self.usual)
        return lowest + (highest - lowest) * share(row.subject, self.code)


ASSAYS = (
    Assay("PLAT", "BLOOD", "10^9/L", "125", "350", ("190", "265"), "1"),
    Assay("NEUT", "BLOOD", "10^9/L", "1.8", "6.3", ("3.2", "4.6"), "0.1"),
    Assay("WBC", "BLOOD", "10^9/L", "3.5", "9.5", ("5.4", "7.6"), "0.1"),
    Assay("AST", "SERUM", "U/L", "13", "40", ("18", "30"), "1"),
    Assay("ALT", "SERUM", "U/L", "7", "50", ("14", "34"), "1"),
    Assay("BILI", "SERUM", "umol/L", "3.4", "20.5", ("6.5", "13.5"), "0.1"),
    Assay("ALP", "SERUM", "U/L", "45", "125", ("58", "96"), "1"),
)
_LIVER = ("AST", "ALT", "BILI", "ALP")


@dataclass(frozen=True, slots=True)
class Sample:
    """One result on one study day."""

    assay: Assay
    day: int
    result: str


def samples(
    row: Row, events: tuple[Toxicity, ...], stated: dict[tuple[str, str], Curve]
) -> list[Sample]:
    """Every result of a subject, by day.

    A sample that has AST always has ALT, bilirubin and alkaline phosphatase too: Hy's law asks
    for them together.
    """
    found = []
    visits = _visits(row)
    liver_days = visits | _event_days(events, "AST") | set(stated.get((row.subject, "AST"), ()))
    for assay in ASSAYS:
        exact = stated.get((row.subject, assay.code), {})
        curve = _curve(assay, row, events, exact)
        days = liver_days if assay.code in _LIVER else visits | _event_days(events, assay.code)
        if assay.code == "PLAT" and exact:
            days = {day for day in visits if not min(exact) <= day <= max(exact)} | set(exact)
        found += [Sample(assay, day, _at(curve, day, assay)) for day in days]
    return sorted(found, key=lambda sample: (sample.day, ASSAYS.index(sample.assay)))


def _visits(row: Row) -> set[int]:
    """Days with a full panel: close-meshed in the escalation, where DLTs are looked for."""
    first = {1, 8, 15, 21} if row.part == "escalation" else {1, 15}
    second = {22, 29, 36} if row.part == "escalation" else {22, 36}
    return first | second if row.cycles > 1 else first


_EVENT_OF = {"PLAT": "PLT", "NEUT": "ANC", "WBC": "WBC", "AST": "AST"}


def _event_days(events: Iterable[Toxicity], code: str) -> set[int]:
    """Samples taken because of an event: at its onset, on the way up, and when it is over."""
    days: set[int] = set()
    for event in events:
        if event.code == _EVENT_OF.get(code):
            days |= {event.day, event.day + event.days}
            if event.grade >= 3 and code == "PLAT":
                days.add(event.day + 4)
    return days


def _curve(assay: Assay, row: Row, events: tuple[Toxicity, ...], exact: Curve) -> Curve:
    base = assay.base(row)
    curve = {1: base, CYCLE_DAYS + 1: base * Decimal("0.97")}
    for event in events:
        points = _points(assay, row, event, base, {other.code for other in events})
        if points:
            curve = {day: value for day, value in curve.items() if day < min(points)} | points
    if exact and assay.code == "PLAT":
        # What is stated is the whole story from its first day on.
        curve = {day: value for day, value in curve.items() if day < min(exact)} | exact
    return dict(sorted((curve | exact).items()))


def _points(assay: Assay, row: Row, event: Toxicity, base: Decimal, codes: set[str]) -> Curve:
    """The bend an event puts into a curve; empty where the test has nothing to do with it."""
    over = event.day + event.days
    severe = event.grade >= 3
    chance = share(row.subject, assay.code, "nadir")
    if assay.code == "PLAT" and event.code == "PLT":
        return _platelets(event, base, chance)
    if assay.code == "NEUT" and severe and event.code in ("ANC", "WBC"):
        lowest = Decimal("0.7") + chance / 5 if "ANC" in codes else Decimal("1.1")
        return _dip(event.day, over, base, lowest, Decimal("2.4"))
    if assay.code == "WBC" and severe and event.code in ("ANC", "WBC"):
        lowest = Decimal("1.5") + chance / 4 if "WBC" in codes else Decimal("2.3")
        return _dip(event.day, over, base, lowest, Decimal("3.8"))
    if assay.code in ("AST", "ALT") and event.code == "AST":
        return _rise(assay, event, base, chance)
    return {}


def _platelets(event: Toxicity, base: Decimal, chance: Decimal) -> Curve:
    over = event.day + event.days
    lowest = {1: 88 + chance * 20, 3: 29 + chance * 18, 4: 16 + chance * 6}[event.grade]
    if event.grade < 3:
        return _dip(event.day, over, base, Decimal(lowest), base * Decimal("0.8"))
    return {
        event.day - 7: base * Decimal("0.66"),
        event.day: Decimal(lowest),
        event.day + 4: 58 + chance * 14,
        over: 96 + chance * 20,
        over + 7: base * Decimal("0.8"),
    }


def _dip(day: int, over: int, base: Decimal, lowest: Decimal, back: Decimal) -> Curve:
    return {day - 7: base * Decimal("0.9"), day: lowest, over: back, over + 7: base}


def _rise(assay: Assay, event: Toxicity, base: Decimal, chance: Decimal) -> Curve:
    """AST leads; ALT follows without a grade of its own that the table does not have."""
    over = event.day + event.days
    upper = Decimal(assay.high)
    if event.grade < 3:
        highest = upper * Decimal("1.6") if assay.code == "AST" else upper * Decimal("0.9")
        return {max(1, event.day - 7): base, event.day: highest, over: base}
    highest = upper * (Decimal("5.4") + chance * 2) if assay.code == "AST" else upper * 2
    return {
        max(1, event.day - 7): base,
        event.day: highest,
        over: upper * Decimal("1.4"),
        over + 7: base,
    }


def _at(curve: Curve, day: int, assay: Assay) -> str:
    """The curve's value as reported; level before its first and after its last point."""
    days = list(curve)
    after = bisect_right(days, day)
    if after == 0 or after == len(days):
        value = curve[days[min(after, len(days) - 1)]]
    else:
        left, right = days[after - 1], days[after]
        part = Decimal(day - left) / Decimal(right - left)
        value = curve[left] + (curve[right] - curve[left]) * part
    return str(value.quantize(Decimal(assay.step)))
