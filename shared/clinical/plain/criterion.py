"""One line of the DLT definition as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from shared.clinical.criteria import (
    ADJUDICATORS,
    Cause,
    Count,
    CriterionRule,
    Delay,
    Dosing,
    Exclusion,
    Exemption,
    HysLaw,
)
from shared.clinical.plain.toxicities import (
    condition,
    decided_by,
    held_by,
    improvement,
    measurement,
    other_grade,
    selection,
    toxicity,
)
from shared.clinical.plain.words import counted, listed, plainly
from shared.clinical.plain.written import spelled
from shared.clinical.protocol.stopping import FutilityRule, StoppingRule


def criterion(rule: CriterionRule) -> Iterator[str]:
    """What the criterion counts, and what takes it out again."""
    yield f'The protocol says: "{rule.text}" ({rule.source}).'
    yield f"Counts: {_counts(rule)}."
    for other in rule.other_grades:
        yield f"Another grade for {other_grade(other)}."
    if rule.together_with_any:
        yield f"Only together with: {'; or '.join(map(condition, rule.together_with_any))}."
    for asked in rule.only_if:
        yield f"Only if: {condition(asked)}."
    for exclusion in rule.excluded:
        yield f"Never: {_scope(exclusion)}{_unless(exclusion)}."
    for exemption in rule.unless:
        yield f"Not a DLT: {_scope(exemption)}, if {_reasons(exemption)}{_unless(exemption)}."
    yield from _when_and_why(rule)


def boundary(rule: StoppingRule) -> Iterator[str]:
    """When a safety rule stops the study."""
    when = "at any time on treatment" if rule.onset == "any_time" else f"in {_window(rule)}"
    yield f"Counted {when}, among the subjects in: {listed(rule.among)}."
    yield f"The study stops by the boundary {plainly(spelled(rule.boundary))}."


def futility(rule: FutilityRule) -> Iterator[str]:
    """When too few responses stop the study."""
    stages = rule.two_stage
    yield f'The protocol says: "{rule.text}" ({rule.source}).'
    yield f"Looked at whenever a response is final, among the subjects in: {listed(rule.among)}."
    yield (
        f"The study stops with {stages.r1} or fewer responses in {stages.n1} subjects, or "
        f"{stages.r} or fewer in {stages.n}; as soon as that is certain it stops earlier."
    )
    yield f"The boundary in full: {plainly(spelled(rule.boundary))}."


def _window(rule: CriterionRule) -> str:
    return "the DLT window" if rule.window is None else f"the window {rule.window}"


def _counts(rule: CriterionRule) -> str:
    if rule.toxicity is not None:
        return toxicity(rule.toxicity)
    if rule.measurement is not None:
        return measurement(rule.measurement)
    if rule.hys_law is not None:
        return _hys_law(rule.hys_law)
    if rule.delay is not None:
        return _delay(rule.delay)
    if rule.dosing is not None:
        return _dosing(rule.dosing)
    assert rule.count is not None
    return _count(rule.count)


def _when_and_why(rule: CriterionRule) -> Iterator[str]:
    if rule.arms:
        yield f"Applies to the subjects of the arms {listed(rule.arms)}."
    if rule.delay is None and not isinstance(rule, StoppingRule):
        yield f"Its onset must lie in {_window(rule)}."
    if rule.attribution is not None:
        yield f"Attribution: {_cause(rule.attribution)}."


def _cause(cause: Cause) -> str:
    if cause.any_cause:
        return "whatever the cause"
    words = []
    if cause.to_any_of:
        words.append(f"to {listed(cause.to_any_of, 'or')}")
    if cause.wordings:
        words.append(f"only the wordings {listed(cause.wordings, 'or')} count as related")
    if cause.group is not None:
        words.append(f"only the wordings of the group {cause.group} count as related")
    return "; ".join(words)


def _scope(exclusion: Exclusion) -> str:
    what = selection(exclusion.terms, exclusion.group) if exclusion.named else "anything it counts"
    grade = "any grade" if exclusion.up_to_grade == 5 else f"up to grade {exclusion.up_to_grade}"
    return f"{what}, {grade}"


def _reasons(exemption: Exemption) -> str:
    reasons = []
    if exemption.improves is not None:
        reasons.append(improvement(exemption.improves))
    if exemption.all_of:
        reasons.append(" and ".join(map(condition, exemption.all_of)))
    if exemption.judgement is not None:
        reasons.append(f'"{exemption.judgement}" ({decided_by(exemption.role)})')
    elif exemption.role != ADJUDICATORS:
        reasons.append(f"(role {exemption.role})")
    return "; or ".join(reasons)


def _unless(exclusion: Exclusion) -> str:
    if not exclusion.but_not_if_any:
        return ""
    return "; but it counts all the same if " + "; or ".join(
        map(condition, exclusion.but_not_if_any)
    )


def _hys_law(law: HysLaw) -> str:
    alp = f" and ALP below {law.alp_below} x ULN" if law.alp_below else " whatever ALP is"
    near = (
        "on the same day" if law.within_days == 0 else f"within {counted(law.within_days, 'day')}"
    )
    pairing = near if law.pairing == "same_time" else f"at their peaks, ALP {near}"
    raised = law.if_baseline_raised
    instead = (
        f"; where the value before treatment was above its ULN, ALT or AST at least "
        f"{raised.transaminase_at_least:f} x and bilirubin at least "
        f"{raised.bilirubin_at_least:f} x that value instead"
        if raised
        else ""
    )
    return (
        f"ALT or AST at least {law.transaminase_at_least} x ULN with bilirubin at least "
        f"{law.bilirubin_at_least} x ULN{alp}, {pairing}{instead}"
    )


def _delay(delay: Delay) -> str:
    if delay.more_than_days is not None:
        late = f"more than {counted(delay.more_than_days, 'day')}"
    else:
        late = f"at least {counted(delay.at_least_days or 0, 'day')}"
    held = "; or ".join(map(held_by, delay.held_by_any))
    only = f", and on the planned date there is {held}" if held else ""
    return (
        f"the first dose of {delay.treatment} in cycle {delay.cycle}, planned for day "
        f"{delay.planned_day}, is late by {late} with the reason "
        f"{listed(delay.because_of_toxicity, 'or')}{only}"
    )


def _dosing(dosing: Dosing) -> str:
    if dosing.below_percent is not None:
        what = f"less than {dosing.below_percent} % of the planned dose is given"
    elif dosing.missed_at_least is not None:
        what = f"at least {counted(dosing.missed_at_least, 'dose')} missed"
    else:
        what = "a dose is reduced" if dosing.reduced else "the treatment is stopped for good"
    after = f", by a subject who had {toxicity(dosing.toxicity)}" if dosing.toxicity else ""
    return (
        f"of {listed(dosing.treatments, 'or')} in cycle {dosing.cycle} {what} with the reason "
        f"{listed(dosing.because_of_toxicity, 'or')}{after}"
    )


def _count(count: Count) -> str:
    apart = "different terms" if count.distinct_terms else "events, of the same term or not"
    return f"at least {count.at_least} {apart}: {toxicity(count.toxicity)}"
