"""The protocol document: one strict YAML file per study version, readable by a physician.

It is data in a closed vocabulary, never code. Every word a criterion may use is a model below; what
only a person can judge is written as a ``judgement`` and ends in front of a person.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from shared.clinical.criteria import (
    Attribution,
    CriterionRule,
    DltWindow,
    Exclusion,
    Exemption,
    Measurement,
    NamedWindow,
    NextDose,
    OtherGrade,
    Part,
    Toxicity,
    Words,
    placed,
)
from shared.clinical.criteria.checks import check_windows, check_words
from shared.clinical.ctcae import versions
from shared.clinical.document import Document, DocumentError, Finding, Path, build, read_yaml
from shared.clinical.term_findings import grade_findings, term_findings


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


class ThreePlusThree(Part):
    """3+3; ``deescalate`` as `shared.clinical.designs.three_plus_three` states it."""

    variant: Literal["plain", "deescalate"]
    start_level: int = Field(default=1, ge=1)


class Design(Part):
    """The dose-escalation rule."""

    three_plus_three: ThreePlusThree


class DltDefinition(Part):
    """The DLT criteria; any one of them makes a candidate."""

    criteria: tuple[CriterionRule, ...] = Field(min_length=1)


class Protocol(Part):
    """A study version. ``sites`` gives time zones of sites that differ from the study's;
    ``windows`` are named by criteria with a window of their own; ``scales`` names for a scale other
    than CTCAE the field of a report that carries its grade."""

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
    counted_parts: tuple[Literal["escalation", "backfill", "expansion"], ...] = ("escalation",)
    window: DltWindow
    windows: dict[str, NamedWindow] = Field(default_factory=dict)
    next_dose: NextDose | None = None
    evaluability: Evaluability
    completeness: Completeness = Completeness()
    attribution: Attribution
    scales: dict[str, str] = Field(default_factory=dict)
    term_groups: dict[str, Words] = Field(default_factory=dict)
    dlt: DltDefinition
    design: Design

    def zone(self, site: str | None = None) -> ZoneInfo:
        """The time zone that decides which calendar date it is at a site (or for the study)."""
        return _zone(self.sites.get(site or "", self.time_zone))

    def label(self, level: int | None) -> str:
        """A dose level in the protocol's own words."""
        return next((dose.label for dose in self.doses if dose.level == level), f"level {level}")

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


@lru_cache(maxsize=128)
def load_protocol(text: str) -> Protocol:
    """Read and check a protocol document; raises `DocumentError` with line and remedy per fault."""
    document = read_yaml(text)
    protocol = build(document, Protocol)
    findings = tuple(_check(document, protocol))
    if findings:
        raise DocumentError(findings)
    return protocol


def _check(document: Document, protocol: Protocol) -> list[Finding]:
    """What the shape alone can't say: terms, grades and names that must exist."""
    if protocol.ctcae not in versions():
        known = ", ".join(versions())
        remedy = f"write one of {known}"
        return [document.finding(("ctcae",), "unknown CTCAE version", remedy)]
    found = _check_names(document, protocol) + check_windows(document, protocol)
    for group, terms in protocol.term_groups.items():
        found += term_findings(document, protocol.ctcae, ("term_groups", group), terms)
    seen: set[str] = set()
    for index, rule in enumerate(protocol.dlt.criteria):
        path = ("dlt", "criteria", index)
        if rule.id in seen:
            found.append(document.finding((*path, "id"), "the id occurs twice", "make it unique"))
        seen.add(rule.id)
        found += _check_rule(document, protocol, path, rule)
    return found


