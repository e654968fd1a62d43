"""What a DLT criterion speaks of: toxicities by grade, measurements by number, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.clinical.quantity import unit_of
from shared.document import Path

Words = tuple[str, ...]
Domain = Literal["lab", "vital", "ecg"]
Kind = TypeVar("Kind", bound="Part")
COMPARISONS = ("above", "at_least", "below", "at_most")
_MULTIPLES = frozenset({"uln", "lln", "baseline"})
_SHIFTS = frozenset({"over_baseline", "under_baseline"})


class Part(BaseModel):
    """A piece of the protocol: nothing unknown, nothing changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def placed(part: Part, kind: type[Kind], path: Path = ()) -> Iterator[tuple[Path, Kind]]:
    """Every part of a kind that a part holds, at any depth, itself included, with its place in the
    document."""
    if isinstance(part, kind):
        yield path, part
    for name, field in type(part).model_fields.items():
        value, here = getattr(part, name), (*path, field.alias or name)
        if isinstance(value, Part):
            yield from placed(value, kind, here)
        for index, item in enumerate(value if isinstance(value, tuple) else ()):
            if isinstance(item, Part):
                yield from placed(item, kind, (*here, index))


def parts_of(part: Part, kind: type[Kind]) -> Iterator[Kind]:
    """`placed` without the places."""
    return (found for _, found in placed(part, kind))


def said(part: Part, *names: str) -> list[str]:
    """Which of these words a part says."""
    return [name for name in names if getattr(part, name) not in (None, (), False)]


def exactly_one(part: Part, *names: str) -> None:
    """ValueError unless the part says exactly one of these words."""
    if len(said(part, *names)) != 1:
        raise ValueError(f"say exactly one of {', '.join(names)}")


def at_most_one(part: Part, *names: str) -> None:
    """ValueError if the part says more than one of these words."""
    if len(said(part, *names)) > 1:
        raise ValueError(f"say at most one of {', '.join(names)}")


class Lasting(Part):
    """How long, or past which point. Days are calendar days at the site with the day of onset as
    the first: ``for_more_than_days: 7`` needs the 8th day, ``for_at_least_days: 7`` the 7th. Hours
    are hours from onset. ``still_on_day: 21``: begun by study day 21 and not over on it;
    ``still_at_next_dose``: likewise for the planned date of the protocol's ``next_dose``."""

    for_more_than_days: int | None = Field(default=None, ge=1, le=800)
    for_at_least_days: int | None = Field(default=None, ge=2, le=800)
    for_more_than_hours: int | None = Field(default=None, ge=1, le=19200)
    for_at_least_hours: int | None = Field(default=None, ge=1, le=19200)
    still_on_day: int | None = Field(default=None, ge=2, le=800)
    still_at_next_dose: bool = False

    @model_validator(mode="after")
    def _one_length(self) -> Lasting:
        at_most_one(self, *LENGTHS)
        at_most_one(self, "still_on_day", "still_at_next_dose")
        return self


LENGTHS = ("for_more_than_days", "for_at_least_days", "for_more_than_hours", "for_at_least_hours")


class Toxicity(Lasting):
    """Grade ``grade`` or higher of one of the terms, of a group, of anything outside a group, or
    of any term at all; on ``scale`` where the study grades it on another one than CTCAE.

    It has begun or worsened on treatment: what a subject already had, at the same grade, is none.
    ``grades_over_baseline`` asks for more: at least so many grades above the one before treatment.
    ``reported_only``: as a site reports it; what CTCAE makes of measured values does not count.
    """

    terms: Words = ()
    group: str | None = None
    not_in_group: str | None = None
    any_term: bool = False
    grade: int = Field(ge=1, le=5)
    grades_over_baseline: int | None = Field(default=None, ge=2, le=4)
    scale: str | None = None
    reported_only: bool = False

    @model_validator(mode="after")
    def _one_selection(self) -> Toxicity:
        exactly_one(self, "terms", "group", "not_in_group", "any_term")
        return self


def _a_limit(limit: Mapping[str, Decimal | dict[str, Decimal]]) -> Mapping[str, object]:
    """A number in one or more units, or one multiple or shift."""
    special = _MULTIPLES | _SHIFTS
    if not limit or (len(limit) > 1 and not special.isdisjoint(limit)):
        raise ValueError("say one number in a unit, or one of uln, lln, baseline, over_baseline")
    for name, value in limit.items():
        if (name in _SHIFTS) != isinstance(value, dict):
            raise ValueError("over_baseline and under_baseline, and only they, name a unit inside")
        for unit in value if isinstance(value, dict) else () if name in special else (name,):
            if unit_of(unit) is None:
                raise ValueError(f"{unit!r} is no unit of the unit table")
    return limit


Limit = Annotated[Mapping[str, Decimal | dict[str, Decimal]], AfterValidator(_a_limit)]
"""``{10*9/L: 10}`` (more than one unit: the reported one counts), ``{uln: 8}``, ``{lln: 0.5}``,
``{baseline: 1.5}`` as multiples, ``{over_baseline: {ms: 60}}``, ``{under_baseline: {"%": 10}}``."""


class Measurement(Lasting):
    """Values of one test beyond a limit, compared exactly and as reported. A value whose unit,
    range or baseline is not known leaves it open. ``reported_as``: the CTCAE term whose reports
    speak about the cause. A limit already passed before treatment is for a person to judge."""

    testcd: str
    domain: Domain = "lab"
    above: Limit | None = None
    at_least: Limit | None = None
    below: Limit | None = None
    at_most: Limit | None = None
    reported_as: str | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Measurement:
        exactly_one(self, *COMPARISONS)
        return self

    @property
    def comparison(self) -> tuple[str, Mapping[str, Decimal | dict[str, Decimal]]]:
        """The comparison's name and its limit."""
        name = said(self, *COMPARISONS)[0]
        return name, getattr(self, name)
