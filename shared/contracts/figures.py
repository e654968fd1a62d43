"""The numbers behind the charts of a whole study; `GET …/figures` of the monitor gives them, and
the packet holds them too.

A chart draws what is here and nothing else, so that its table says the same. What is not known is
None, with a reason beside it or in ``notes``: never 0. Subjects are those who were given a dose.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from shared.contracts.adverse_events import ReportedEvent
from shared.contracts.profile import Part

Unclear = Literal["uncertain", "not_gradable", "none"]
ShiftGrade = Literal["0", "1", "2", "3", "4", "5"] | Unclear
"""``uncertain``: more than one grade is possible; ``none``: no value was taken at that time."""


class Treated(Part):
    """A subject of the figures; ``id`` names its page. Every other part names it by USUBJID."""

    id: str
    subject: str
    usubjid: str
    part: str
    dose_level: int | None
    dose: str


class Response(Part):
    """One assessment of the tumour, in the words of the record."""

    on: date
    test: str
    result: str


class Course(Part):
    """One subject on treatment: the earliest dates of the first and the last dose given, and how
    the treatment ended. ``doses`` are days since the first dose, which is day 1."""

    subject: str
    usubjid: str
    part: str
    dose_level: int | None
    first: date
    last: date
    doses: tuple[int, ...]
    left: str | None
    left_on: date | None
    responses: tuple[Response, ...]


class Exposure(Part):
    """What one subject was given of one treatment, by its dose records. ``longest_delay`` in days;
    ``percent_of_planned`` to one decimal, None where a record lacks its planned or given dose or
    their units do not compare."""

    subject: str
    usubjid: str
    dose_level: int | None
    treatment: str
    given: int
    not_given: int
    reduced: int
    delayed: int
    longest_delay: int
    percent_of_planned: str | None


class HeatCell(Part):
    """The worst grade of a reported term in a subject on treatment, a range where uncertain."""

    usubjid: str
    term: str
    soc: str | None
    low: int
    high: int


class ShiftCell(Part):
    """How many subjects went from this baseline grade to this worst grade on treatment."""

    baseline: ShiftGrade
    worst: ShiftGrade
    subjects: int


class Shift(Part):
    """One test by one CTCAE term. Cells without a subject are left out; all subjects with any
    value of the test are in one cell."""

    test: str
    term: str
    direction: Literal["high", "low"]
    cells: tuple[ShiftCell, ...]


class LiverPeak(Part):
    """The highest value of a test on treatment as a multiple of its own ULN, and that before
    treatment: rounded down to three decimals, so that none seems to reach a limit it does not.

    ``open_above``: the peak may have been higher, by a comparator or by values that could not be
    compared with an ULN (``not_comparable`` of them). ``why_none`` where there is no peak.
    """

    test: Literal["ALT", "AST", "BILI", "ALP"]
    peak: Decimal | None
    on: date | None
    day: int | None
    open_above: bool
    not_comparable: int
    baseline: Decimal | None
    baseline_raised: bool | None
    why_none: str | None


class LiverPoint(Part):
    """One subject in the eDISH plot: the higher of ALT and AST against bilirubin.

    ``raised``: whether the highest transaminase reaches 3 x ULN, and bilirubin 2 x ULN; None where
    not known. ``days_apart``: the least distance of two values that do, None without such a pair.
    ``rules``: the Hy's law rules of the protocol that speak of this subject.
    Source: FDA, Drug-Induced Liver Injury: Premarketing Clinical Evaluation, July 2009.
    """

    usubjid: str
    transaminase: Literal["ALT", "AST"] | None
    transaminase_raised: bool | None
    bilirubin_raised: bool | None
    days_apart: int | None
    peaks: tuple[LiverPeak, ...]
    rules: tuple[str, ...]


class QtPoint(Part):
    """The longest QTcF on treatment (ms), the last before it, and the largest rise. One decimal,
    rounded down. ``open_above``: a value with ``>`` is among them. ``derived``: a value was worked
    out by Fridericia's formula from QT and the heart rate. Categories are by exact values: the
    highest limit exceeded, 0 for none, None for not known."""

    usubjid: str
    longest: Decimal | None
    on: date | None
    day: int | None
    baseline: Decimal | None
    rise: Decimal | None
    open_above: bool
    derived: bool
    above: Literal[0, 450, 480, 500] | None
    rise_above: Literal[0, 30, 60] | None
    why_none: str | None


class TumourPoint(Part):
    """One assessment of size: the sum of diameters and its change from baseline in per cent, to one
    decimal, halves up."""

    on: date
    day: int
    sum_of_diameters: Decimal
    change: Decimal | None


class TumourCourse(Part):
    """One subject's tumour: ``best_change`` is the smallest change (the largest reduction), as
    ``measured`` from the sums or as the records ``stated`` it. Without either, ``best_response`` is
    all there is, in the words of the records, and ``why_none`` says what is lacking."""

    usubjid: str
    baseline: Decimal | None
    points: tuple[TumourPoint, ...]
    best_change: Decimal | None
    basis: Literal["measured", "stated"] | None
    best_response: str | None
    why_none: str | None


class BoundaryPoint(Part):
    """At ``n`` final subjects ``stop_at`` or more stop; None where not even all of them would."""

    n: int
    stop_at: int | None


class CountPoint(Part):
    """The count after another subject became final: ``events`` among ``n``, with ``subject`` the
    one that came, and when that was known."""

    n: int
    events: int
    usubjid: str
    is_event: bool
    candidate: bool
    known_at: datetime


class StoppingFigure(Part):
    """A stopping rule as a line and a path: its boundary, and the running count against it in the
    order in which subjects became final. Candidates count as events. ``counted``: of a two-stage
    design the subjects who did not respond. ``pending`` subjects are not in the path.
    """

    id: str
    text: str
    source: str
    counted: Literal["events", "non_responses"]
    status: Literal["crossed", "near", "open", "clear"]
    pending: int
    boundary: tuple[BoundaryPoint, ...]
    path: tuple[CountPoint, ...]


class EscalationDesign(Part):
    """The protocol's design: its ``kind`` and ``parameters`` (JSON, with the kind in it), as `vigil
    design` takes them; the labels of the dose levels, the place of the first one to be given, and
    the size of a cohort, None where the design says it."""

    kind: str
    parameters: str
    doses: tuple[str, ...]
    start: int
    cohort_size: int | None


class StudyNumbers(Part):
    """Everything the study-wide charts draw; ``notes`` say what the numbers rest on."""

    subjects: tuple[Treated, ...]
    courses: tuple[Course, ...]
    events: tuple[ReportedEvent, ...]
    heat: tuple[HeatCell, ...]
    shifts: tuple[Shift, ...]
    liver: tuple[LiverPoint, ...]
    exposures: tuple[Exposure, ...]
    qt: tuple[QtPoint, ...]
    tumour: tuple[TumourCourse, ...]
    stopping: tuple[StoppingFigure, ...]
    notes: tuple[str, ...]


class Figures(StudyNumbers):
    """The numbers with the moment they are of, and the design of the protocol of then."""

    contract: Literal["vigil.figures.v1"] = "vigil.figures.v1"
    study: str
    title: str
    synthetic: bool
    protocol_version: str
    ctcae: str
    as_of: datetime
    known_at: datetime
    degraded: bool
    stale_since: datetime | None
    assessment_digest: str
    design: EscalationDesign
