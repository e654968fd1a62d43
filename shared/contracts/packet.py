"""The committee's packet: everything the dose meeting reads, as one document.

``GET …/packet`` of the monitor and ``vigil packet`` give it; pages and PDF are written from it and
from nothing else, so that they cannot say more than it does.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.dataclasses import dataclass

from shared.contracts.adverse_events import AdverseEventSummary
from shared.contracts.assessment import Assessment
from shared.contracts.figures import StudyNumbers


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabBand(_Part):
    """Values of one grade in the unit they are drawn in; None is without end."""

    grade: int
    lower: Decimal | None
    upper: Decimal | None


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class LabValue:
    """A result as reported with its grade (a range where it is not certain); ``number`` is what a
    chart can draw, in the unit it is drawn in, None for a comparator or words. ``day`` 1 is the
    first dose. A dataclass: of the tens of thousands in a packet, models are read half as fast."""

    on: date
    day: int
    result: str
    number: Decimal | None
    grade_low: int | None
    grade_high: int | None


class LabSeries(_Part):
    """One subject's values of one test for one term, reported in ``unit``; ``bands`` are those of
    the last value, with its own range and baseline. ``drawn_in``: the unit of numbers and bands
    where it is another, the one most subjects have."""

    subject: str
    usubjid: str
    dose_level: int | None
    test: str
    term: str
    unit: str | None
    values: tuple[LabValue, ...]
    bands: tuple[LabBand, ...]
    drawn_in: str | None = None

    @property
    def axis(self) -> str | None:
        """The unit of numbers and bands; None where the test has none."""
        return self.drawn_in or self.unit


class Outlook(_Part):
    """What the rule would say for every outcome of the pending; ``certain`` what all agree on.
    ``complete`` is false where only none, one and all of a dose were worked out."""

    pending: int
    branches: tuple[str, ...]
    certain: tuple[str, ...]
    complete: bool


class TableCell(_Part):
    """Where a dose level stands in the design's table: its line, and what the table says there."""

    dose_level: int
    label: str
    line: int
    says: str


class DesignTable(_Part):
    """The design's decision table as text; ``stands``: the cells in which the dose levels are."""

    design: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    source: str
    stands: tuple[TableCell, ...]


class StudyOutlook(_Part):
    """What depends on the pending and on the design alone, for the assessment of that digest."""

    assessment_digest: str
    outlook: Outlook
    table: DesignTable | None


class Packet(StudyNumbers):
    """What the charts draw, and beside it all that a meeting reads. ``table`` is None for a design
    that decides by the whole trial. ``labs``: the tests in which somebody reached grade 3."""

    contract: Literal["vigil.packet.v1"] = "vigil.packet.v1"
    title: str
    synthetic: bool
    assessment: Assessment
    summary: AdverseEventSummary
    labs: tuple[LabSeries, ...]
    outlook: Outlook
    table: DesignTable | None
