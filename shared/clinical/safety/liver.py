"""Hy's law as a signal of its own, by every variant the study names, and the repeat it asks for.

FDA, Guidance for Industry, Drug-Induced Liver Injury, July 2009: repeat within 48 to 72 hours.
"""

from __future__ import annotations

from datetime import datetime

from shared.clinical.case import Case, Trigger
from shared.clinical.hys_law import TRANSAMINASES, hys_law_triggers
from shared.clinical.protocol.safety import LiverWatch
from shared.clinical.questions import Findings
from shared.clinical.safety.clocks import Clock, Span, within_hours
from shared.clinical.samples import is_done, sample_of
from shared.clinical.timeline import latest
from shared.contracts.assessment import SafetyFinding


def watch_liver(case: Case, found: Findings) -> None:
    """Tell each variant that is met, or met unless a missing ALP says otherwise."""
    safety = case.protocol.safety
    for rule in safety.hys_law if safety else ():
        triggers = sorted(hys_law_triggers(rule, case), key=lambda one: (one.first, one.why))
        for trigger in triggers:
            if trigger.missing is not None and trigger.result != "not_met":
                found.ask("missing", f"{rule.id}: {trigger.missing}", trigger.entries)
        met = [one for one in triggers if one.result in ("met", "needs_review")]
        if met:
            _tell(case, rule, met[0], found)


def _tell(case: Case, rule: LiverWatch, trigger: Trigger, found: Findings) -> None:
    clocks = [_repeat(case, rule.repeat_within_hours, trigger)] if rule.repeat_within_hours else []
    found.deadlines += [turn for clock in clocks for turn in clock.turns()]
    found.safety.append(
        SafetyFinding(
            kind="hys_law",
            id=f"hys_law/{rule.id}",
            rule=rule.id,
            trigger=f"{trigger.first}|{trigger.result}",
            urgent=True,
            onset=trigger.first,
            text=f"possible Hy's law case on {trigger.first}: {trigger.why}; another cause is for "
            "a person to rule out",
            known_at=latest(trigger.entries) or case.as_of,
            evidence=tuple(entry.evidence for entry in trigger.entries),
            clocks=tuple(clock.at(case.as_of) for clock in clocks),
        )
    )


def _repeat(case: Case, hours: int, trigger: Trigger) -> Clock:
    """From the samples that made the case to a later transaminase and bilirubin."""
    taken = [
        entry.instants(case.zone)
        for entry in trigger.entries
        if sample_of(entry).test in (*TRANSAMINASES, "BILI")
        and entry.dates(case.zone)[0] <= trigger.last
    ]
    since = max(one[0] for one in taken), max(one[1] for one in taken)
    text, basis = "repeat of the liver tests", "the samples that made the case"
    return within_hours("repeat", text, hours, since, basis, _repeated(case, since[1]), False)


def _repeated(case: Case, after: datetime) -> Span | None:
    """When both tests had been taken again; None while one is missing."""
    liver = _first_after(case, TRANSAMINASES, after)
    bilirubin = _first_after(case, ("BILI",), after)
    if liver is None or bilirubin is None:
        return None
    return max(liver[0], bilirubin[0]), max(liver[1], bilirubin[1])


def _first_after(case: Case, tests: tuple[str, ...], after: datetime) -> Span | None:
    taken = [
        entry.instants(case.zone)
        for standing in case.labs
        for entry in standing.entries
        if is_done(entry) and sample_of(entry).test in tests
    ]
    return min((span for span in taken if span[0] > after), default=None)
