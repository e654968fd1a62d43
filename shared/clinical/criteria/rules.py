"""The lines of a DLT definition: what makes a candidate, and when it may happen."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from shared.clinical.criteria.basic import (
    Measurement,
    Part,
    Toxicity,
    Words,
    at_most_one,
    exactly_one,
    said,
)
from shared.clinical.criteria.conditions import Condition, Exclusion, Exemption

KINDS = ("toxicity", "hys_law", "delay", "measurement", "dosing", "count")


class Attribution(Part):
    """How the sources word causality. A wording in neither list counts as related, with a query.
    ``by_drug`` says which field of a report speaks of which treatment; ``groups`` names wordings
    that criteria ask for together."""

    related: Words
    not_related: Words
    by_drug: dict[str, str] = Field(default_factory=dict)
    groups: dict[str, Words] = Field(default_factory=dict)


class Cause(Part):
    """Attribution of one criterion, where it differs from the study's. ``to_any_of``: to one of
    these treatments; ``wordings``, or a ``group`` of them: only these count as related ("likely");
    ``any_cause``: not asked."""

    to_any_of: Words = ()
    wordings: Words = ()
    group: str | None = None
    any_cause: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Cause:
        at_most_one(self, "wordings", "group")
        if self.any_cause == bool(self.to_any_of or self.wordings or self.group):
            raise ValueError("say any_cause, or to_any_of or wordings (or both)")
        return self


class OtherGrade(Part):
    """Another grade than the criterion's for some of its terms, stricter or not."""

    terms: Words = ()
    group: str | None = None
    grade: int = Field(ge=1, le=5)

    @model_validator(mode="after")
    def _one_selection(self) -> OtherGrade:
        exactly_one(self, "terms", "group")
        return self


class HysLaw(Part):
    """Drug-induced liver injury by Hy's law, in multiples of ULN (FDA guidance, July 2009).

    ``pairing: same_time``: the three values within ``within_days`` of each other;
    ``peak_to_peak``: the highest transaminase and bilirubin on treatment, whenever each was, with
    ALP from the time of the transaminase. ``if_baseline_raised``: where the value before treatment
    was above its ULN, the multiple is of that value instead. Without ``alp_below`` ALP is not
    looked at.
    """

    transaminase_at_least: int = Field(ge=1)
    bilirubin_at_least: int = Field(ge=1)
    alp_below: int | None = Field(default=None, ge=1)
    within_days: int = Field(default=0, ge=0, le=14)
    pairing: Literal["same_time", "peak_to_peak"] = "same_time"
    if_baseline_raised: BaselineMultiples | None = None


class BaselineMultiples(Part):
    """Multiples of the value before treatment that take the place of those of ULN."""

    transaminase_at_least: Decimal = Field(gt=1)
    bilirubin_at_least: Decimal = Field(gt=1)


class Delay(Part):
    """The first dose of ``cycle`` late by more than ``more_than_days`` (or at least
    ``at_least_days``) because of toxicity. The clock starts at the planned date; exempt from the
    window's limit on onset. With ``held_by_any`` one of these must hold on the planned date."""

    treatment: str
    cycle: int = Field(ge=2)
    planned_day: int = Field(ge=2, le=800)
    more_than_days: int | None = Field(default=None, ge=1, le=800)
    at_least_days: int | None = Field(default=None, ge=1, le=800)
    because_of_toxicity: Words = Field(min_length=1)
    held_by_any: tuple[HeldBy, ...] = ()

    @model_validator(mode="after")
    def _one_length(self) -> Delay:
        exactly_one(self, "more_than_days", "at_least_days")
        return self

    @property
    def days_late(self) -> int:
        """The first number of days late that counts."""
        if self.more_than_days is not None:
            return self.more_than_days + 1
        assert self.at_least_days is not None
        return self.at_least_days


class HeldBy(Part):
    """A toxicity or a value that keeps the next dose from being given."""

    toxicity: Toxicity | None = None
    measurement: Measurement | None = None

    @model_validator(mode="after")
    def _one(self) -> HeldBy:
        exactly_one(self, "toxicity", "measurement")
        return self


class Dosing(Part):
    """Treatment not given as planned in ``cycle`` because of toxicity: less than a percentage of
    the planned dose of any of the treatments (known when the window has closed), so many doses
    missed, a dose reduced, or the treatment stopped for good. The reason is what the dose record,
    the disposition or the action taken of an event (AEACN) says. With ``toxicity`` the subject must
    have had such a one."""

    treatments: Words = Field(min_length=1)
    cycle: int = Field(default=1, ge=1)
    below_percent: int | None = Field(default=None, ge=1, le=100)
    missed_at_least: int | None = Field(default=None, ge=1)
    reduced: bool = False
    stopped: bool = False
    because_of_toxicity: Words = Field(min_length=1)
    toxicity: Toxicity | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Dosing:
        exactly_one(self, "below_percent", "missed_at_least", "reduced", "stopped")
        return self


class Count(Part):
    """So many toxicities make one DLT. ``distinct_terms``: two of one term count once."""

    toxicity: Toxicity
    at_least: int = Field(ge=2)
    distinct_terms: bool = True


class CriterionRule(Part):
    """One line of the DLT definition; ``source`` says where the study states it.

    A ``toxicity`` or ``measurement`` is one with its ``other_grades``; it counts if it is
    attributed (``attribution``), comes ``together_with_any`` of some conditions, and ``only_if``
    all of others hold; ``except`` and ``unless`` take it out again. ``window`` names the window its
    onset must lie in, where that is not the DLT window; ``arms`` those whose subjects alone it
    applies to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    text: str
    source: str
    window: str | None = None
    arms: Words = ()
    toxicity: Toxicity | None = None
    measurement: Measurement | None = None
    other_grades: tuple[OtherGrade, ...] = ()
    attribution: Cause | None = None
    together_with_any: tuple[Condition, ...] = ()
    only_if: tuple[Condition, ...] = ()
    excluded: tuple[Exclusion, ...] = Field(default=(), alias="except")
    unless: tuple[Exemption, ...] = ()
    hys_law: HysLaw | None = None
    delay: Delay | None = None
    dosing: Dosing | None = None
    count: Count | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> CriterionRule:
        exactly_one(self, *KINDS)
        asked = said(self, "together_with_any", "only_if", "excluded", "unless")
        if asked and self.toxicity is None and self.measurement is None:
            raise ValueError("together_with_any and unless belong to a toxicity or measurement")
        if self.other_grades and self.toxicity is None:
            raise ValueError("other_grades belong to a toxicity")
        if self.attribution and (self.hys_law or self.delay or self.dosing):
            raise ValueError("attribution belongs to a toxicity, measurement or count")
        if self.delay and self.window:
            raise ValueError("a delay has its own clock: leave window out")
        if self.measurement and any(one.named for one in (*self.excluded, *self.unless)):
            raise ValueError("a measurement has no terms: leave them out")
        return self

    @property
    def subject(self) -> Toxicity | Measurement | None:
        """What the criterion's stretches are of."""
        return self.toxicity or self.measurement


HysLaw.model_rebuild()
Delay.model_rebuild()
