"""What the dose records say: what was planned, given, late, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from shared.clinical.case import Case
from shared.clinical.observations import DEATH
from shared.clinical.timeline import Entry, worst_reported
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import AdverseEvent, Disposition, Dose

Reasons = list[tuple[str, tuple[Entry, ...]]]
"""Stated reasons in capitals, each with the records that state it beside the doses."""


def doses_of(case: Case, treatments: Sequence[str], cycle: int) -> list[tuple[Entry, Dose]]:
    """Every standing dose record of a cycle; without a cycle it is of the first."""
    return [
        (entry, entry.record)
        for standing in case.doses
        for entry in standing.entries
        if isinstance(entry.record, Dose)
        and entry.record.ECTRT in treatments
        and (entry.record.cycle or 1) == cycle
    ]


def planned_date(case: Case, doses: Iterable[tuple[Entry, Dose]], planned_day: int) -> date:
    """The stated planned date of a cycle's first dose, or the protocol's study day."""
    stated = [dose.planned_dtc for _, dose in doses if dose.planned_dtc is not None]
    if stated:
        return min(parse_dtc(text).local_dates(case.zone)[0] for text in stated)
    return case.day(planned_day)[0]


def planned_next_dose(case: Case) -> date:
    """The planned date of the protocol's next dose."""
    rule = case.protocol.next_dose
    assert rule is not None
    return planned_date(case, doses_of(case, (rule.treatment,), rule.cycle), rule.planned_day)


def left_for(case: Case) -> Reasons:
    """Why the subject left the treatment or the study, by every disposition and fatal event."""
    left: Reasons = [
        (entry.record.DSDECOD.upper(), (entry,))
        for standing in case.dispositions
        for entry in standing.entries
        if isinstance(entry.record, Disposition) and entry.record.DSDECOD.upper() != "COMPLETED"
    ]
    return left + [
        ("DEATH", (entry,))
        for standing in case.events
        for entry in standing.entries
        if isinstance(entry.record, AdverseEvent) and worst_reported(entry.record) == DEATH
    ]


def stated_reasons(doses: Iterable[tuple[Entry, Dose]]) -> Reasons:
    """Why doses were changed or left out, as their records say."""
    return [
        (text.upper(), ())
        for _, dose in doses
        for text in (dose.ECREASOC, dose.ECADJ)
        if text is not None
    ]


def for_toxicity(words: Sequence[str], reasons: Reasons) -> tuple[bool | None, tuple[Entry, ...]]:
    """Whether toxicity is among the reasons (None: nothing stated), and the record that says so."""
    toxic_words = [word.upper() for word in words]
    for said, entries in reasons:
        if any(word in said for word in toxic_words):
            return True, entries
    return (False, reasons[0][1]) if reasons else (None, ())
