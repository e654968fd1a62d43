"""Which line of the protocol's DLT definition is met, not met, open, or needs a person, and why.

Each rule looks at one subject's `Case` and gives `Trigger`s: moments at which it bit, or may have.
A missing fact is never "no": it leaves a trigger ``open`` and says what is missing. How the single
words are evaluated is in `shared.clinical.blocks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.clinical.blocks.answers import all_of, any_of, excused, required
from shared.clinical.blocks.attribution import attributed
from shared.clinical.blocks.conditions import excludes, exempts, holds
from shared.clinical.blocks.counting import count_triggers
from shared.clinical.blocks.dosing import dosing_triggers
from shared.clinical.blocks.durations import lasts, reached_on
from shared.clinical.blocks.episode import Episode
from shared.clinical.blocks.measured import beyond, beyond_before
from shared.clinical.blocks.selection import grade_for, observed, selected_terms
from shared.clinical.case import Case, Trigger
from shared.clinical.criteria import CriterionRule, Measurement, Toxicity
from shared.clinical.delay import delay_triggers
from shared.clinical.hys_law import hys_law_triggers
from shared.clinical.observations import Observation
from shared.clinical.runs import Run, baseline_of, runs_at


def triggers_of(rule: CriterionRule, case: Case) -> list[Trigger]:
    """Every moment a rule bit, or may have, in the order of onset."""
    return sorted(_found(rule, case), key=lambda one: (one.first, one.last, one.why))


def _found(rule: CriterionRule, case: Case) -> Iterable[Trigger]:
    if rule.hys_law is not None:
        return hys_law_triggers(rule.hys_law, case)
    if rule.delay is not None:
        return delay_triggers(rule, case)
    if rule.dosing is not None:
        return dosing_triggers(rule, case)
    if rule.count is not None:
        return count_triggers(rule, case)
    return [_judge(rule, episode) for episode in _episodes(rule, case)]


def _episodes(rule: CriterionRule, case: Case) -> Iterable[Episode]:
    """Every stretch the criterion's toxicity or measurement speaks of."""
    if rule.measurement is not None:
        seen = attributed(beyond(rule.measurement, case), rule.attribution, case)
        for run in runs_at(seen, 1):
            yield _episode(rule.measurement, case, run, seen)
        return
    assert rule.toxicity is not None
    for term in selected_terms(rule.toxicity, case):
        seen = observed(rule.toxicity, term, case, rule.attribution)
        grade = grade_for(rule.toxicity, term, rule.other_grades, case)
        for run in runs_at(seen, grade, rule.toxicity.grades_over_baseline or 1):
            yield _episode(rule.toxicity, case, run, seen)


def _episode(
    subject: Toxicity | Measurement, case: Case, run: Run, seen: Sequence[Observation]
) -> Episode:
    # Recovery is looked for in everything known of a term, also where only measurements are
    # counted for its length.
    every = (
        seen if isinstance(subject, Measurement) or subject.scale else case.observations[run.term]
    )
    return Episode(case, run, every, reached_on(subject, run))


def _judge(rule: CriterionRule, episode: Episode) -> Trigger:
    """A stretch with its duration, company, attribution and exemptions."""
    trigger = _asked_for(rule, episode)
    if trigger.result == "not_met":
        return trigger
    trigger = _certain(rule, trigger, episode)
    trigger = _caused(rule, trigger, episode.run)
    for exclusion in rule.excluded:
        answer = excludes(exclusion, episode)
        trigger = trigger if answer is None else excused(trigger, answer)
    for exemption in rule.unless:
        answer = exempts(exemption, episode)
        trigger = trigger if answer is None else excused(trigger, answer)
    return trigger


def _asked_for(rule: CriterionRule, episode: Episode) -> Trigger:
    """What the criterion asks for besides the grade or the value."""
    run, subject = episode.run, rule.subject
    assert subject is not None
    grade = run.worst if rule.toxicity is not None else None
    why = f"{run.term}: {run.why}"
    trigger = Trigger("met", run.first, run.last, why, run.entries, grade=grade)
    length = lasts(subject, episode)
    if length is not None:
        trigger = required(trigger, length)
    if rule.together_with_any and trigger.result != "not_met":
        company = any_of([holds(one, episode) for one in rule.together_with_any])
        trigger = required(trigger, company, ", with " if company.holds == "yes" else "; ")
    if rule.only_if and trigger.result != "not_met":
        trigger = required(trigger, all_of([holds(one, episode) for one in rule.only_if]))
    return trigger


def _certain(rule: CriterionRule, trigger: Trigger, episode: Episode) -> Trigger:
    """What is uncertain about the grade, the value or its baseline."""
    run, case = episode.run, episode.case
    if rule.measurement is not None and beyond_before(rule.measurement, case):
        why = f"{trigger.why}; so already before treatment: a person decides"
        trigger = _review(trigger, why)
    toxicity = rule.toxicity
    if toxicity is not None and toxicity.scale is not None and not run.certain:
        why = f"{trigger.why}; not graded on {toxicity.scale}: a person decides"
        return replace(_review(trigger, why), missing=f"the {toxicity.scale} grade of {run.term}")
    if not run.certain:
        what = "the grade" if rule.measurement is None else "the unit, range or baseline"
        missing = f"what decides {what} of {run.term}"
        why = f"{trigger.why}; the grade is not certain"
        return replace(trigger, result="open", missing=missing, why=why)
    over = toxicity.grades_over_baseline if toxicity is not None else None
    if over is not None and run.measured and not baseline_of(episode.observations):
        why = f"{trigger.why}; the grade before treatment is not known"
        return replace(trigger, result="open", missing=f"the baseline of {run.term}", why=why)
    return trigger


def _caused(rule: CriterionRule, trigger: Trigger, run: Run) -> Trigger:
    """What is said about the cause."""
    if rule.attribution is not None and rule.attribution.any_cause:
        return trigger
    if run.attribution == "no":
        return replace(trigger, result="not_met", why=f"{trigger.why}; reported as not related")
    if run.attribution == "judge":
        return _review(trigger, f"{trigger.why}; reported as not related: a person decides")
    if run.attribution == "unknown":
        missing = trigger.missing or f"the relatedness of {run.term}"
        return replace(trigger, missing=missing, flags=(*trigger.flags, "attribution_missing"))
    return trigger


def _review(trigger: Trigger, why: str) -> Trigger:
    """A person decides what otherwise would be met."""
    result = "needs_review" if trigger.result == "met" else trigger.result
    return replace(trigger, result=result, why=why)
