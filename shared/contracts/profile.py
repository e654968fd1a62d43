"""The profile: everything about one subject on one time line, each thing with what it rests on.

``GET …/subjects/{subject}`` of the monitor gives it. A day is counted from the first dose, which is
day 1; the day before it is 0, so that distances on an axis are true (SDTM's ``--DY`` leaves 0 out).
Before a dose is on record there are no days.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.assessment import Evidence, Query, SubjectAssessment
from shared.contracts.envelope import sha256
from shared.contracts.graded import NotGradableReason
from shared.contracts.results import Comparator


def opaque_id(study: str, usubjid: str) -> str:
    """What names a subject in addresses, which never hold a subject code.

    >>> opaque_id("S1", "S1-01")
    '276f4874df255375'
    """
    return sha256(f"{study}|{usubjid}")[:16]


class Part(BaseModel):
    """Of profile and figures: nothing unknown in them, and nothing that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


State = Literal["stands", "in_conflict", "withdrawn"]
"""``in_conflict``: several contents of one record stand, and this is one of them; ``withdrawn``:
the last content of a record that was deleted."""


class On(Part):
    """When something was: ``stated`` as collected, ``first`` to ``last`` the site-local dates that
    may mean, ``day`` that of ``first``. Uncertain where the two differ."""

    stated: str
    first: date
    last: date
    day: int | None


class DoseRecord(Part):
    """A dose given, or planned and not given. ``delay_days`` from the planned date, negative where
    given earlier; ``reduced`` below the planned dose. None: the record does not tell."""

    on: On
    treatment: str
    given: bool
    dose: Decimal | None
    unit: str | None
    planned_dose: Decimal | None
    planned: str | None
    delay_days: int | None
    reduced: bool | None
    why_not: str | None
    adjusted: str | None
    cycle: int | None
    cycle_day: int | None
    state: State
    evidence: Evidence


class GradeStep(Part):
    """From ``on`` the event had this grade; ``low`` differs from ``high`` where only a severity was
    stated."""

    on: On
    low: int
    high: int


class ReportedCourse(Part):
    """One adverse event report. ``term`` is the CTCAE term it is graded as, ``reported`` the words
    of the report and ``coded`` its dictionary term; ``steps`` in the order of time, ``end`` None
    while it is not over. ``causality``: every statement as reported; ``related`` what the protocol
    makes of them. ``doubts``: what is not certain about term, grade or dates."""

    term: str
    soc: str | None
    reported: str
    coded: str | None
    on: On
    end: On | None
    steps: tuple[GradeStep, ...]
    low: int
    high: int
    serious: bool
    causality: tuple[str, ...]
    related: Literal["yes", "no", "unknown"]
    action: str | None
    outcome: str | None
    doubts: tuple[str, ...]
    state: State
    evidence: Evidence


class ValueGrade(Part):
    """What one CTCAE term says of a value: ``low`` to ``high``, or None and why not gradable.
    ``with_records``: the baseline and the values of the same time it was graded with."""

    term: str
    direction: Literal["high", "low"]
    low: int | None
    high: int | None
    not_gradable: NotGradableReason | None
    why: str
    with_records: tuple[Evidence, ...]


class Value(Part):
    """One result. ``result`` is as reported, None where it was not done (``not_done`` says why).

    A chart draws ``number`` where ``comparator`` is empty; with one, ``number`` is only the bound
    that was reported, and without a number the result is words. ``lln`` and ``uln`` are the range
    sent with it, as text.
    """

    on: On
    result: str | None
    not_done: str | None
    number: Decimal | None
    comparator: Comparator
    lln: str | None
    uln: str | None
    before_treatment: bool
    visit: str | None
    grades: tuple[ValueGrade, ...]
    state: State
    evidence: Evidence


class Band(Part):
    """Values of one answer in the unit of the series: ``low`` to ``high`` a range where the number
    alone does not decide. None is without end; an end belongs to the band where ``included``."""

    low: int
    high: int
    lower: Decimal | None
    lower_included: bool
    upper: Decimal | None
    upper_included: bool


class Stretch(Part):
    """The bands of one term over neighbouring values with the same range and baseline: from value
    number ``first`` to ``last`` of the series, counted from 0."""

    term: str
    direction: Literal["high", "low"]
    first: int
    last: int
    bands: tuple[Band, ...]


class Series(Part):
    """All values of one test in one unit and specimen, in the order of time. ``formula`` and
    ``source`` name how it was worked out where nobody reported it (QTcF by Fridericia)."""

    domain: Literal["lab", "vital", "ecg"]
    test: str
    unit: str | None
    specimen: str | None
    formula: str | None
    source: str | None
    values: tuple[Value, ...]
    stretches: tuple[Stretch, ...]


class TumourAssessment(Part):
    """A response in the words of the record, with the sum of diameters (mm) and the change in per
    cent where the record states them."""

    on: On
    test: str
    result: str
    sum_of_diameters: Decimal | None
    stated_best_change: str | None
    state: State
    evidence: Evidence


class Treatment(Part):
    """Another medication or procedure; ``end`` None where it is not stated."""

    on: On
    end: On | None
    name: str
    category: str | None
    dose: Decimal | None
    unit: str | None
    reason: str | None
    state: State
    evidence: Evidence


class Leaving(Part):
    """A disposition: left, died, completed."""

    on: On
    decision: str
    category: str | None
    words: str | None
    state: State
    evidence: Evidence


class Review(Part):
    """A person's judgement of a DLT candidate."""

    on: On
    decision: Literal["DLT", "NOT_DLT"]
    criterion: str
    role: str | None
    actor: str | None
    rationale: str | None
    assessment_digest: str
    state: State
    evidence: Evidence


class Version(Part):
    """One version of a record and what it ``says``, in its own words; ``deleted``: it takes the
    record back. ``stands``: its content is what holds, or one of those that do."""

    revision: int | None
    known_at: datetime
    says: str
    deleted: bool
    stands: bool
    actor: str | None
    reason: str | None


class RecordVersions(Part):
    """A record with all its versions, oldest first; ``doubt`` where more than one stands.
    ``source`` and ``recordid`` are those of `Evidence`."""

    kind: str
    source: str
    recordid: str
    doubt: str | None
    versions: tuple[Version, ...]


class Profile(Part):
    """One subject. ``id`` is its `opaque_id`; ``first_dose`` and ``site``, ``sex``, ``age``,
    ``consented`` are None where no record says. ``zone`` is the site's, in which dates are told.
    Not everything known may be in it while ``degraded``, or ``stale_since`` a moment."""

    contract: Literal["vigil.profile.v1"] = "vigil.profile.v1"
    study: str
    title: str
    synthetic: bool
    id: str
    protocol_version: str
    ctcae: str
    as_of: datetime
    known_at: datetime
    degraded: bool
    stale_since: datetime | None
    assessment_digest: str
    assessment: SubjectAssessment
    site: str | None
    zone: str
    sex: str | None
    age: int | None
    consented: str | None
    first_dose: On | None
    doses: tuple[DoseRecord, ...]
    events: tuple[ReportedCourse, ...]
    series: tuple[Series, ...]
    tumour: tuple[TumourAssessment, ...]
    treatments: tuple[Treatment, ...]
    leaving: tuple[Leaving, ...]
    reviews: tuple[Review, ...]
    queries: tuple[Query, ...]
    records: tuple[RecordVersions, ...]
