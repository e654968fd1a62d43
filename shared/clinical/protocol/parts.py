"""The parts of a protocol document that say who is treated with what, where, and who counts."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from shared.clinical.criteria import Part, Words


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: the name of a folder of zones (America), or longer than a file name may be.
        raise ValueError(
            "not a time zone of the IANA database (for example Asia/Shanghai)"
        ) from None
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]


Amount = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)(\.\d+)? \S+$")]
"""A number and its unit: ``800 mg/m2``."""


class DoseLevel(Part):
    """One dose level of the escalation; levels count from 1 upwards. Of a combination ``gives``
    says the dose of each treatment: from level to level at least one rises."""

    level: int = Field(ge=1)
    label: str
    gives: dict[str, Amount] = Field(default_factory=dict)


class Arm(Part):
    """An arm by its cohorts (the ``cohort_id`` of assignments): criteria that name arms apply to
    their subjects only. A subject of no arm is held to every criterion, and the site is asked."""

    title: str
    cohorts: Words = Field(min_length=1)


class Conventions(Part):
    """How days and values are read, written out for those who sign: there is no other way yet.
    Both ends of a stretch of days count; a value stands until the next measured one; a DLT is dated
    by the day on which its grade is reached, not by the beginning of the event."""

    days: Literal["both_ends_count"] = "both_ends_count"
    values: Literal["stand_until_the_next"] = "stand_until_the_next"
    onset: Literal["day_the_grade_is_reached"] = "day_the_grade_is_reached"


class Evaluability(Part):
    """Who counts without a DLT: at least this share of every treatment's planned dose in cycle 1,
    and followed to the end of the window. Under-dosing because of toxicity keeps the subject. Who
    was given more than the maximum of any treatment counts only with a DLT (None: no limit). Who is
    not evaluable is replaced, and still counts where a DLT of the window becomes known later."""

    minimum_percent_of_planned_dose: int = Field(ge=0, le=100)
    maximum_percent_of_planned_dose: int | None = Field(default=None, ge=100, le=1000)
    treatments: Words = Field(min_length=1)


class Completeness(Part):
    """``reported``: absent records mean "no" only through a `review_complete` record. ``assumed``:
    they do ``grace_days`` after the window, and the result is marked provisional. So is one that
    rests on a record the source calls ``provisional_while``."""

    mode: Literal["reported", "assumed"] = "reported"
    grace_days: int = Field(default=0, ge=0, le=90)
    provisional_while: tuple[Literal["unsigned", "queried"], ...] = ("unsigned", "queried")

    @model_validator(mode="after")
    def _grace_only_if_assumed(self) -> Completeness:
        if self.mode == "reported" and self.grace_days:
            raise ValueError("grace_days only has a meaning with mode: assumed")
        return self


class Sentinel(Part):
    """At each dose level of the escalation the next subject is first dosed no sooner than
    ``gap_days`` after the first one at the level (or after every one): with 7, a first dose on day
    1 lets the next follow on day 8. Sooner is a protocol deviation; the data count."""

    gap_days: int = Field(ge=1, le=90)
    after: Literal["first_at_level", "every_subject"] = "first_at_level"
