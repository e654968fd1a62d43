"""A request as people and programs write it: JSON members in, a design and its question out.

``{"design": {"kind": "boin", "target": 0.3}, "doses": [{"n": 3, "dlt": 0}], "current": 1}``.
``doses`` or ``patients`` may be outcomes instead (``"1NNN 2NNT"``), also under ``outcomes``. These
name only doses already given: unless ``num_doses`` or the design says how many there are, one more
is taken to follow. Two drugs: ``doses`` is a list of rows, and a dose is a pair ``[j, k]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from shared.clinical.designs.boin_comb import BoinComb
from shared.clinical.designs.design import Design, design_of
from shared.clinical.designs.model import DoseCounts, Patient, Question
from shared.clinical.designs.outcomes import counts_of, counts_of_patients, patients_of
from shared.clinical.designs.parameters import DesignError, Number, Parameters, faults_of

Natural = Annotated[int, Field(ge=0, le=10_000)]
Level = Annotated[int, Field(ge=1, le=1_000)]
Dose = Level | Annotated[list[Level], Field(min_length=2, max_length=2)]
Day = Annotated[date, Field(strict=False)]


class _Counts(Parameters):
    n: Natural = 0
    dlt: Natural = 0
    pending: Natural = 0
    candidate: Natural = 0
    stft: Number | None = None
    responses: Natural | None = None


class _Patient(Parameters):
    dose: Dose
    dlt: Annotated[int, Field(ge=0, le=1)] = 0
    weight: Number = 1.0
    pending: bool | None = None
    first_dose: Day | None = None


class _Request(Parameters):
    design: dict[str, Any]
    doses: list[_Counts | list[_Counts]] | None = None
    outcomes: str | None = None
    patients: list[_Patient] | None = None
    num_doses: Level | None = None
    current: Dose | None = None
    start: Level | None = None
    eliminated_from: Level | None = None
    eliminated: list[Dose] = Field(default_factory=list)
    final: bool = False
    today: Day | None = None

    @model_validator(mode="after")
    def _counts_once(self) -> _Request:
        if self.outcomes is not None and (self.doses is not None or self.patients is not None):
            raise ValueError("outcomes say it all: leave doses and patients out")
        if self.doses is None and self.outcomes is None and self.patients is None:
            raise ValueError("say one of doses, outcomes, patients")
        return self


def read_request(members: Mapping[str, Any]) -> tuple[Design, Question]:
    """The design and the question of one request; raises `DesignError` with all that is wrong.

    >>> design, question = read_request({"design": {"kind": "3+3"}, "outcomes": "1NNN 2NT"})
    >>> question.current, question.here.ratio
    (2, '1/2')
    """
    try:
        request = _Request.model_validate(_outcomes_apart(members))
    except ValidationError as error:
        raise DesignError(faults_of(error)) from None
    design = design_of(request.design)
    try:
        return design, _question(request, design)
    except ValueError as error:
        raise DesignError(str(error)) from None


def _outcomes_apart(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members with outcomes under their own name, wherever they were written."""
    found = dict(members)
    for name in ("doses", "patients"):
        if isinstance(found.get(name), str) and "outcomes" not in found:
            found["outcomes"] = found.pop(name)
    return found


def _question(request: _Request, design: Design) -> Question:
    columns = _columns(request)
    if columns is not None and not isinstance(design, BoinComb):
        raise ValueError("doses: rows of two drugs are for boin_comb")

    def dose(named: int | list[int]) -> int:
        if isinstance(named, int):
            return named
        if columns is None or named[1] > columns:
            raise ValueError(f"{named} is no pair of levels of these doses")
        return (named[0] - 1) * columns + named[1]

    patients = tuple(_patient(one, dose(one.dose)) for one in request.patients or ())
    if request.outcomes is not None:
        patients = patients_of(request.outcomes)
    doses = _doses(request, design, patients)
    if request.current is not None:
        current = dose(request.current)
    elif patients or request.final:
        tried = [at for at, counts in enumerate(doses, start=1) if counts.enrolled]
        current = patients[-1].dose if patients else max(tried, default=1)
    else:
        raise ValueError("current: say which dose is enrolling")
    return Question(
        doses=doses,
        current=current,
        eliminated_from=request.eliminated_from,
        start=request.start,
        final=request.final,
        patients=patients,
        today=request.today,
        columns=columns,
        eliminated=frozenset(dose(one) for one in request.eliminated),
    )


def _columns(request: _Request) -> int | None:
    rows = request.doses
    if not rows or not isinstance(rows[0], list):
        return None
    widths = {len(row) if isinstance(row, list) else 0 for row in rows}
    if len(widths) > 1 or 0 in widths:
        raise ValueError("doses: every row needs the same number of doses")
    return widths.pop()


def _doses(
    request: _Request, design: Design, patients: tuple[Patient, ...]
) -> tuple[DoseCounts, ...]:
    number = request.num_doses or getattr(design, "num_doses", None)
    if request.doses is None:
        named = number or max((one.dose for one in patients), default=0) + 1
        if request.outcomes is not None:
            return counts_of(request.outcomes, named)
        return counts_of_patients(patients, named)
    flat: list[_Counts] = []
    for row in request.doses:
        flat.extend(row if isinstance(row, list) else [row])
    missing = (number or len(flat)) - len(flat)
    if missing < 0:
        raise ValueError(f"doses: {len(flat)} are given, but there are {number}")
    return (*(DoseCounts(**one.model_dump()) for one in flat), *[DoseCounts()] * missing)


def _patient(one: _Patient, dose: int) -> Patient:
    """Who was not followed to the end without a DLT is pending, unless the request says so."""
    pending = one.pending if one.pending is not None else one.weight < 1 and not one.dlt
    return Patient(dose, one.dlt, one.weight, pending, one.first_dose)
