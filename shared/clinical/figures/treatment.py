"""The course of a subject's treatment, and what was given of what was planned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from shared.clinical.dose_units import Plan, amounts_of, plan_of
from shared.clinical.person import Person
from shared.clinical.timeline import Entry
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import Disposition, Dose, TumourResponse
from shared.contracts.figures import Course, Exposure, Response


def _entries(person: Person, kind: str) -> Iterator[Entry]:
    """Of each record what stands first."""
    return (standing.entries[0] for standing in person.of(kind))


def _given(person: Person) -> list[tuple[Dose, Entry]]:
    return [
        (entry.record, entry)
        for entry in _entries(person, "dose")
        if isinstance(entry.record, Dose) and entry.record.ECOCCUR == "Y"
    ]


def course_of(person: Person) -> Course:
    """The course of a subject who was given a dose."""
    assert person.start is not None
    first = person.start.first
    days = sorted({first, *(entry.dates(person.zone)[0] for _, entry in _given(person))})
    left = [
        (entry.dates(person.zone)[0], entry.record.DSDECOD)
        for entry in _entries(person, "disposition")
        if isinstance(entry.record, Disposition)
    ]
    left_on, why = min(left, default=(None, None))
    return Course(
        subject=person.subject,
        usubjid=person.usubjid,
        part=person.part,
        dose_level=person.dose_level,
        first=first,
        last=days[-1],
        doses=tuple((day - first).days + 1 for day in days),
        left=why,
        left_on=left_on,
        responses=tuple(sorted(_responses(person), key=lambda one: (one.on, one.test))),
    )


def _responses(person: Person) -> Iterator[Response]:
    for entry in _entries(person, "tumour_response"):
        if isinstance(entry.record, TumourResponse):
            day, record = entry.dates(person.zone)[0], entry.record
            yield Response(on=day, test=record.RSTESTCD, result=record.RSORRES)


def exposures_of(treated: Sequence[Person]) -> Iterator[Exposure]:
    """What each was given of each treatment."""
    for person in treated:
        for name, plan in plans_of(person).items():
            yield _exposure(person, name, plan)


def plans_of(person: Person) -> Mapping[str, Plan | None]:
    """The planned dose of each treatment of a subject who was given a dose, as the rules read it;
    none of any other."""
    if person.start is None:
        return {}
    case = person.case()
    return {name: plan_of(case, name) for name in _treatments(person)}


def _treatments(person: Person) -> list[str]:
    doses = (entry.record for entry in _entries(person, "dose"))
    return sorted({dose.ECTRT for dose in doses if isinstance(dose, Dose)})


def _exposure(person: Person, treatment: str, plan: Plan | None) -> Exposure:
    doses = [
        dose
        for entry in _entries(person, "dose")
        if isinstance(dose := entry.record, Dose) and treatment == dose.ECTRT
    ]
    given = [dose for dose in doses if dose.ECOCCUR == "Y"]
    delays = [days for dose in given if (days := delay_days(person, dose) or 0) > 0]
    return Exposure(
        subject=person.subject,
        usubjid=person.usubjid,
        dose_level=person.dose_level,
        treatment=treatment,
        given=len(given),
        not_given=len(doses) - len(given),
        reduced=sum(is_reduced(dose, plan) is True for dose in given),
        delayed=len(delays),
        longest_delay=max(delays, default=0),
        percent_of_planned=_share(doses, plan),
    )


def delay_days(person: Person, dose: Dose) -> int | None:
    """From the planned date to the first dose, by the earliest both may mean; None where no date
    was planned."""
    if dose.planned_dtc is None:
        return None
    planned, begun = (
        parse_dtc(text).local_dates(person.zone)[0] for text in (dose.planned_dtc, dose.ECSTDTC)
    )
    return (begun - planned).days


def is_reduced(dose: Dose, plan: Plan | None) -> bool | None:
    """Whether less was given than planned; None where the record lacks one of the doses, or their
    units do not compare."""
    amounts = amounts_of(dose, plan)
    return None if amounts is None else amounts.given < amounts.planned


def _share(doses: Sequence[Dose], plan: Plan | None) -> str | None:
    """Given in per cent of planned, over all records of the treatment; to one decimal, halves
    up."""
    planned = given = Fraction(0)
    for dose in doses:
        amounts = amounts_of(dose, plan)
        if amounts is None:
            return None
        planned += amounts.planned
        given += amounts.given
    if not planned:
        return None
    tenths = int(1000 * given / planned + Fraction(1, 2))
    return f"{tenths // 10}.{tenths % 10}"
