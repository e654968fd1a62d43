"""A small language for trial histories in tests: who got what, when, and when it was known.

Everything here is synthetic.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from shared.clinical import Study, evaluate
from shared.contracts.assessment import Assessment, Criterion, SubjectAssessment
from shared.contracts.envelope import Fact, fact_from, read_event

STUDY = "NCT05301764"
PROTOCOL = Path(__file__).parents[2] / "studies" / STUDY / "protocol.yaml"
ZONE = ZoneInfo("Asia/Shanghai")
DIGEST = "sha256:" + "0" * 64
DAY_1 = date(2026, 3, 2)

_RANGES = {
    "PLAT": ("10^9/L", "125", "350"),
    "NEUT": ("10^9/L", "1.8", "7.5"),
    "WBC": ("10^9/L", "4.0", "10.0"),
    "AST": ("U/L", "8", "40"),
    "ALT": ("U/L", "7", "40"),
    "BILI": ("umol/L", "3", "20"),
    "ALP": ("U/L", "40", "120"),
}


def at(day: date, hour: int = 15, minute: int = 0) -> datetime:
    """A moment of a day in site time."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def end_of(day: date) -> datetime:
    """The last instant of a day in site time."""
    return at(day + timedelta(days=1), 0) - timedelta(microseconds=1)


def day(number: int) -> date:
    """The date of a study day, the first dose of the first subject being day 1."""
    return DAY_1 + timedelta(days=number - 1)


def protocol_with(*changes: tuple[str, str]) -> str:
    """The demo's protocol with parts of its text replaced."""
    text = PROTOCOL.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


