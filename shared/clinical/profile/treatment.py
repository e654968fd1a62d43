"""What a subject was given, how the tumour answered, how it ended, and who judged it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from shared.clinical.dose_units import Plan
from shared.clinical.figures.treatment import delay_days, is_reduced, plans_of
from shared.clinical.profile.telling import Telling, Told
from shared.contracts.facts import Concomitant, Disposition, DltReview, Dose, TumourResponse
from shared.contracts.profile import DoseRecord, Leaving, Review, Treatment, TumourAssessment


def doses_of(telling: Telling) -> Iterator[DoseRecord]:
    """Every dose given, or planned and not given."""
    plans = plans_of(telling.person)
    return (_dose(telling, told, plans) for told in telling.of(Dose))


def _dose(telling: Telling, told: Told[Dose], plans: Mapping[str, Plan | None]) -> DoseRecord:
    dose, on, given = told.record, telling.on(told.entry), told.record.ECOCCUR == "Y"
    planned = telling.at(dose.planned_dtc) if dose.planned_dtc else None
    certain = on.first == on.last and planned is not None and planned.first == planned.last
    return DoseRecord(
        on=on,
        treatment=dose.ECTRT,
        given=given,
        dose=decimal_of(dose.ECDOSE),
        unit=dose.ECDOSU,
        planned_dose=decimal_of(dose.planned_dose),
        planned=dose.planned_dtc,
        delay_days=delay_days(telling.person, dose) if given and certain else None,
        reduced=is_reduced(dose, plans[dose.ECTRT]) if given and dose.ECTRT in plans else None,
        why_not=dose.ECREASOC,
        adjusted=dose.ECADJ,
        cycle=dose.cycle,
        cycle_day=dose.cycle_day,
        state=told.state,
        evidence=told.entry.evidence,
    )


def decimal_of(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def tumour_of(telling: Telling) -> Iterator[TumourAssessment]:
    """Every response assessment."""
    for told in telling.of(TumourResponse):
        yield TumourAssessment(
            on=telling.on(told.entry),
            test=told.record.RSTESTCD,
            result=told.record.RSORRES,
            sum_of_diameters=decimal_of(told.record.sum_diam),
            stated_best_change=told.record.best_change_pct,
            state=told.state,
            evidence=told.entry.evidence,
        )


def treatments_of(telling: Telling) -> Iterator[Treatment]:
    """Other medications and procedures."""
    for told in telling.of(Concomitant):
        record = told.record
        yield Treatment(
            on=telling.on(told.entry),
            end=telling.at(record.CMENDTC) if record.CMENDTC else None,
            name=record.CMTRT,
            category=record.category,
            dose=decimal_of(record.CMDOSE),
            unit=record.CMDOSU,
            reason=record.CMINDC,
            state=told.state,
            evidence=told.entry.evidence,
        )


def leaving_of(telling: Telling) -> Iterator[Leaving]:
    """Every disposition."""
    for told in telling.of(Disposition):
        yield Leaving(
            on=telling.on(told.entry),
            decision=told.record.DSDECOD,
            category=told.record.DSSCAT,
            words=told.record.DSTERM,
            state=told.state,
            evidence=told.entry.evidence,
        )


def reviews_of(telling: Telling) -> Iterator[Review]:
    """Every judgement of a DLT candidate."""
    for told in telling.of(DltReview):
        record = told.record
        yield Review(
            on=telling.on(told.entry),
            decision=record.decision,
            criterion=record.criterion_id,
            role=record.role,
            actor=told.entry.fact.actor,
            rationale=record.rationale,
            assessment_digest=record.assessment_digest,
            state=told.state,
            evidence=told.entry.evidence,
        )
