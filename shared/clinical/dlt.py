"""Which line of the protocol's DLT definition is met, not met, open, or needs a person, and why.

Each rule looks at one subject's `Case` and gives `Trigger`s: moments at which it bit, or may have.
A missing fact is never "no": it leaves a trigger ``open`` and says what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from shared.clinical.protocol import (
    Companion,
    CriterionRule,
    Exemption,
    Improvement,
    Protocol,
    Toxicity,
    day_ends,
    day_starts,
)
from shared.clinical.runs import Run, runs_at
from shared.clinical.timeline import Entry, Standing
from shared.clinical.toxicity import FirstDose, Observation
from shared.contracts.assessment import CriterionResult
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import Concomitant

Place = Literal["in", "out", "possible"]
RANK: dict[CriterionResult, int] = {"not_met": 0, "open": 1, "needs_review": 2, "met": 3}
"""How bad a result is."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One moment a rule bit. ``deadline``: when time alone may change it; ``missing``: what the
    site has to supply; ``first`` to ``last``: the local dates of the onset; ``grade``: the worst.
    """

    result: CriterionResult
    first: date
    last: date
    why: str
    entries: tuple[Entry, ...]
    deadline: datetime | None = None
    missing: str | None = None
    flags: tuple[str, ...] = ()
    grade: int | None = None


@dataclass
class Case:
    """Everything about one subject that the DLT rules may ask, as of one moment."""

    protocol: Protocol
    zone: ZoneInfo
    as_of: datetime
    start: FirstDose
    window: tuple[date, date]
    observations: dict[str, list[Observation]]
    labs: Sequence[Standing]
    doses: Sequence[Standing]
    concomitants: Sequence[Standing]
    dispositions: Sequence[Standing]
    reviews: Sequence[Standing]
    complete: dict[str, date]

    @property
    def today(self) -> date:
        """The local calendar date of ``as_of``."""
        return self.as_of.astimezone(self.zone).date()

    def place(self, first: date, last: date) -> Place:
        """Whether an onset lies in the DLT window, days 1 to N inclusive."""
        if first >= self.window[0] and last <= self.window[1]:
            return "in"
        return "out" if last < self.window[0] or first > self.window[1] else "possible"

    def complete_through(self, domain: str) -> date | None:
        """How far the source says a domain is entered completely."""
        known = [self.complete[name] for name in (domain, "ALL") if name in self.complete]
        return max(known) if known else None

    def is_complete(self, domain: str, through: date) -> bool:
        """Whether an absent record of the domain means "no" up to a date."""
        known = self.complete_through(domain)
        if known is not None and known >= through:
            return True
        assumed = self.assumed_complete(through)
        return assumed is not None and self.as_of >= assumed

    def assumed_complete(self, through: date) -> datetime | None:
        """From when on everything up to a date counts as entered without anyone saying so."""
        rule = self.protocol.completeness
        if rule.mode != "assumed":
            return None
        return day_ends(through + timedelta(days=rule.grace_days), self.zone)


def toxicity_triggers(rule: CriterionRule, case: Case) -> list[Trigger]:
    """Every run at the grade, then its duration, companions, attribution and exemptions."""
    assert rule.toxicity is not None
    triggers = []
    for term in selected_terms(rule.toxicity, case):
        observations = case.observations[term]
        if rule.toxicity.for_more_than_days is not None:
            observations = _for_duration(observations)
        for run in runs_at(observations, rule.toxicity.grade):
            triggers.append(_judge_run(rule, case, run))
    return triggers


def selected_terms(toxicity: Toxicity, case: Case) -> list[str]:
    """The terms a toxicity speaks of, among those the subject has."""
    groups = case.protocol.term_groups
    if toxicity.any_term:
        return list(case.observations)
    if toxicity.not_in_group is not None:
        outside = set(groups[toxicity.not_in_group])
        return [term for term in case.observations if term not in outside]
    wanted = set(toxicity.terms) if toxicity.group is None else set(groups[toxicity.group])
    return [term for term in case.observations if term in wanted]


def _for_duration(observations: list[Observation]) -> list[Observation]:
    """Days at a grade are counted on measurements where there are any: the report of an event
    lasts as long as the event, not as long as its worst grade."""
    measured = [seen for seen in observations if not seen.reported]
    return measured or observations


def _judge_run(rule: CriterionRule, case: Case, run: Run) -> Trigger:
    assert rule.toxicity is not None
    why = f"{run.term}: {run.why}"
    trigger = Trigger("met", run.first, run.last, why, run.entries, grade=run.worst)
    if rule.toxicity.for_more_than_days is not None:
        trigger = _lasting(trigger, run, rule.toxicity.for_more_than_days, case)
    if rule.together_with_any and trigger.result != "not_met":
        trigger = _together(trigger, run, rule.together_with_any, case)
    if trigger.result == "not_met":
        return trigger
    if not run.certain:
        missing = f"what decides the grade of {run.term}"
        trigger = replace(
            trigger, result="open", missing=missing, why=f"{trigger.why}; the grade is not certain"
        )
    if run.attribution == "no":
        return replace(trigger, result="not_met", why=f"{trigger.why}; reported as not related")
    if run.attribution == "judge":
        why = f"{trigger.why}; reported as not related: a person decides"
        trigger = replace(trigger, result=_at_least_review(trigger.result), why=why)
    elif run.attribution == "unknown":
        trigger = _asked(trigger, f"the relatedness of {run.term}", "attribution_missing")
    for exemption in rule.unless:
        if _exempts(exemption, run, case):
            trigger = _exempted(trigger, exemption, run, case)
    return trigger


def _at_least_review(result: CriterionResult) -> CriterionResult:
    return "needs_review" if result == "met" else result


def _asked(trigger: Trigger, missing: str, flag: str) -> Trigger:
    return replace(trigger, missing=trigger.missing or missing, flags=(*trigger.flags, flag))


def _lasting(trigger: Trigger, run: Run, days: int, case: Case) -> Trigger:
    """Longer than ``days`` calendar days: needs day ``days + 1``, counted from the onset."""
    if run.end is not None:
        lasted = (run.end - run.first).days
        if lasted <= days:
            why = f"{trigger.why}; lasted {lasted} days, not more than {days}"
            return replace(trigger, result="not_met", why=why, flags=_gap(run))
        return replace(trigger, why=f"{trigger.why}; lasted {lasted} days", flags=_gap(run))
    observed = (run.last_observed - run.first).days + 1
    if observed > days:
        return replace(trigger, why=f"{trigger.why}; {observed} days so far, more than {days}")
    due = run.first + timedelta(days=days)
    trigger = replace(trigger, result="open", why=f"{trigger.why}; {observed} of {days} days seen")
    if case.today > due:
        return _asked(trigger, f"a value of {run.term} after day {observed}", "unobserved")
    return replace(trigger, deadline=day_starts(due + timedelta(days=1), case.zone))


def _gap(run: Run) -> tuple[str, ...]:
    """Flag a length that rests on days nobody measured."""
    assert run.end is not None
    return ("unobserved",) if (run.end - run.last_observed).days > 1 else ()


def _together(trigger: Trigger, run: Run, companions: Sequence[Companion], case: Case) -> Trigger:
    """The run with a second fact during it; none counts only where the source is complete."""
    until = run.end or case.today
    best: Trigger | None = None
    for companion in companions:
        found = _companion(companion, run, until, case)
        if found is not None and (best is None or found.first < best.first):
            best = found
    if best is not None:
        return replace(
            trigger,
            first=max(trigger.first, best.first),
            last=max(trigger.last, best.last),
            why=f"{trigger.why}, with {best.why}",
            entries=(*trigger.entries, *best.entries),
        )
    needed = min(until, case.window[1])
    if all(case.is_complete(domain, needed) for domain in ("AE", "CM")):
        trigger = replace(
            trigger, result="not_met", why=f"{trigger.why}; nothing else reported with it"
        )
        return _asked_again(trigger, run, needed, case)
    why = f"{trigger.why}; the source is not complete through {needed}"
    deadline = _sooner(trigger.deadline, case.assumed_complete(needed))
    missing = "whether it came with another event"
    trigger = replace(trigger, result="open", why=why, missing=missing, deadline=deadline)
    return _asked_again(trigger, run, needed, case)


def _asked_again(trigger: Trigger, run: Run, needed: date, case: Case) -> Trigger:
    """While the run lasts within the window, each day needs its own confirmation."""
    if run.end is not None or needed == case.window[1]:
        return trigger
    tomorrow = day_starts(needed + timedelta(days=1), case.zone)
    return replace(trigger, deadline=_sooner(trigger.deadline, tomorrow))


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _companion(companion: Companion, run: Run, until: date, case: Case) -> Trigger | None:
    if companion.toxicity is not None:
        for term in selected_terms(companion.toxicity, case):
            for other in runs_at(case.observations[term], companion.toxicity.grade):
                if other.first <= until and (other.end is None or other.end >= run.first):
                    return Trigger(
                        "met", other.first, other.last, f"{term}: {other.why}", other.entries
                    )
        return None
    assert companion.treatment is not None
    names = {name.upper() for name in companion.treatment.names}
    for standing in case.concomitants:
        for entry in standing.entries:
            record = entry.record
            assert isinstance(record, Concomitant)
            said = record.CMTRT.upper()
            named = not names or any(name in said for name in names)
            if not named or record.category not in (companion.treatment.category, None):
                continue
            if record.category is None and not names:
                continue
            first, last = entry.dates(case.zone)
            if max(last, _given_until(record, last, case)) >= run.first and first <= until:
                first, last = max(first, run.first), max(last, run.first)
                what = f"{companion.treatment.category} {record.CMTRT}"
                return Trigger("met", first, last, what, (entry,))
    return None


def _given_until(record: Concomitant, last: date, case: Case) -> date:
    """A transfusion is given on a day; other treatments go on until they are said to have ended."""
    if record.CMENDTC is not None:
        return parse_dtc(record.CMENDTC).local_dates(case.zone)[1]
    return last if record.category in ("transfusion", None) else case.today


def _exempts(exemption: Exemption, run: Run, case: Case) -> bool:
    terms = set(exemption.terms)
    if exemption.group is not None:
        terms |= set(case.protocol.term_groups[exemption.group])
    return (not terms or run.term in terms) and run.worst <= exemption.up_to_grade


def _exempted(trigger: Trigger, exemption: Exemption, run: Run, case: Case) -> Trigger:
    if exemption.improves is not None:
        improved = _improved(exemption.improves, run, case)
        if improved.result != "met":
            result = _softer(trigger.result, improved.result)
            return replace(
                trigger,
                result=result,
                why=f"{trigger.why}; {improved.why}",
                deadline=_sooner(improved.deadline, trigger.deadline),
                missing=improved.missing or trigger.missing,
                flags=(*trigger.flags, *improved.flags),
            )
        trigger = replace(trigger, why=f"{trigger.why}; {improved.why}")
    if exemption.judgement is not None:
        why = f"{trigger.why}; not a DLT if {exemption.judgement}: a person decides"
        trigger = replace(trigger, result=_at_least_review(trigger.result), why=why)
    return trigger


def _softer(result: CriterionResult, exemption: CriterionResult) -> CriterionResult:
    """What is left of a result when its exemption holds (not_met) or may still hold (open)."""
    return exemption if exemption == "not_met" else ("open" if result == "met" else result)


def _improved(rule: Improvement, run: Run, case: Case) -> Trigger:
    """``not_met``: it improved in time (exempt). ``met``: it did not. ``open``: not known yet."""
    clock = f"{rule.within_days} days" if rule.within_days else f"{rule.within_hours} hours"
    goal = f"back to grade {rule.to_grade} within {clock}"
    base = Trigger("open", run.first, run.last, "", ())
    surely_in_time, surely_late = _due(rule, run, case.zone)
    recovered = _recovery(rule, run, case)
    if recovered is not None:
        flags = _gap(run) if run.end is not None else ()
        if recovered[1] <= surely_in_time:
            return replace(base, result="not_met", why=goal)
        if recovered[0] > surely_late:
            return replace(base, result="met", why=f"not {goal}", flags=flags)
        why = f"whether it was {goal} hangs on the time of day"
        return replace(base, why=why, missing="times of day", flags=("date_uncertain",))
    if case.as_of < surely_late:
        return replace(base, why=f"may be {goal}", deadline=surely_late)
    due = surely_late.astimezone(case.zone).date()
    if run.last_observed >= due:
        return replace(base, result="met", why=f"not {goal}")
    missing = f"a value of {run.term} by {due}"
    why = f"no value since shows whether it was {goal}"
    return replace(base, why=why, missing=missing, flags=("unobserved",))


def _due(rule: Improvement, run: Run, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Up to when a recovery is in time whenever the onset was, and from when it never is."""
    if rule.within_days is not None:
        limit = timedelta(days=rule.within_days)
        return day_ends(run.first + limit, zone), day_ends(run.last + limit, zone)
    assert rule.within_hours is not None
    hours = timedelta(hours=rule.within_hours)
    return run.moment[0] + hours, run.moment[1] + hours


def _recovery(rule: Improvement, run: Run, case: Case) -> tuple[datetime, datetime] | None:
    """First and last instant the term may first have been at or below the grade after the onset."""
    after = [
        seen
        for seen in case.observations[run.term]
        if seen.first >= run.first and seen.moment >= run.moment
    ]
    if any(not seen.reported for seen in after):
        better = (one for one in after if not one.reported and one.high <= rule.to_grade)
        return next((seen.moment for seen in better), None)
    over = run.first
    for seen in after:
        if seen.high <= rule.to_grade:
            continue
        if seen.end is None:
            return None
        if seen.first > over:
            break
        over = max(over, seen.end)
    stated = [one.moment for one in after if one.high <= rule.to_grade and one.first == over]
    return min(stated, default=(day_starts(over, case.zone), day_ends(over, case.zone)))
