"""Treatment not given as planned because of toxicity: intensity, missed, reduced, stopped.

A share of the planned dose is known only when the cycle's window has closed and the source is
complete; before that a shortfall is open, not met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from shared.clinical.blocks.answers import Answer, any_of, required
from shared.clinical.blocks.doses import Reasons, doses_of, for_toxicity, left_for, stated_reasons
from shared.clinical.blocks.selection import toxicity_runs
from shared.clinical.case import Case, Trigger
from shared.clinical.criteria import CriterionRule, Dosing
from shared.clinical.dose_units import Plan, amounts_of, is_in_doubt, plan_of
from shared.clinical.protocol import day_ends
from shared.clinical.timeline import Entry
from shared.contracts.facts import AdverseEvent, Disposition, Dose

Doses = Sequence[tuple[Entry, Dose]]
_ACTIONS = {"reduced": "DOSE REDUCED", "missed": "DRUG INTERRUPTED", "stopped": "DRUG WITHDRAWN"}


def dosing_triggers(rule: CriterionRule, case: Case) -> list[Trigger]:
    """One trigger per treatment that was not given as planned."""
    assert rule.dosing is not None
    dosing = rule.dosing
    found = [_trigger(dosing, name, case) for name in dosing.treatments]
    return [_with_toxicity(one, dosing, case) for one in found if one is not None]


def _trigger(dosing: Dosing, treatment: str, case: Case) -> Trigger | None:
    doses = doses_of(case, (treatment,), dosing.cycle)
    if dosing.below_percent is not None:
        return _intensity(dosing, dosing.below_percent, treatment, doses, case)
    if dosing.missed_at_least is not None:
        return _missed(dosing, dosing.missed_at_least, treatment, doses, case)
    if dosing.reduced:
        return _reduced(dosing, treatment, doses, case)
    return _stopped(dosing, treatment, case)


def _short(dose: Dose, plan: Plan | None) -> bool:
    amounts = amounts_of(dose, plan)
    less = amounts is not None and amounts.given < amounts.planned
    return dose.ECOCCUR == "N" or less


def _intensity(
    dosing: Dosing, percent: int, treatment: str, doses: Doses, case: Case
) -> Trigger | None:
    """Nothing while every dose on record was given in full."""
    plan = plan_of(case, treatment)
    short = [(entry, dose) for entry, dose in doses if _short(dose, plan)]
    stated = [amounts_of(dose, plan) for _, dose in doses]
    known = [amounts for amounts in stated if amounts is not None]
    unknown = len(known) < len(stated)
    if not short and not unknown:
        return None
    trigger = _begun(f"{treatment} of cycle {dosing.cycle}", short or doses, case)
    closes = day_ends(case.window[1], case.zone)
    if case.as_of < closes:
        why = f"{trigger.why}: not all of it given so far"
        return replace(trigger, result="open", why=why, deadline=closes)
    if unknown:
        missing = f"planned and given dose of {treatment} in cycle {dosing.cycle}"
        return replace(trigger, result="open", missing=missing)
    planned = sum((amounts.planned for amounts in known), Fraction())
    got = sum((amounts.given for amounts in known), Fraction())
    if got * 100 >= planned * percent:
        why = f"{trigger.why}: at least {percent} % of the planned dose"
        return replace(trigger, result="not_met", why=why)
    words = f"{trigger.why}: less than {percent} % of the planned dose"
    trigger = replace(trigger, why=words)
    return _because(trigger, dosing, "missed", stated_reasons(short), case)


def _missed(
    dosing: Dosing, number: int, treatment: str, doses: Doses, case: Case
) -> Trigger | None:
    """Dated by the dose that completes the number; doses missed for no stated reason may count."""
    missed = sorted(
        ((entry, dose) for entry, dose in doses if dose.ECOCCUR == "N"),
        key=lambda one: one[0].dates(case.zone),
    )
    toxic: list[tuple[Entry, Dose]] = []
    unclear: list[tuple[Entry, Dose]] = []
    for one in missed:
        because, _ = for_toxicity(dosing.because_of_toxicity, stated_reasons([one]))
        if because is not False:
            (toxic if because else unclear).append(one)
    words = f"{number} doses of {treatment} missed"
    if len(toxic) >= number:
        trigger = _begun(words, toxic[number - 1 :], case)
        return replace(trigger, why=f"{words} because of toxicity")
    if len(toxic) + len(unclear) >= number:
        counted = sorted((*toxic, *unclear), key=lambda one: one[0].dates(case.zone))
        return _because(_begun(words, counted[number - 1 :], case), dosing, "missed", [], case)
    return None


def _reduced(dosing: Dosing, treatment: str, doses: Doses, case: Case) -> Trigger | None:
    plan = plan_of(case, treatment)
    given = [one for one in doses if one[1].ECOCCUR == "Y"]
    reduced = [one for one in given if _short(one[1], plan)]
    if not reduced:
        return _unclear(treatment, given, plan, case)
    trigger = _begun(f"{treatment} reduced", reduced, case)
    return _because(trigger, dosing, "reduced", stated_reasons(reduced), case)


def _unclear(treatment: str, given: Doses, plan: Plan | None, case: Case) -> Trigger | None:
    """Open where a dose does not compare with its plan: it may have been reduced."""
    unclear = [one for one in given if plan is not None and is_in_doubt(one[1], plan)]
    if not unclear:
        return None
    trigger = _begun(f"{treatment} in another unit than planned", unclear, case)
    return replace(trigger, result="open", missing=f"the unit of the dose of {treatment}")


def _stopped(dosing: Dosing, treatment: str, case: Case) -> Trigger | None:
    """By a disposition of the study treatment, or by the action taken for an event."""
    found = [
        (entry, entry.record)
        for standing in case.dispositions
        for entry in standing.entries
        if isinstance(entry.record, Disposition)
        and "TREATMENT" in (entry.record.DSSCAT or "").upper()
        and entry.record.DSDECOD.upper() != "COMPLETED"
    ]
    events = _acted("stopped", case)
    if not found and not events:
        return None
    entries = [entry for entry, _ in found] + events
    first, last = min(entry.dates(case.zone) for entry in entries)
    trigger = Trigger("met", first, last, f"{treatment} stopped", tuple(entries))
    reasons: Reasons = [(record.DSDECOD.upper(), ()) for _, record in found if not events]
    return _because(trigger, dosing, "stopped", reasons, case)


def _begun(what: str, doses: Doses, case: Case) -> Trigger:
    entries = [entry for entry, _ in doses]
    first, last = min(entry.dates(case.zone) for entry in entries)
    return Trigger("met", first, last, what, tuple(entries))


def _acted(action: str, case: Case) -> list[Entry]:
    """Reports whose action taken (AEACN) was this."""
    return [
        entry
        for standing in case.events
        for entry in standing.entries
        if isinstance(entry.record, AdverseEvent)
        and (entry.record.AEACN or "").strip().upper() == _ACTIONS[action]
    ]


def _because(
    trigger: Trigger, dosing: Dosing, action: str, reasons: Reasons, case: Case
) -> Trigger:
    """Whether toxicity was the reason: what is stated, or else an event with that action taken."""
    because, entries = for_toxicity(dosing.because_of_toxicity, reasons)
    if because is None:
        acted = tuple(dict.fromkeys((*_acted(action, case), *_acted("stopped", case))))
        because, entries = (True if acted else None), acted
    if because is None:
        because, entries = for_toxicity(dosing.because_of_toxicity, left_for(case))
    trigger = replace(trigger, entries=tuple(dict.fromkeys((*trigger.entries, *entries))))
    if because is None:
        why = f"{trigger.why}, reason not known"
        return replace(trigger, result="open", why=why, missing=f"why: {trigger.why}")
    if because:
        return replace(trigger, why=f"{trigger.why} because of toxicity")
    why = f"{trigger.why} for another reason than toxicity"
    return replace(trigger, result="not_met", why=why)


def _with_toxicity(trigger: Trigger, dosing: Dosing, case: Case) -> Trigger:
    """The toxicity the criterion asks for, begun by the time of the change."""
    if dosing.toxicity is None or trigger.result == "not_met":
        return trigger
    answers = [
        Answer(
            "yes" if run.certain else "open",
            f"{run.term}: {run.why}",
            entries=run.entries,
            missing=None if run.certain else f"what decides the grade of {run.term}",
        )
        for run in toxicity_runs(dosing.toxicity, case)
        if run.attribution != "no" and run.first <= trigger.last
    ]
    if any(answer.holds != "no" for answer in answers):
        return required(trigger, any_of(answers), " after ")
    missing = "the toxicity that was the reason"
    return required(trigger, Answer("open", "no such toxicity on record", missing=missing))
