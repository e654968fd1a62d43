"""The protocol document: one strict YAML file per study version, readable by a physician.

It is data in a closed vocabulary, never code. Every word is a strict model here, in
`shared.clinical.protocol.parts` or in `shared.clinical.criteria`; what only a person can judge is
written as a ``judgement`` and ends in front of a person.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from shared.clinical.criteria import (
    ADJUDICATORS,
    Attribution,
    CriterionRule,
    DltWindow,
    NamedWindow,
    NextDose,
    Part,
    Toxicity,
    Words,
    parts_of,
)
from shared.clinical.protocol.checks import check_protocol
from shared.clinical.protocol.design import Design
from shared.clinical.protocol.groups import TermGroup
from shared.clinical.protocol.parts import (
    Arm,
    Completeness,
    Conventions,
    DoseLevel,
    Evaluability,
    Sentinel,
    Zone,
)
from shared.clinical.protocol.response import Response
from shared.clinical.protocol.safety import Safety
from shared.clinical.protocol.stopping import FutilityRule, StoppingRule
from shared.clinical.protocol.wording import clearer
from shared.document import DocumentError, build, read_yaml


class DltDefinition(Part):
    """The DLT criteria; any one of them makes a candidate."""

    criteria: tuple[CriterionRule, ...] = Field(min_length=1)


class Protocol(Part):
    """A study version. ``sites`` gives time zones of sites that differ from the study's;
    ``windows`` are named by criteria with a window of their own; ``scales`` names for a scale other
    than CTCAE the field of a report that carries its grade. ``worst_case``: where a number gives a
    range of grades because a symptom decides between them, the numeric minimum counts and the site
    is asked, or the worst case counts. ``adjudicators``: the roles in which people may decide what
    a criterion leaves to a person."""

    format: Literal["vigil.protocol.v1"]
    study: str
    version: str
    title: str
    synthetic: bool
    ctcae: str
    time_zone: Zone
    sites: dict[str, Zone] = Field(default_factory=dict)
    treatments: Words
    doses: tuple[DoseLevel, ...] = Field(min_length=1)
    arms: dict[str, Arm] = Field(default_factory=dict)
    counted_parts: tuple[Literal["escalation", "backfill", "expansion"], ...] = ("escalation",)
    window: DltWindow
    windows: dict[str, NamedWindow] = Field(default_factory=dict)
    next_dose: NextDose | None = None
    evaluability: Evaluability
    completeness: Completeness = Completeness()
    sentinel: Sentinel | None = None
    attribution: Attribution
    scales: dict[str, str] = Field(default_factory=dict)
    worst_case: Literal["query", "counts"] = "query"
    conventions: Conventions = Conventions()
    adjudicators: Words = Field(default=(ADJUDICATORS,), min_length=1)
    term_groups: dict[str, TermGroup] = Field(default_factory=dict)
    dlt: DltDefinition
    design: Design
    response: Response | None = None
    stopping: tuple[StoppingRule, ...] = ()
    futility: tuple[FutilityRule, ...] = ()
    safety: Safety | None = None

    def zone(self, site: str | None = None) -> ZoneInfo:
        """The time zone that decides which calendar date it is at a site (or for the study)."""
        return _zone(self.sites.get(site or "", self.time_zone))

    def label(self, level: int | None) -> str:
        """A dose level in the protocol's own words."""
        return next((dose.label for dose in self.doses if dose.level == level), f"level {level}")

    def rules_for(self, cohort: str | None) -> tuple[CriterionRule, ...]:
        """The criteria that apply to a subject of a cohort; all of them where it is in no arm."""
        arms = {name for name, arm in self.arms.items() if cohort in arm.cohorts}
        rules = self.dlt.criteria
        return tuple(one for one in rules if not one.arms or not arms or arms & set(one.arms))

    @cached_property
    def toxicities(self) -> tuple[tuple[CriterionRule, Toxicity], ...]:
        """Each toxicity that some part of a DLT criterion speaks of, with its criterion."""
        rules = self.dlt.criteria
        return tuple((rule, found) for rule in rules for found in parts_of(rule, Toxicity))

    def has(self, level: int | None) -> bool:
        """Whether there is such a dose level."""
        return any(dose.level == level for dose in self.doses)

    def end_of(self, day: date) -> datetime:
        """The last instant of a calendar date in the study's time zone."""
        return day_ends(day, self.zone())


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def day_starts(day: date, zone: ZoneInfo) -> datetime:
    """Midnight at the beginning of a local calendar date, in UTC: arithmetic on wall-clock time
    would end a day an hour early where the clocks go back at midnight."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def day_ends(day: date, zone: ZoneInfo) -> datetime:
    """The last instant of a local calendar date: the date counts as over from here on."""
    return day_starts(day + timedelta(days=1), zone) - timedelta(microseconds=1)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The local calendar date at a moment. A day that is over does not begin again where a move to
    another site (`moves`) sets the clock back."""
    day = moment.astimezone(zone).date()
    while day_starts(day + timedelta(days=1), zone) <= moment:
        day += timedelta(days=1)
    return day


@lru_cache(maxsize=128)
def load_protocol(text: str) -> Protocol:
    """Read and check a protocol document; raises `DocumentError` with line and remedy per fault."""
    document = read_yaml(text)
    try:
        protocol = build(document, Protocol)
    except DocumentError as error:
        raise DocumentError(clearer(document, error.findings)) from None
    findings = tuple(check_protocol(document, protocol))
    if findings:
        raise DocumentError(findings)
    return protocol
