"""Serious adverse events, and the clocks of their reports: by the site, and by region.

Seriousness is not grade (ICH E2A); both are told. A report called not serious in spite of its own
criteria is serious, and one made non-serious without a reason or a person stays so. The clocks are
started and shown; what is submitted, and by whom, stays with the safety database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from shared.clinical.person import Person
from shared.clinical.protocol.safety import Region, Safety, SeriousEvents
from shared.clinical.questions import Findings
from shared.clinical.safety.clocks import Clock, Span, within_days, within_hours
from shared.clinical.safety.report import Report, Test, is_grave, is_less_grave, is_serious
from shared.contracts.assessment import SafetyFinding

_WORDS = {
    "AESDTH": "fatal",
    "AESLIFE": "life-threatening",
    "AESHOSP": "hospital stay",
    "AESDISAB": "disability",
    "AESCONG": "birth defect",
    "AESMIE": "medically important",
}
_CAUSE = {"yes": "related", "no": "not related", "unknown": "relation not stated"}
_DAY_0 = {
    "day_0_dtc": "the day the sponsor first had the information",
    "determined_dtc": "the day the sponsor determined that it is to be reported",
}
GRAVE_DAYS, FOLLOW_UP_DAYS, OTHER_DAYS = 7, 7 + 8, 15
"""Calendar days after day 0 (ICH E2A; 21 CFR 312.32(c); Regulation (EU) 536/2014, Article 42)."""


def watch_serious(person: Person, reports: Sequence[Report], found: Findings) -> None:
    """Tell every serious event, with its clocks."""
    safety = person.protocol.safety
    if safety is None or safety.serious_events is None:
        return
    for report in reports:
        if report.says(is_serious):
            _tell(person, safety, safety.serious_events, report, found)


def _tell(
    person: Person, safety: Safety, rule: SeriousEvents, report: Report, found: Findings
) -> None:
    if not any(map(is_serious, report.records[: len(report.standing.entries)])):
        text = "an event is made non-serious without a reason or a person"
        found.ask("doubtful", f"{text} ({report.recordid})", report.entries)
    clocks = list(_clocks(safety, rule, report, found))
    found.deadlines += [turn for clock in clocks for turn in clock.turns()]
    why = [_WORDS[name] for name in report.criteria] or ["stated serious"]
    cause = _CAUSE[report.related]
    found.safety.append(
        SafetyFinding(
            kind="sae",
            id=f"sae/{report.key}",
            rule="serious",
            trigger="|".join((report.term, str(report.grade), *why, cause)),
            urgent=report.says(is_grave),
            onset=report.onset,
            text=f"{report.term} grade {report.grade} on {report.onset}, serious "
            f"({', '.join(why)}), {cause}",
            known_at=report.known_at,
            evidence=report.evidence,
            clocks=tuple(clock.at(person.as_of) for clock in clocks),
        )
    )


def _clocks(
    safety: Safety, rule: SeriousEvents, report: Report, found: Findings
) -> Iterator[Clock]:
    if report.term not in rule.exempt:
        yield site_clock(safety, rule.site_within_hours, report, is_serious, found)
    if rule.regions and report.related != "no" and not _is_expected(report, found):
        for name, region in rule.regions.items():
            yield from _regional(name, region, report, found)


def site_clock(safety: Safety, hours: int, report: Report, test: Test, found: Findings) -> Clock:
    """From the site's awareness to its report, for a report that passes the test. Nobody reports
    before being aware, and awareness that is not stated is counted from the receipt."""
    received = report.first_known(test)
    aware = report.span("aware_dtc", test)
    if aware is None:
        since, basis = (received, received), "the receipt: when the site was aware is not stated"
        text = "when the site became aware of the event"
        found.ask("missing", f"{text} ({report.recordid})", report.entries)
    else:
        since, basis = (min(aware[0], received), min(aware[1], received)), "the site's awareness"
    ended: Span | None = (received, received)
    if safety.site_report == "stated":
        ended = report.span("reported_dtc", test)
    return within_hours("site", "report by the site", hours, since, basis, ended, aware is None)


def _is_expected(report: Report, found: Findings) -> bool:
    """Whether a named person finds it expected; asked for while nobody has said."""
    said = {record.expected for record in report.records}
    if said == {"Y"} and all((one.fact.actor or "").strip() for one in report.entries):
        return True
    if said == {"N"}:
        return False
    text = "whether the event is expected, said by a named person, by which reference information"
    found.ask("missing", f"{text} ({report.recordid})", report.entries)
    return False


def _regional(name: str, region: Region, report: Report, found: Findings) -> Iterator[Clock]:
    """News that makes an event fatal or life-threatening starts clocks of its own; the one that ran
    before goes on."""
    if report.says(is_grave):
        day_0 = _day_0(region, report, "day_0_dtc", is_grave, found)
        text = f"fatal or life-threatening: report to {name}"
        ended = _submitted(name, region, report, "initial", day_0[0])
        yield within_days((name, "7"), text, GRAVE_DAYS, *day_0, ended, region)
        text = f"follow-up report to {name}"
        ended = _submitted(name, region, report, "follow_up", day_0[0])
        yield within_days((name, "follow-up"), text, FOLLOW_UP_DAYS, *day_0, ended, region)
    if report.ever(is_less_grave):
        determined = region.fifteen_days_from == "determination"
        field = "determined_dtc" if determined else "day_0_dtc"
        day_0 = _day_0(region, report, field, is_less_grave, found)
        ended = _submitted(name, region, report, "initial", day_0[0])
        yield within_days((name, "15"), f"report to {name}", OTHER_DAYS, *day_0, ended, region)


def _day_0(
    region: Region, report: Report, field: str, test: Test, found: Findings
) -> tuple[date, str, bool]:
    """Day 0 in the region, in words what it is, and whether it stands in for an unstated one: then
    the day Vigil first had what starts the clock."""
    what = _DAY_0[field]
    stated = report.stated(field, test)
    if stated is not None:
        return stated.local_dates(region.zone())[0], what, False
    found.ask("missing", f"{what} ({report.recordid})", report.entries)
    known = report.first_known(test, suspected=True).astimezone(region.zone()).date()
    return known, f"the receipt: {what} is not stated", True


def _submitted(name: str, region: Region, report: Report, which: str, day_0: date) -> Span | None:
    """When it was reported, not before day 0: what was sent earlier did not say what starts the
    clock."""
    sent = report.submissions(name, which)
    zone = region.zone()
    spans = (one.instants(zone) for one in sent if one.local_dates(zone)[1] >= day_0)
    return min(spans, default=None)
