"""The section ``safety:``: what the safety team is told of beside the DLT status, and by when.

Nothing here changes a count or a dose. Without the section, or a part of it, nothing of it is told:
which clocks a study runs, and from which moment, is its own setting. Source of the clocks: ICH E2A
and E6(R3), 21 CFR 312.32, Regulation (EU) 536/2014.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from shared.clinical.criteria import HysLaw, Part, Words
from shared.clinical.criteria.basic import exactly_one
from shared.clinical.protocol.parts import Zone
from shared.clinical.term_findings import grade_findings, term_findings
from shared.document import Document, Finding, Path

if TYPE_CHECKING:
    from shared.clinical.protocol import Protocol

Hours = Annotated[int, Field(ge=1, le=24 * 365)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")]
StudyDay = Annotated[int, Field(ge=1, le=3650)]


class Region(Part):
    """Where suspected unexpected serious reactions are reported: within 7 calendar days if fatal or
    life-threatening, followed up within 8 more, within 15 otherwise. Day 0, a date in this time
    zone, is when the sponsor first had the information; of the 15 days it may be when the sponsor
    determined that the event has to be reported (21 CFR 312.32(c)(1))."""

    time_zone: Zone
    fifteen_days_from: Literal["information", "determination"] = "information"

    def zone(self) -> ZoneInfo:
        """The zone in which its calendar days are counted."""
        return ZoneInfo(self.time_zone)


class SeriousEvents(Part):
    """The site reports a serious event within ``site_within_hours`` of becoming aware of it, except
    of the terms that the protocol exempts (ICH E6(R3))."""

    site_within_hours: Hours = 24
    exempt: Words = ()
    regions: dict[Name, Region] = Field(default_factory=dict)


class SpecialInterest(Part):
    """An adverse event of special interest, as a site reports it: one of the terms or of a group,
    from a grade on, serious or not. ``immune_related``: told again once a steroid or an
    immunosuppressant is begun during it."""

    id: Name
    text: str
    source: str
    terms: Words = ()
    group: str | None = None
    from_grade: int = Field(default=1, ge=1, le=5)
    site_within_hours: Hours | None = None
    immune_related: bool = False

    @model_validator(mode="after")
    def _one_selection(self) -> SpecialInterest:
        exactly_one(self, "terms", "group")
        return self


class LiverWatch(HysLaw):
    """Hy's law watched for as such, whether or not it is a DLT; a study may name several, by
    pairing and by what holds where the baseline was raised. ``repeat_within_hours``: by when the
    liver tests are to be repeated."""

    id: Name
    source: str
    repeat_within_hours: Hours | None = None


class ExpectedLabs(Part):
    """Tests (LBTESTCD) that the schedule asks for on these study days, up to ``days_around`` days
    earlier or later. What has not arrived ``asked_after_days`` later is asked for; "not done" is an
    answer."""

    tests: Words = Field(min_length=1)
    days: tuple[StudyDay, ...] = Field(min_length=1)
    days_around: int = Field(default=0, ge=0, le=14)
    asked_after_days: int = Field(default=0, ge=0, le=90)


class Safety(Part):
    """``site_report``: a site's report is what Vigil first ``received``, or only what is ``stated``
    (``reported_dtc``). ``silent_after_days``: while subjects are pending and no record of any has
    arrived for so long, the study is stale."""

    site_report: Literal["received", "stated"] = "received"
    serious_events: SeriousEvents | None = None
    special_interest: tuple[SpecialInterest, ...] = ()
    hys_law: tuple[LiverWatch, ...] = ()
    expected_labs: tuple[ExpectedLabs, ...] = ()
    silent_after_days: int | None = Field(default=None, ge=1, le=365)


def check_safety(document: Document, protocol: Protocol) -> list[Finding]:
    """Faults of the section that its shape alone can't show."""
    safety = protocol.safety
    if safety is None:
        return []
    found: list[Finding] = []
    named: list[tuple[Path, str]] = [
        *(
            (("special_interest", index), one.id)
            for index, one in enumerate(safety.special_interest)
        ),
        *((("hys_law", index), one.id) for index, one in enumerate(safety.hys_law)),
    ]
    seen: set[str] = set()
    for path, name in named:
        if name in seen:
            problem = "the id occurs twice in the section"
            found.append(document.finding(("safety", *path, "id"), problem, "make it unique"))
        seen.add(name)
    for index, interest in enumerate(safety.special_interest):
        found += _check_interest(
            document, protocol, ("safety", "special_interest", index), interest
        )
    if safety.serious_events is not None:
        path = ("safety", "serious_events", "exempt")
        found += term_findings(document, protocol.ctcae, path, safety.serious_events.exempt)
    return found


def _check_interest(
    document: Document, protocol: Protocol, path: Path, rule: SpecialInterest
) -> list[Finding]:
    found = term_findings(document, protocol.ctcae, (*path, "terms"), rule.terms)
    found += grade_findings(document, protocol.ctcae, (*path, "terms"), rule.terms, rule.from_grade)
    if rule.group is not None and rule.group not in protocol.term_groups:
        problem = f"{rule.group} is no term group"
        found.append(document.finding(path, problem, "define it under term_groups"))
    return found
