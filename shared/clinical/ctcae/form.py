"""What a criteria file may say: its words are closed, and one that is not known is refused.

A criterion lists per grade the clauses that give it. A clause compares the value with limits in the
units NCI prints, or with a multiple of a limit of normal or of the baseline; it may hold only for
some baselines, only beside other findings, only with or without a fact no number tells. A clause
that is silently ignored is a grade that is silently missed, hence the strictness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.clinical.quantity import factor_between, unit_of, units_by_code

Comparison = Literal["above", "at_least", "below", "at_most"]
Direction = Literal["high", "low"]
Domain = Literal["lab", "vital", "ecg"]
GradeNumber = Literal[1, 2, 3, 4]
Indicator = Literal["LOW", "NORMAL", "HIGH"]
Reference = Literal["absolute", "uln", "lln", "baseline"]
Specimen = Literal["blood", "urine"]
When = Literal[
    "baseline_normal",
    "baseline_abnormal",
    "baseline_below_lln",
    "baseline_up_to_5x_uln",
    "baseline_above_5x_uln",
]
"""Abnormal is above ULN for a high term and below LLN for a low one; normal is anything else. The
last two split what is above ULN."""

Fact = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
"""Something no number tells, for example ``symptomatic``."""

UPWARD: tuple[Comparison, ...] = ("above", "at_least")
_COMPARISONS: tuple[Comparison, ...] = (*UPWARD, "below", "at_most")
_REFERENCES: Mapping[str, Reference] = {
    "uln": "uln",
    "lln": "lln",
    "baseline": "baseline",
    "baseline_change_percent": "baseline",
}
_NUMBERS = {"1": 1, "2": 2, "3": 3, "4": 4}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Limits = dict[str, Decimal | dict[str, Decimal]]


class ConditionDocument(_Strict):
    """One comparison: ``below: {10*9/L: 25, /mm3: 25000}``, ``above: {uln: 3}``, or
    ``above: {baseline: 1, plus: {ms: 60}}``."""

    above: Limits | None = None
    at_least: Limits | None = None
    below: Limits | None = None
    at_most: Limits | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> ConditionDocument:
        given = [name for name in _COMPARISONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of above, at_least, below, at_most")
        named = [key for key in self._limits if key in _REFERENCES]
        others = self._limits.keys() - {"plus", *named}
        if len(named) + bool(others) != 1:
            raise ValueError("give limits by unit, or one reference with its factor")
        if isinstance(self._limits.get("plus"), Decimal) or (not named and "plus" in self._limits):
            raise ValueError("plus is an offset by unit to a reference")
        if any(isinstance(self._limits[key], dict) for key in (*named, *others)):
            raise ValueError("a limit is one number")
        if self.factor <= 0:
            raise ValueError("a multiple is above 0")
        if any(unit not in units_by_code() for unit in (*others, *self.plus)):
            raise ValueError("a limit's unit is not a UCUM code of units.yaml")
        return self

    @property
    def comparison(self) -> Comparison:
        """Which way the value is compared."""
        return next(name for name in _COMPARISONS if getattr(self, name) is not None)

    @property
    def reference(self) -> Reference:
        """What the value is compared with."""
        return next((_REFERENCES[key] for key in self._limits if key in _REFERENCES), "absolute")

    @property
    def factor(self) -> Decimal:
        """The multiple of the reference; 1 where the limit is absolute."""
        if (percent := self.change_percent) is not None:
            return 1 + percent / 100
        return next((self._number(key) for key in _REFERENCES if key in self._limits), Decimal(1))

    @property
    def change_percent(self) -> Decimal | None:
        """The factor as a change from baseline, where it is printed so."""
        key = "baseline_change_percent"
        return self._number(key) if key in self._limits else None

    @property
    def limits(self) -> dict[str, Decimal]:
        """The limits as printed, by unit; none where the value is compared with a reference."""
        return {key: self._number(key) for key in self._limits if key in units_by_code()}

    @property
    def plus(self) -> dict[str, Decimal]:
        """What is added to the multiple, by unit."""
        given = self._limits.get("plus", {})
        return given if isinstance(given, dict) else {}

    @property
    def figures(self) -> dict[str, Decimal]:
        """The numbers by unit, whether limits or offsets."""
        return self.limits or self.plus

    @property
    def _limits(self) -> Limits:
        given: Limits = getattr(self, self.comparison)
        return given

    def _number(self, key: str) -> Decimal:
        figure = self._limits[key]
        assert isinstance(figure, Decimal)
        return figure


class BesideDocument(ConditionDocument):
    """A condition on another measurement of the same time, with absolute limits."""

    test: str

    @model_validator(mode="after")
    def _absolute(self) -> BesideDocument:
        if self.reference != "absolute":
            raise ValueError("another measurement is compared with limits by unit only")
        return self


class ClauseDocument(ConditionDocument):
    """A condition, when it applies, and what must hold besides.

    ``needs``: facts that must be present; while one is not known the clause counts for the worst
    case only. ``without``: facts that must be absent; while they are not known the clause counts,
    and the worse clause that needs the fact is the worst case. ``fasting``: only a fasting sample.
    """

    when: When | None = None
    also: ConditionDocument | tuple[ConditionDocument, ...] = ()
    beside: BesideDocument | None = None
    fasting: bool = False
    needs: tuple[Fact, ...] = ()
    without: tuple[Fact, ...] = ()

    @property
    def conditions(self) -> tuple[ConditionDocument, ...]:
        """Every comparison of the value itself."""
        more = self.also if isinstance(self.also, tuple) else (self.also,)
        return (self, *more)

    def same_limits(self, other: ClauseDocument) -> bool:
        """Whether the two differ in nothing but facts."""
        facts = {"needs", "without"}
        return self.model_dump(exclude=facts) == other.model_dump(exclude=facts)


class OtherResult(_Strict):
    """A measurement beside the one a case is about."""

    value: Decimal | str
    unit: str | None


class Case(_Strict):
    """A worked example: a result with its context, and the grade, the range of grades, or the
    reason why there is none. The baseline has the unit and the range of the value unless its own
    are given; ``analyte`` is the criterion's first unless named."""

    analyte: str | None = None
    value: Decimal | str
    unit: str | None
    lln: Decimal | str | None = None
    uln: Decimal | str | None = None
    specimen: str | None = None
    fasting: bool | None = None
    baseline: Decimal | str | None = None
    baseline_unit: str | None = None
    baseline_lln: Decimal | str | None = None
    baseline_uln: Decimal | str | None = None
    indicator: Indicator | None = None
    is_baseline: bool = False
    facts: dict[Fact, bool] = {}
    beside: dict[str, OtherResult] = {}
    grade: int | tuple[int, int] | str

    @model_validator(mode="after")
    def _unit_known(self) -> Case:
        if self.grade != "unit_unknown" and (self.unit is None or unit_of(self.unit) is None):
            raise ValueError("the unit is not in units.yaml")
        return self


