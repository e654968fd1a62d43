"""Adverse events of special interest with their own clocks, and immune-related ones that needed a
steroid or an immunosuppressant: an outcome to count, whatever the grade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.clinical.blocks.care import Given, given
from shared.clinical.case import Case
from shared.clinical.person import Person
from shared.clinical.protocol.safety import Safety, SpecialInterest
from shared.clinical.questions import Findings
from shared.clinical.safety.report import Report, Test, is_grave
from shared.clinical.safety.serious import site_clock
from shared.clinical.timeline import highest_possible, latest
from shared.clinical.toxicity import end_of_event
from shared.contracts.assessment import SafetyFinding
from shared.contracts.facts import AdverseEvent

IMMUNOSUPPRESSION = ("steroid", "immunosuppressant")


def watch_special(
    person: Person, case: Case | None, reports: Sequence[Report], found: Findings
) -> None:
    """Tell every event of special interest, and the treatment an immune-related one needed."""
    safety = person.protocol.safety
    for rule in safety.special_interest if safety else ():
        for report in reports:
            test = _test(person, rule, report)
            if safety is not None and report.says(test):
                _tell(person, safety, rule, report, test, found)
                if rule.immune_related and case is not None:
                    found.safety += _immunosuppressed(case, rule, report)


def _test(person: Person, rule: SpecialInterest, report: Report) -> Test:
    terms = (*rule.terms, *person.protocol.term_groups.get(rule.group or "", ()))

    def test(record: AdverseEvent) -> bool:
        return report.term_of(record) in terms and highest_possible(record) >= rule.from_grade

    return test


def _tell(
    person: Person,
    safety: Safety,
    rule: SpecialInterest,
    report: Report,
    test: Test,
    found: Findings,
) -> None:
    clocks = []
    if rule.site_within_hours is not None:
        clocks.append(site_clock(safety, rule.site_within_hours, report, test, found))
    found.deadlines += [turn for clock in clocks for turn in clock.turns()]
    found.safety.append(
        SafetyFinding(
            kind="aesi",
            id=f"aesi/{rule.id}/{report.key}",
            rule=rule.id,
            trigger=f"{report.term}|{report.grade}",
            urgent=report.says(is_grave),
            onset=report.onset,
            text=f"{rule.text}: {report.term} grade {report.grade} on {report.onset}",
            known_at=report.known_at,
            evidence=report.evidence,
            clocks=tuple(clock.at(person.as_of) for clock in clocks),
        )
    )


def _immunosuppressed(case: Case, rule: SpecialInterest, report: Report) -> Iterator[SafetyFinding]:
    """Told once per category, by the first treatment begun during the event. Whether it was given
    for the event is for a person to say: the indication is shown."""
    for category in IMMUNOSUPPRESSION:
        begun = [one for one in given(case, category, ()) if _during(case, report, one)]
        if begun:
            first = min(begun, key=lambda one: (one.first, one.entry.fact.fact_id))
            entries = (*report.entries, first.entry)
            indication = first.record.CMINDC or "not stated"
            yield SafetyFinding(
                kind="immune_related",
                id=f"immune/{rule.id}/{report.key}/{category}",
                rule=rule.id,
                trigger=f"{report.term}|{category}",
                urgent=category == "immunosuppressant",
                onset=first.first,
                text=f"{rule.text}: {report.term} grade {report.grade} on {report.onset}, treated "
                f"with {first.record.CMTRT} ({category}) from {first.first}, "
                f"indication: {indication}",
                known_at=latest(entries) or case.as_of,
                evidence=tuple(entry.evidence for entry in entries),
            )


def _during(case: Case, report: Report, one: Given) -> bool:
    """Whether it may have begun on a day of the event: what was given before is no answer to it."""
    ends = [end_of_event(record, case.zone) for record in report.records]
    last = max((end for end in ends if end is not None), default=case.today)
    over = case.today if None in ends else last
    return one.last >= report.onset and one.first <= over
