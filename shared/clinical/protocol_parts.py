"""The parts of a protocol document that say who is treated with what, where, and who counts."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from shared.clinical.criteria import Part, Words


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(
            "not a time zone of the IANA database (for example Asia/Shanghai)"
        ) from None
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]


class DoseLevel(Part):
    """One dose level of the escalation; levels count from 1 upwards."""

    level: int = Field(ge=1)
    label: str


class Evaluability(Part):
    """Who counts without a DLT: at least this share of every treatment's planned dose in cycle 1,
    and followed to the end of the window. Under-dosing because of toxicity keeps the subject."""

    minimum_percent_of_planned_dose: int = Field(ge=0, le=100)
    treatments: Words = Field(min_length=1)


class Completeness(Part):
    """``reported``: absent records mean "no" only through a `review_complete` record. ``assumed``:
    they do ``grace_days`` after the window, and the result is marked provisional."""

    mode: Literal["reported", "assumed"] = "reported"
    grace_days: int = Field(default=0, ge=0, le=90)

    @model_validator(mode="after")
    def _grace_only_if_assumed(self) -> Completeness:
        if self.mode == "reported" and self.grace_days:
            raise ValueError("grace_days only has a meaning with mode: assumed")
        return self