class CriterionDocument(_Strict):
    """One term's criterion for some analytes.

    ``raised_by``: facts that give a grade whatever the number is. ``signed``: the analyte may be
    negative; a negative concentration is nonsense. ``lln_from``: a lower limit of normal below this
    shows that a specimen which is not stated is another one.
    """

    term: str
    soc: str
    meddra: str
    source: str
    direction: Direction
    analytes: tuple[str, ...]
    specimen: Specimen | None = None
    lln_from: Decimal | None = None
    signed: bool = False
    unit: str | None = None
    grades: dict[GradeNumber, tuple[ClauseDocument, ...]] = {}
    raised_by: dict[GradeNumber, tuple[Fact, ...]] = {}
    notes: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _grade_numbers(cls, data: dict[str, object]) -> dict[str, object]:
        numbered = dict(data)
        for field in ("grades", "raised_by"):
            if isinstance(by_grade := numbered.get(field), dict):
                numbered[field] = {_NUMBERS.get(key, key): by_grade[key] for key in by_grade}
        return numbered

    @model_validator(mode="after")
    def _fits_together(self) -> CriterionDocument:
        if not self.grades and not self.raised_by:
            raise ValueError("a criterion has clauses or facts that raise it")
        if not self.analytes and not self.notes:
            raise ValueError("a criterion without analytes says why in its notes")
        if self.unit not in units_by_code() and (self.unit is not None or self.conditions):
            raise ValueError("unit is not a UCUM code of units.yaml")
        if self.analytes and self.grades and not self.cases:
            raise ValueError("a criterion that grades has cases")
        self._limits_fit()
        self._facts_fit()
        return self

    @property
    def clauses(self) -> tuple[tuple[GradeNumber, ClauseDocument], ...]:
        """Every clause with its grade, the worst first."""
        worst_first = sorted(self.grades, reverse=True)
        return tuple((grade, clause) for grade in worst_first for clause in self.grades[grade])

    @property
    def conditions(self) -> tuple[ConditionDocument, ...]:
        """Every comparison of the value in every grade."""
        return tuple(condition for _, clause in self.clauses for condition in clause.conditions)

    def _limits_fit(self) -> None:
        for _, clause in self.clauses:
            if (clause.comparison in UPWARD) != (self.direction == "high"):
                raise ValueError("a comparison points against the criterion's direction")
        with_figures = [found for condition in self.conditions if (found := condition.figures)]
        for figures in with_figures:
            converts = {unit for unit in figures if self._converts(unit)}
            # Units of another kind (degrees Fahrenheit) have to be printed with every limit.
            printed = all(figures.keys() - converts <= other.keys() for other in with_figures)
            if not converts or not printed:
                raise ValueError("a limit's unit does not convert to the criterion's unit")

    def _converts(self, unit: str) -> bool:
        own = self.unit
        return own is not None and all(
            factor_between(unit, own, testcd) is not None for testcd in self.analytes or ("",)
        )

    def _facts_fit(self) -> None:
        for grade, clause in self.clauses:
            for fact in clause.without:
                if not any(self._worse(grade, clause, fact)):
                    raise ValueError(f"without {fact}: no worse clause needs it at the same limit")

    def _worse(self, grade: int, clause: ClauseDocument, fact: str) -> Iterator[bool]:
        for number, other in self.clauses:
            yield number > grade and other.needs == (fact,) and clause.same_limits(other)


class CriteriaDocument(_Strict):
    """One file: the criteria of an organ group in one version."""

    ctcae: str
    group: str
    domain: Domain = "lab"
    criteria: tuple[CriterionDocument, ...] = Field(min_length=1)

    @field_validator("criteria")
    @classmethod
    def _specimens_of_laboratories(
        cls, criteria: tuple[CriterionDocument, ...], info: ValidationInfo
    ) -> tuple[CriterionDocument, ...]:
        if info.data.get("domain") != "lab" and any(one.specimen for one in criteria):
            raise ValueError("only laboratory criteria have a specimen")
        return criteria


class VersionDocument(_Strict):
    """``version.yaml``: makes a folder a version of CTCAE, or a sponsor's own scale."""

    version: str
    title: str
    source: str