def _check_names(document: Document, protocol: Protocol) -> list[Finding]:
    found: list[Finding] = []
    levels = [dose.level for dose in protocol.doses]
    if levels != list(range(1, len(levels) + 1)):
        found.append(document.finding(("doses",), "levels do not count 1, 2, 3, ...", "renumber"))
    if protocol.design.three_plus_three.start_level not in levels:
        found.append(document.finding(("design",), "start_level is no dose level", "correct it"))
    for name in (protocol.window.day_1_is_first_dose_of, *protocol.evaluability.treatments):
        if name not in protocol.treatments:
            remedy = "add it to treatments"
            found.append(document.finding(("treatments",), f"{name} is not listed", remedy))
    if "escalation" not in protocol.counted_parts:
        problem = "the escalation itself is not counted"
        found.append(document.finding(("counted_parts",), problem, "add escalation"))
    for group, terms in protocol.term_groups.items():
        if not terms:
            path = ("term_groups", group)
            found.append(document.finding(path, "the group holds no term", "fill or remove it"))
    related, unrelated = (
        {word.upper() for word in words}
        for words in (protocol.attribution.related, protocol.attribution.not_related)
    )
    if related & unrelated:
        problem = "a wording is in both lists"
        found.append(document.finding(("attribution",), problem, "keep it in one"))
    return found


def _check_rule(
    document: Document, protocol: Protocol, path: Path, rule: CriterionRule
) -> list[Finding]:
    found: list[Finding] = []
    for place, toxicity in placed(rule, Toxicity, path):
        found += term_findings(document, protocol.ctcae, (*place, "terms"), toxicity.terms)
        for group in (toxicity.group, toxicity.not_in_group):
            found += _check_group(document, protocol, place, group)
        if toxicity.scale is None:
            found += _check_grade(document, protocol, place, toxicity)
    for place, other in placed(rule, OtherGrade, path):
        found += term_findings(document, protocol.ctcae, (*place, "terms"), other.terms)
        found += _check_grade(document, protocol, place, other)
        found += _check_group(document, protocol, place, other.group)
    for place, scope in placed(rule, Exclusion, path):
        found += term_findings(document, protocol.ctcae, (*place, "terms"), scope.terms)
        found += _check_group(document, protocol, place, scope.group)
        found += _check_exemption(document, place, rule, scope)
    for place, measurement in placed(rule, Measurement, path):
        names = (measurement.reported_as,) if measurement.reported_as else ()
        found += term_findings(document, protocol.ctcae, (*place, "reported_as"), names)
    found += check_words(document, protocol, path, rule)
    if rule.delay and rule.delay.treatment not in protocol.treatments:
        found.append(document.finding(path, "the delayed treatment is not listed", "add it"))
    return found


def _check_grade(
    document: Document, protocol: Protocol, path: Path, toxicity: Toxicity | OtherGrade
) -> list[Finding]:
    """Each term named must have the grade; of a group, one term is enough."""
    ctcae, grade = protocol.ctcae, toxicity.grade
    found = grade_findings(document, ctcae, (*path, "terms"), toxicity.terms, grade)
    members = protocol.term_groups.get(toxicity.group or "", ())
    lacking = grade_findings(document, ctcae, path, members, grade)
    if members and len(lacking) == len(members):
        problem = f"no term of {toxicity.group} has grade {grade} or higher in CTCAE {ctcae}"
        remedy = "correct the grade: it can never be met"
        found.append(document.finding((*path, "grade"), problem, remedy))
    return found


def _check_exemption(
    document: Document, path: Path, rule: CriterionRule, exemption: Exclusion
) -> list[Finding]:
    """An exemption that always holds, or never."""
    found: list[Finding] = []
    if rule.toxicity is None:
        return found
    lowest = min(rule.toxicity.grade, *(other.grade for other in rule.other_grades), 5)
    improves = exemption.improves if isinstance(exemption, Exemption) else None
    if improves is not None and improves.to_grade is not None and improves.to_grade >= lowest:
        problem = f"back to grade {improves.to_grade} is no improvement"
        found.append(document.finding(path, problem, f"name a grade below {lowest}"))
    if exemption.up_to_grade < lowest:
        problem = f"an exemption up to grade {exemption.up_to_grade} never applies"
        found.append(document.finding(path, problem, f"name grade {lowest} or higher"))
    return found


def _check_group(
    document: Document, protocol: Protocol, path: Path, name: str | None
) -> list[Finding]:
    if name is None or name in protocol.term_groups:
        return []
    return [document.finding(path, f"{name} is no term group", "define it under term_groups")]
