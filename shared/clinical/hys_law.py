"""Hy's law: transaminases and bilirubin raised together without an early rise of ALP.

Source: FDA, Guidance for Industry, Drug-Induced Liver Injury: Premarketing Clinical Evaluation,
July 2009. Every value is compared with the upper limit sent with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache

from shared.clinical.ctcae import Measurement, Multiple, multiple_of_uln
from shared.clinical.dlt import Case, Trigger
from shared.clinical.protocol import CriterionRule, HysLaw
from shared.clinical.timeline import Entry
from shared.contracts.assessment import CriterionResult
from shared.contracts.facts import Lab

TRANSAMINASES = ("ALT", "AST")


@dataclass(frozen=True, slots=True)
class _Value:
    first: date
    last: date
    multiple: Multiple | None
    entry: Entry

    def at_least(self, factor: int) -> bool | None:
        return None if self.multiple is None else self.multiple.at_least(Decimal(factor))


def hys_law_triggers(rule: CriterionRule, case: Case) -> list[Trigger]:
    """One trigger per transaminase value that reaches the limit after the first dose."""
    assert rule.hys_law is not None
    values = _values(case, ("ALT", "AST", "BILI", "ALP"))
    triggers = []
    for test in TRANSAMINASES:
        for value in values[test]:
            high = value.at_least(rule.hys_law.transaminase_at_least)
            if high is not False and value.last >= case.start.first:
                triggers.append(_judge(rule.hys_law, test, value, high, values))
    return triggers


def _values(case: Case, tests: tuple[str, ...]) -> dict[str, list[_Value]]:
    found: dict[str, list[_Value]] = {test: [] for test in tests}
    for standing in case.labs:
        for entry in standing.entries:
            record = entry.record
            assert isinstance(record, Lab)
            if record.LBTESTCD in found and record.LBORRES is not None:
                multiple = _multiple(entry.lab_value())
                found[record.LBTESTCD].append(_Value(*entry.dates(case.zone), multiple, entry))
    return found


@lru_cache(maxsize=65536)
def _multiple(value: Measurement) -> Multiple | None:
    answer = multiple_of_uln(value)
    return answer if isinstance(answer, Multiple) else None


def _near(rule: HysLaw, value: _Value, others: list[_Value]) -> list[_Value]:
    return [
        other
        for other in others
        if (other.first - value.last).days <= rule.within_days
        and (value.first - other.last).days <= rule.within_days
    ]


def _judge(
    rule: HysLaw, test: str, value: _Value, high: bool | None, values: dict[str, list[_Value]]
) -> Trigger:
    bilirubin, alp = _near(rule, value, values["BILI"]), _near(rule, value, values["ALP"])
    entries = (value.entry, *(other.entry for other in (*bilirubin, *alp)))
    base = Trigger("open", value.first, value.last, "", entries)
    why = f"{test} at least {rule.transaminase_at_least} x ULN"
    raised = [other.at_least(rule.bilirubin_at_least) for other in bilirubin]
    cholestatic = [other.at_least(rule.alp_below) for other in alp]
    if bilirubin and not any(answer is not False for answer in raised):
        why = f"{why}, bilirubin below {rule.bilirubin_at_least} x ULN"
        return _as(base, "not_met", why)
    if alp and all(answer is True for answer in cholestatic):
        return _as(base, "not_met", f"{why}, ALP not below {rule.alp_below} x ULN")
    if high is None or True not in raised:
        missing = f"{test} and bilirubin of one day with their upper limits"
        return _as(base, "open", f"{why}, bilirubin not known", missing)
    if False not in cholestatic:
        why = f"{why} with bilirubin at least {rule.bilirubin_at_least} x ULN, ALP not known"
        return _as(base, "needs_review", why, "ALP of the same day with its upper limit")
    why = f"{why} with bilirubin at least {rule.bilirubin_at_least} x ULN and ALP below"
    return _as(base, "met", f"{why} {rule.alp_below} x ULN")


def _as(base: Trigger, result: CriterionResult, why: str, missing: str | None = None) -> Trigger:
    return replace(base, result=result, why=why, missing=missing)