class Trial:
    """Collects facts; every method adds one record version and returns its fact."""

    def __init__(self, protocol: str | None = None) -> None:
        self.facts: list[Fact] = []
        text = protocol or PROTOCOL.read_text()
        self._add(
            "protocol",
            {"version": "1", "document": text},
            recordid="protocol",
            known=at(DAY_1 - timedelta(days=60)),
        )

    def _add(
        self,
        kind: str,
        data: dict[str, Any] | None,
        *,
        recordid: str,
        known: datetime,
        subject: str | None = None,
        revision: int = 1,
        reason: str | None = None,
        actor: str | None = None,
    ) -> Fact:
        usubjid = f"{STUDY}-{subject}" if subject else None
        body = {"STUDYID": STUDY, **({"USUBJID": usubjid} if usubjid else {}), **(data or {})}
        document = {
            "specversion": "1.0",
            "id": f"{recordid}#{revision}#{len(self.facts)}",
            "source": "urn:edc:test",
            "type": f"vigil.{kind}.v1",
            "time": known.isoformat(),
            "subject": usubjid or STUDY,
            "studyid": STUDY,
            "recordid": recordid,
            "revision": revision,
            "op": "upsert" if data is not None else "delete",
            "data": body,
        }
        if reason or data is None:
            document["reason"] = reason or "entered in error"
        if actor:
            document["actor"] = actor
        event, _ = read_event(document)
        fact = fact_from(event, known.astimezone(UTC))
        self.facts.append(fact)
        return fact

    def enrol(
        self, subject: str, level: int = 1, day: date = DAY_1, part: str = "escalation"
    ) -> None:
        """Assign and give the first dose."""
        self._add(
            "subject",
            {"SUBJID": subject, "RFICDTC": str(day - timedelta(days=7))},
            recordid=f"{subject}/DM",
            known=at(day - timedelta(days=7)),
            subject=subject,
        )
        self._add(
            "cohort_assignment",
            {"cohort_id": str(level), "assigned_dtc": str(day), "dose_level": level, "part": part},
            recordid=f"{subject}/COHORT",
            known=at(day, 8),
            subject=subject,
        )
        self.dose(subject, day)

    def dose(
        self,
        subject: str,
        day: date,
        treatment: str = "LVGN6051",
        cycle: int = 1,
        given: str = "100",
        **data: Any,
    ) -> Fact:
        """One planned dose of 100, with what was given."""
        body = {
            "ECTRT": treatment,
            "ECOCCUR": "Y" if given != "0" else "N",
            "ECSTDTC": str(day),
            "ECDOSE": given,
            "planned_dose": "100",
            "cycle": cycle,
            **data,
        }
        record = f"{subject}/EX/{treatment}/{cycle}/{day}"
        return self._add("dose", body, recordid=record, known=at(day, 10), subject=subject)

    def lab(
        self,
        subject: str,
        test: str,
        result: str,
        day: date,
        *,
        revision: int = 1,
        known: datetime | None = None,
        reason: str | None = None,
        recordid: str | None = None,
        **data: Any,
    ) -> Fact:
        """One result with the laboratory's range."""
        unit, low, high = _RANGES[test]
        body = {
            "LBTESTCD": test,
            "LBDTC": f"{day}T08:30",
            "LBORRES": result,
            "LBORRESU": unit,
            "LBORNRLO": low,
            "LBORNRHI": high,
            **data,
        }
        return self._add(
            "lab",
            body,
            recordid=recordid or f"{subject}/LB/{test}/{day}",
            known=known or at(day),
            subject=subject,
            revision=revision,
            reason=reason,
        )

    def event(
        self,
        subject: str,
        term: str,
        grade: int,
        day: date | str,
        *,
        related: str | None = "RELATED",
        known: datetime | None = None,
        revision: int = 1,
        reason: str | None = None,
        recordid: str | None = None,
        **data: Any,
    ) -> Fact:
        """One adverse event."""
        body = {
            "AETERM": term,
            "AEDECOD": term,
            "AESTDTC": str(day),
            "AESER": "N",
            "AETOXGR": str(grade),
            **({"AEREL": related} if related else {}),
            **data,
        }
        moment = known or (at(day) if isinstance(day, date) else at(DAY_1 + timedelta(days=20)))
        return self._add(
            "adverse_event",
            body,
            recordid=recordid or f"{subject}/AE/{term}",
            known=moment,
            subject=subject,
            revision=revision,
            reason=reason,
        )

    def record(
        self, kind: str, subject: str | None, data: dict[str, Any] | None, **how: Any
    ) -> Fact:
        """Any other record; ``known`` and ``recordid`` as keywords."""
        recordid = how.pop("recordid", f"{subject}/{kind}/{len(self.facts)}")
        return self._add(kind, data, recordid=recordid, subject=subject, **how)

    def delete(self, fact: Fact, known: datetime) -> Fact:
        """Delete a record, with a reason."""
        subject = fact.subject.removeprefix(f"{STUDY}-")
        return self._add(
            fact.kind,
            None,
            recordid=fact.recordid,
            known=known,
            subject=subject,
            revision=(fact.revision or 0) + 1,
        )

    def complete(self, subject: str, day_1: date = DAY_1, known: datetime | None = None) -> None:
        """Everything of cycle 1: full doses, next cycle on time, records complete."""
        last = day_1 + timedelta(days=20)
        self.dose(subject, day_1, "ANLOTINIB")
        self.record(
            "review_complete",
            subject,
            {"domain": "ALL", "complete_through": str(last)},
            known=known or at(last, 23, 30),
            recordid=f"{subject}/COMPLETE",
        )
        self.dose(subject, day_1 + timedelta(days=21), cycle=2)

    def review(
        self,
        subject: str,
        decision: str,
        known: datetime,
        criterion: str = "platelets-g4",
        **data: Any,
    ) -> Fact:
        """A named person's judgement."""
        body = {
            "decision": decision,
            "decided_dtc": str(known.date()),
            "criterion_id": criterion,
            "assessment_digest": DIGEST,
            **data,
        }
        return self._add(
            "dlt_review",
            body,
            recordid=f"{subject}/REVIEW/{criterion}/{known.isoformat()}",
            known=known,
            subject=subject,
            actor="medical monitor",
        )

    def decide(self, action: str, level: int, known: datetime, **data: Any) -> Fact:
        """A committee's record."""
        body = {
            "action": action,
            "decided_dtc": str(known.date()),
            "dose_level": level,
            "assessment_digest": DIGEST,
            **data,
        }
        return self._add(
            "decision", body, recordid=f"decision/{known.isoformat()}", known=known, actor="chair"
        )

    def clean(self, *subjects: str, level: int = 1, day: date = DAY_1) -> None:
        """Subjects who complete their window without anything."""
        for subject in subjects:
            self.enrol(subject, level, day)
            self.complete(subject, day)

    def assess(self, moment: datetime, known_at: datetime | None = None) -> Assessment:
        """The assessment at a moment, checked to be the same in the reverse order of arrival."""
        forward = evaluate(self.facts, as_of=moment, known_at=known_at)
        backward = evaluate(reversed(self.facts), as_of=moment, known_at=known_at)
        assert forward.digest == backward.digest
        return forward


def one(protocol: str | None = None) -> Trial:
    """A trial with one subject, who had the first dose."""
    trial = Trial(protocol)
    trial.enrol("1-01")
    return trial


def criterion(trial: Trial, moment: datetime, name: str) -> Criterion:
    """How that subject stands by one criterion."""
    subject = subject_of(trial.assess(moment), "1-01")
    return next(found for found in subject.criteria if found.id == name)


def subject_of(assessment: Assessment, subject: str) -> SubjectAssessment:
    """One subject by code."""
    return next(one for one in assessment.subjects if one.subject == subject)


def stepwise(facts: Iterable[Fact]) -> Study:
    """A study that was asked for an assessment after each fact, as the live monitor does."""
    study = Study(STUDY)
    for fact in facts:
        study.add([fact])
        if study.protocol is not None:
            study.assess(as_of=fact.known_at)
    return study
