"""One criterion at a time: a protocol around a few lines of YAML, one subject, one result.

Everything here is synthetic.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from textwrap import dedent, indent
from typing import Any

from shared.clinical import load_protocol
from shared.contracts.assessment import Assessment, Criterion, SubjectAssessment
from shared.contracts.envelope import Fact
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, ZONE, Trial, at, end_of, subject_of

_PROTOCOL = """
format: vigil.protocol.v1
study: {study}
version: "1"
title: One criterion (synthetic)
synthetic: true
ctcae: "5.0"
time_zone: Asia/Shanghai
treatments: [LVGN6051, ANLOTINIB]
doses: [{{level: 1, label: low}}, {{level: 2, label: high}}]
{window}
evaluability: {{minimum_percent_of_planned_dose: 75, treatments: [LVGN6051]}}
attribution:
  related: [RELATED, POSSIBLY RELATED]
  not_related: [NOT RELATED]
  by_drug: {{AEREL1: LVGN6051, AEREL2: ANLOTINIB}}
term_groups:
  haematological: [Platelet count decreased, Neutrophil count decreased]
  bleeding: [Epistaxis, Hematuria]
adjudicators: [adjudicators, investigator, cardiologist, dermatologist, sponsor]
{more}
dlt:
  criteria:
    - id: it
      text: It
      source: a test
{criterion}
design:
  three_plus_three: {{variant: plain}}
"""
WINDOW = "window: {day_1_is_first_dose_of: LVGN6051, last_day: 21}"


def protocol_of(criterion: str, *, window: str = WINDOW, more: str = "") -> str:
    """A protocol whose only criterion is this."""
    return _PROTOCOL.format(
        study=STUDY,
        window=dedent(window).strip(),
        more=dedent(more).strip(),
        criterion=indent(dedent(criterion).strip(), " " * 6),
    )


def day(number: int) -> date:
    """A study day of a subject first dosed on day 1."""
    return DAY_1 + timedelta(days=number - 1)


class Subject(Trial):
    """A trial of one subject, first dosed on day 1, under one criterion."""

    def __init__(self, criterion: str, **parts: str) -> None:
        super().__init__(protocol_of(criterion, **parts))
        self.enrol("1-01")

    def results(self, number: int) -> dict[str, str]:
        """Every criterion that is not plainly unmet, in the evening of a study day."""
        subject = subject_of(self.assess(end_of(day(number))), "1-01")
        return {one.id: one.result for one in subject.criteria if one.result != "not_met"}

    def ae(
        self, term: str, grade: int, start: int | str, end: int | str | None = None, **data: Any
    ) -> Fact:
        """An event by study days (or dates as written), known when it begins and ends."""
        over = {} if end is None else {"AEENDTC": str(day(end) if isinstance(end, int) else end)}
        known = [text for text in (start, end) if isinstance(text, int)]
        moment = at(day(max(known))) if known else at(day(1), 20)
        begun = str(day(start)) if isinstance(start, int) else start
        data = {"known": moment, "recordid": f"AE/{term}/{start}", **over, **data}
        return self.event("1-01", term, grade, begun, **data)

    def value(self, test: str, result: str, number: int, **data: Any) -> Fact:
        """A laboratory value of a study day."""
        return self.lab("1-01", test, result, day(number), **data)

    def before(self, test: str, result: str) -> Fact:
        """A laboratory value from before the first dose."""
        return self.value(test, result, -3)

    def other(self, kind: str, known: int = 1, **data: Any) -> Fact:
        """Any other record, known on a study day."""
        return self.record(kind, "1-01", data, known=at(day(known)))

    def care(
        self, category: str, name: str, start: int | str, end: int | str | None = None, **data: Any
    ) -> Fact:
        """A concomitant treatment by study days, or dates as written."""
        begun = str(day(start)) if isinstance(start, int) else start
        over = {} if end is None else {"CMENDTC": str(day(end) if isinstance(end, int) else end)}
        known = start if isinstance(start, int) else 1
        return self.other(
            "concomitant", known, CMTRT=name, category=category, CMSTDTC=begun, **over, **data
        )

    def all_entered(self, through: int) -> None:
        """The source says that everything is entered up to a study day."""
        data = {"domain": "ALL", "complete_through": str(day(through))}
        self.record("review_complete", "1-01", data, known=at(day(through), 23, 30))

    def status(self, number: int, hour: int = 16) -> SubjectAssessment:
        """The subject in the afternoon of a study day."""
        return subject_of(self.assess(at(day(number), hour)), "1-01")

    def found(self, moment: int | datetime) -> Criterion:
        """The criterion in the evening of a study day, or at a moment."""
        when = end_of(day(moment)) if isinstance(moment, int) else moment
        return subject_of(self.assess(when), "1-01").criteria[0]

    def result(self, moment: int | datetime) -> str:
        """The criterion's result."""
        return self.found(moment).result

    def asked(self, number: int) -> list[str]:
        """What the site is asked."""
        assessment: Assessment = self.assess(end_of(day(number)))
        return [query.text for query in assessment.queries]


class Worked(Subject):
    """A subject under one of the worked protocols, first dosed with its first treatment; the study
    and its time zone are those of the stories."""

    def __init__(self, name: str) -> None:
        text = (PROTOCOL.parents[1] / name / "protocol.yaml").read_text()
        self.treatment = load_protocol(text).window.day_1_is_first_dose_of
        zone = load_protocol(text).time_zone
        for old, new in ((f"study: {name}", f"study: {STUDY}"), (zone, ZONE.key)):
            text = text.replace(old, new)
        Trial.__init__(self, text)
        self.enrol("1-01")

    def dose(self, subject: str, day: date, treatment: str = "", *args: Any, **data: Any) -> Fact:
        """One planned dose of 100 of the first treatment, or another."""
        return super().dose(subject, day, treatment or self.treatment, *args, **data)

    def temperature(self, number: int, celsius: str) -> Fact:
        """A body temperature."""
        data = {"VSTESTCD": "TEMP", "VSDTC": str(day(number)), "VSORRES": celsius}
        return self.other("vital", number, VSORRESU="C", **data)
