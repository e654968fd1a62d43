"""Hy's law: transaminases and bilirubin raised together without an early rise of ALP.

Source: FDA, Guidance for Industry, Drug-Induced Liver Injury: Premarketing Clinical Evaluation,
July 2009. Every value is compared with the upper limit sent with it.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from zoneinfo import ZoneInfo

from shared.clinical.case import Case, Trigger
from shared.clinical.criteria import HysLaw
from shared.clinical.ctcae import Multiple, multiple_of_uln
from shared.clinical.samples import is_before, is_done, is_flagged, sample_of
from shared.clinical.timeline import Entry, Standing
from shared.contracts.assessment import CriterionResult

TRANSAMINASES = ("ALT", "AST")
_LIMITED = (*TRANSAMINASES, "BILI")


@dataclass(frozen=True, slots=True)
class LiverValue:
    """A value as a multiple of its own ULN, None where that is not known, and the local dates it
    may be of."""

    first: date
    last: date
    multiple: Multiple | None
    entry: Entry
    excuse: bool | None = None
    """Of a doubtful value the answer that would excuse: it is not to be had from it."""

    def at_least(self, factor: int | Fraction) -> bool | None:
        """Whether it is so many times ULN or more; None where that can't be told."""
        answer = self._at_least(factor)
        return None if answer is self.excuse else answer

    def _at_least(self, factor: int | Fraction) -> bool | None:
        if self.multiple is None:
            return None
        if isinstance(factor, int):
            return self.multiple.at_least(Decimal(factor))
        if self.multiple.low >= factor:
            return True
        high = self.multiple.high
        return False if high is not None and high < factor else None


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits that hold for a subject, as multiples of ULN, and the values by test."""

    rule: HysLaw
    values: dict[str, list[LiverValue]]
    factors: dict[str, int | Fraction]

    def words(self, test: str) -> str:
        """A limit as a sentence."""
        factor = self.factors[test]
        if isinstance(factor, int):
            return f"at least {factor} x ULN"
        multiple = _of_baseline(self.rule, test)
        return f"at least {multiple} x its raised baseline"


def hys_law_triggers(rule: HysLaw, case: Case) -> list[Trigger]:
    """One trigger per transaminase value that reaches the limit after the first dose."""
    values = liver_values(case.labs, case.zone, (*TRANSAMINASES, "BILI", "ALP"))
    values = {
        test: [_cautious(one, case.doubtful, test == "ALP") for one in found]
        for test, found in values.items()
    }
    factors = {test: _factor(rule, test, values, case) for test in _LIMITED}
    limits = _Limits(rule, values, factors)
    triggers = []
    for test in TRANSAMINASES:
        for value in values[test]:
            high = value.at_least(factors[test])
            if high is not False and value.last >= case.start.first:
                triggers.append(_judge(limits, test, value, high, case))
    return triggers


def _factor(
    rule: HysLaw, test: str, values: dict[str, list[LiverValue]], case: Case
) -> int | Fraction:
    """The multiple of ULN that counts; where the value before treatment was above ULN and the
    protocol says so, the multiple of that value instead, each by its own ULN."""
    transaminase = test in TRANSAMINASES
    plain = rule.transaminase_at_least if transaminase else rule.bilirubin_at_least
    multiple = _of_baseline(rule, test)
    before = [one for one in values[test] if is_before(one.entry, case.zone, case.start)]
    if multiple is None or not before:
        return plain
    value = max(before, key=lambda one: rank_before(one, case.zone))
    last = value.multiple if value.entry not in case.asked else None
    return plain if last is None or last.low <= 1 else last.low * Fraction(multiple)


def _of_baseline(rule: HysLaw, test: str) -> Decimal | None:
    raised = rule.if_baseline_raised
    if raised is None:
        return None
    return raised.transaminase_at_least if test in TRANSAMINASES else raised.bilirubin_at_least


def rank_before(value: LiverValue, zone: ZoneInfo) -> tuple[bool, datetime, Fraction | int]:
    """The highest is the value before treatment; of two of one time the lower multiple."""
    low = value.multiple.low if value.multiple else 0
    return is_flagged(value.entry), value.entry.instants(zone)[1], -low


def liver_values(
    labs: Sequence[Standing], zone: ZoneInfo, tests: Sequence[str]
) -> dict[str, list[LiverValue]]:
    """Every reported value of these tests."""
    found: dict[str, list[LiverValue]] = {test: [] for test in tests}
    for standing in labs:
        for entry in standing.entries:
            if entry.test in found and is_done(entry):
                value = entry.remembered("hys_law", zone, partial(_value, entry, zone))
                found[entry.test].append(value)
    return found


def _value(entry: Entry, zone: ZoneInfo) -> LiverValue:
    answer = multiple_of_uln(sample_of(entry).value)
    return LiverValue(*entry.dates(zone), answer if isinstance(answer, Multiple) else None, entry)


def _cautious(value: LiverValue, doubtful: Container[Entry], cholestasis: bool) -> LiverValue:
    """A high ALP excuses, a high transaminase or bilirubin is what is looked for."""
    return replace(value, excuse=cholestasis) if value.entry in doubtful else value


def _near(rule: HysLaw, value: LiverValue, others: list[LiverValue]) -> list[LiverValue]:
    return [
        other
        for other in others
        if (other.first - value.last).days <= rule.within_days
        and (value.first - other.last).days <= rule.within_days
    ]


def _bilirubin(limits: _Limits, value: LiverValue, case: Case) -> list[LiverValue]:
    """The bilirubin values a transaminase value is paired with."""
    values = limits.values["BILI"]
    if limits.rule.pairing == "same_time":
        return _near(limits.rule, value, values)
    return [other for other in values if other.last >= case.start.first]


def _judge(limits: _Limits, test: str, value: LiverValue, high: bool | None, case: Case) -> Trigger:
    rule = limits.rule
    bilirubin = _bilirubin(limits, value, case)
    alp = _near(rule, value, limits.values["ALP"]) if rule.alp_below is not None else []
    entries = (value.entry, *(other.entry for other in (*bilirubin, *alp)))
    raised = [other.at_least(limits.factors["BILI"]) for other in bilirubin]
    base = Trigger("open", value.first, value.last, "", entries)
    if rule.pairing == "peak_to_peak":
        base = _dated(base, bilirubin, raised)
    why, both = f"{test} {limits.words(test)}", f"bilirubin {limits.words('BILI')}"
    if bilirubin and not any(answer is not False for answer in raised):
        return _as(base, "not_met", f"{why}, {both.replace('at least', 'below')}")
    cholestatic = [] if rule.alp_below is None else [one.at_least(rule.alp_below) for one in alp]
    if alp and all(answer is True for answer in cholestatic):
        return _as(base, "not_met", f"{why}, ALP not below {rule.alp_below} x ULN")
    if high is None or True not in raised:
        missing = f"{test} and bilirubin of one day with their upper limits"
        return _as(base, "open", f"{why}, bilirubin not known", missing)
    if rule.alp_below is None:
        return _as(base, "met", f"{why} with {both}")
    if False not in cholestatic:
        why = f"{why} with {both}, ALP not known"
        return _as(base, "needs_review", why, "ALP of the same day with its upper limit")
    return _as(base, "met", f"{why} with {both} and ALP below {rule.alp_below} x ULN")


def _dated(base: Trigger, bilirubin: list[LiverValue], raised: list[bool | None]) -> Trigger:
    """Of a pair that lies days apart the later value dates it."""
    high = [other for other, answer in zip(bilirubin, raised, strict=True) if answer]
    if not high:
        return base
    first = min(high, key=lambda other: (other.first, other.last))
    return replace(base, first=max(base.first, first.first), last=max(base.last, first.last))


def _as(base: Trigger, result: CriterionResult, why: str, missing: str | None = None) -> Trigger:
    return replace(base, result=result, why=why, missing=missing)
