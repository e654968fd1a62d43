"""What may be asked about a toxicity besides its grade: company, care, improvement, judgement.

One vocabulary for all places: ``together_with_any``, ``only_if``, and inside ``unless`` and
``except``. Each condition holds, does not, is open, or is for a named role to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from shared.clinical.criteria.basic import (
    Lasting,
    Measurement,
    Part,
    Toxicity,
    Words,
    at_most_one,
    exactly_one,
    parts_of,
    said,
)

Category = Literal[
    "transfusion", "growth_factor", "steroid", "immunosuppressant", "supportive_care", "other"
]
Origin = Literal["grade", "onset", "care", "first_dose", "planned_next_dose"]
"""Where a clock starts: when the grade was reached, when the event began (at any grade), when care
for it began, at the first dose, or on the planned date of the protocol's ``next_dose``."""
Qualifier = Literal[
    "hospitalised",
    "not_hospitalised",
    "serious",
    "life_threatening",
    "medically_important",
    "isolated",
    "asymptomatic",
    "symptomatic",
    "needs_intervention",
    "needs_no_intervention",
]
ADJUDICATORS = "adjudicators"


class Treatment(Part):
    """A concomitant treatment of a category, given while the toxicity lasts (``given: false``:
    not given). ``daily_dose_above`` compares the total daily dose in the reported unit, so it needs
    ``names``: milligrams of two steroids are not the same. A length counts the days it was given,
    both ends included (``for_at_most_hours: 48``: not longer). ``classes_at_least`` counts
    different medication classes (CMCLAS) given on one day."""

    category: Category
    names: Words = ()
    given: bool = True
    daily_dose_above: Mapping[str, Decimal] | None = None
    for_more_than_days: int | None = Field(default=None, ge=1, le=800)
    for_at_most_hours: int | None = Field(default=None, ge=1, le=19200)
    classes_at_least: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _makes_sense(self) -> Treatment:
        at_most_one(self, "for_more_than_days", "for_at_most_hours", "classes_at_least")
        details = said(self, "for_more_than_days", "for_at_most_hours", "classes_at_least")
        if not self.given and (details or self.daily_dose_above):
            raise ValueError("given: false says it all: leave doses and lengths out")
        if self.daily_dose_above and (not self.names or len(self.daily_dose_above) != 1):
            raise ValueError("daily_dose_above needs names, and one unit")
        return self


class Improvement(Part):
    """Back to ``to_grade`` or lower, to the grade before treatment (with ``to_grade``: to the
    higher of the two), by so many grades, or (``recovers``) below what the criterion asks for.

    In time means by origin date + ``within_days``, by ``within_hours`` from the origin, by the end
    of study day ``by_day``, or by the end of the planned date of the next dose.
    """

    to_grade: int | None = Field(default=None, ge=0, le=4)
    to_baseline: bool = False
    by_grades: int | None = Field(default=None, ge=1, le=4)
    recovers: bool = False
    within_days: int | None = Field(default=None, ge=1, le=800)
    within_hours: int | None = Field(default=None, ge=1, le=19200)
    by_day: int | None = Field(default=None, ge=2, le=800)
    by_next_dose: bool = False
    since: Origin = "grade"

    @model_validator(mode="after")
    def _one_goal_one_clock(self) -> Improvement:
        if self.to_grade is None and not self.to_baseline:
            exactly_one(self, "by_grades", "recovers")
        elif said(self, "by_grades", "recovers"):
            raise ValueError("say one goal: to_grade, to_baseline, by_grades or recovers")
        clocks = "within_days", "within_hours", "by_day", "by_next_dose"
        exactly_one(self, *clocks)
        if self.since != "grade" and said(self, "by_day", "by_next_dose"):
            raise ValueError("since belongs to within_days or within_hours")
        return self


class Despite(Part):
    """The grade persists under care: still there so long after care for it began. Whether the care
    was optimal is for a person (``optimal: false``: any care on record is enough)."""

    category: Category = "supportive_care"
    names: Words = ()
    for_at_least_hours: int | None = Field(default=None, ge=1, le=19200)
    for_at_least_days: int | None = Field(default=None, ge=1, le=800)
    optimal: bool = True

    @model_validator(mode="after")
    def _one_clock(self) -> Despite:
        exactly_one(self, "for_at_least_hours", "for_at_least_days")
        return self


class Repeat(Part):
    """Confirmed by a second measurement, at least so long after the first and in time."""

    at_least_minutes_apart: int = Field(default=1, ge=1)
    within_days: int = Field(ge=0, le=90)


class Condition(Part):
    """One thing asked about the toxicity. A second ``toxicity``, ``measurement`` or ``treatment``
    must overlap it in time; with ``within_days`` or ``within_hours`` it must begin so close to its
    onset instead, on either side or in the stated ``order``. A ``qualifier`` with a field is read
    from the reports, the others and every ``judgement`` are decided by ``role``."""

    toxicity: Toxicity | None = None
    measurement: Measurement | None = None
    treatment: Treatment | None = None
    improves: Improvement | None = None
    despite: Despite | None = None
    repeated: Repeat | None = None
    lasts: Lasting | None = None
    qualifier: Qualifier | None = None
    judgement: str | None = None
    role: str = ADJUDICATORS
    within_days: int | None = Field(default=None, ge=0, le=800)
    within_hours: int | None = Field(default=None, ge=1, le=19200)
    order: Literal["either", "after", "before"] = "either"

    @model_validator(mode="after")
    def _one(self) -> Condition:
        company = "toxicity", "treatment", "measurement"
        others = "improves", "despite", "repeated", "lasts", "qualifier", "judgement"
        exactly_one(self, *company, *others)
        at_most_one(self, "within_days", "within_hours")
        near = self.within_days is not None or self.within_hours is not None
        if near and not said(self, *company):
            raise ValueError("within_days and within_hours belong to toxicity, treatment, ...")
        if self.order != "either" and not near:
            raise ValueError("order needs within_days or within_hours")
        if near and self.treatment is not None and not self.treatment.given:
            raise ValueError("given: false looks at all of the toxicity: leave the clock out")
        return self


class Exclusion(Part):
    """Never a DLT: these terms (of all: none named) up to a grade, but not if any of the further
    conditions holds."""

    terms: Words = ()
    group: str | None = None
    up_to_grade: int = Field(default=5, ge=1, le=5)
    but_not_if_any: tuple[Condition, ...] = ()

    @property
    def named(self) -> bool:
        """Whether it is limited to terms."""
        return bool(self.terms) or self.group is not None


class Exemption(Exclusion):
    """Not a DLT after all: for these terms up to ``up_to_grade``, if it improved in time, or if all
    of several conditions hold, or if a person judges so."""

    improves: Improvement | None = None
    all_of: tuple[Condition, ...] = ()
    judgement: str | None = None
    role: str = ADJUDICATORS

    @model_validator(mode="after")
    def _says_something(self) -> Exemption:
        if not said(self, "improves", "all_of", "judgement"):
            raise ValueError("say improves or judgement (or both), or all_of")
        return self


def roles_named(part: Part) -> list[str]:
    """The roles that a part leaves something to, `ADJUDICATORS` where it names none."""
    asked = [one.role for one in parts_of(part, Condition) if _asks_a_person(one)]
    return asked + [one.role for one in parts_of(part, Exemption) if one.judgement is not None]


def _asks_a_person(condition: Condition) -> bool:
    optimal = condition.despite is not None and condition.despite.optimal
    return optimal or condition.judgement is not None or condition.qualifier is not None
