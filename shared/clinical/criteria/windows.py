"""When an onset counts: the DLT window, further named windows, and days before day 1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from shared.clinical.criteria.basic import Part


class Extension(Part):
    """The window goes on through the day of the first dose of a cycle: samples of that day are
    taken before it. Until that dose is given the window lasts to ``at_most_day``."""

    of: str
    cycle: int = Field(ge=2)
    at_most_day: int = Field(ge=2, le=400)


class DltWindow(Part):
    """Days ``first_day`` to ``last_day`` inclusive, in site-local calendar dates; the first dose of
    ``day_1_is_first_dose_of`` is on day ``first_dose_is_day``: 1, or before day 1 for a lead-in
    (there is no day 0)."""

    day_1_is_first_dose_of: str
    first_dose_is_day: int = Field(default=1, ge=-60, le=1)
    first_day: Literal[1] = 1
    last_day: int = Field(ge=1, le=400)
    extended_to_first_dose: Extension | None = None

    @model_validator(mode="after")
    def _days_that_exist(self) -> DltWindow:
        if self.first_dose_is_day == 0:
            raise ValueError("there is no day 0: the day before day 1 is day -1")
        extension = self.extended_to_first_dose
        if extension is not None and extension.at_most_day <= self.last_day:
            raise ValueError("at_most_day must lie after last_day")
        return self

    def offset(self, day: int) -> int:
        """How many days after the first dose a study day is."""
        return day - self.first_dose_is_day - (self.first_dose_is_day < 0 < day)


class Days(Part):
    """Days ``first_day`` to ``last_day``, both inclusive."""

    first_day: int = Field(ge=1, le=800)
    last_day: int = Field(ge=1, le=800)

    @model_validator(mode="after")
    def _in_order(self) -> Days:
        if self.last_day < self.first_day:
            raise ValueError("last_day lies before first_day")
        return self


class NamedWindow(Part):
    """A window of single criteria: one or more stretches of days, day 1 being the first dose of
    ``day_1_is_first_dose_of``. While an ``awaited`` one is open the subject is not completed;
    otherwise a later DLT changes the count when it comes."""

    day_1_is_first_dose_of: str
    days: tuple[Days, ...] = Field(min_length=1)
    awaited: bool = True


class NextDose(Part):
    """The dose whose planned date other clocks refer to: the first of ``cycle``."""

    treatment: str
    cycle: int = Field(default=2, ge=2)
    planned_day: int = Field(ge=2, le=800)
