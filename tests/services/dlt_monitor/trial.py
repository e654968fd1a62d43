"""A made-up trial as facts: what an EDC, a laboratory and people would have sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from shared.contracts.envelope import Fact, fact_from, read_event
from shared.contracts.topics import FACTS
from shared.runtime.bus import Bus, Message

STUDY = "NCT05301764"
DAY_1 = date(2026, 1, 5)
_FOLDER = Path(__file__).resolve().parents[3] / "studies" / STUDY
_numbers = count(1)


@cache
def protocol_text(study: str = STUDY) -> str:
    """The example study's protocol, renamed where a test needs a second study."""
    return (_FOLDER / "protocol.yaml").read_text("utf-8").replace(STUDY, study)


def at(day: date, hour: int = 12) -> datetime:
    """An hour (UTC) of a day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


MIDNIGHT = at(DAY_1, 0)


class Trial:
    """Makes facts of one study. Every subject's first dose is on `first` at dose level `level`."""

    def __init__(self, study: str = STUDY) -> None:
        self.study = study

    def fact(
        self,
        kind: str,
        recordid: str,
        known: datetime,
        *,
        subject: str | None = None,
        revision: int = 1,
        op: str = "upsert",
        **data: Any,
    ) -> Fact:
        about = {"STUDYID": self.study} | ({"USUBJID": self.usubjid(subject)} if subject else {})
        event, _ = read_event(
            {
                "specversion": "1.0",
                "id": f"delivery-{next(_numbers)}",
                "source": "urn:edc:test",
                "type": f"vigil.{kind}.v1",
                "time": known.isoformat(),
                "subject": self.usubjid(subject) if subject else self.study,
                "studyid": self.study,
                "recordid": recordid,
                "revision": revision,
                "op": op,
                "data": about | data,
                **({"reason": "entered in error"} if op == "delete" or revision > 1 else {}),
                **({"actor": "a.person"} if kind in ("dlt_review", "decision") else {}),
            }
        )
        return fact_from(event, known.astimezone(UTC))

    def usubjid(self, subject: str) -> str:
        return f"{self.study}-{subject}"

    def protocol(self, known: datetime = MIDNIGHT, revision: int = 1) -> Fact:
        text = protocol_text(self.study).replace('version: "1"', f'version: "{revision}"')
        return self.fact(
            "protocol", "protocol", known, revision=revision, version=str(revision), document=text
        )

    def bad_protocol(self, known: datetime, revision: int = 2) -> Fact:
        return self.fact(
            "protocol", "protocol", known, revision=revision, version="2", document="ctcae: [\n"
        )

    def treated(self, subject: str, first: date = DAY_1, level: int = 1) -> list[Fact]:
        """Enrolled, assigned and dosed on `first`, known at noon of that day."""
        known = at(first)
        day = first.isoformat()
        doses = [
            self.fact(
                "dose", f"{subject}/dose/{name}", known, subject=subject,
                ECTRT=name, ECOCCUR="Y", ECSTDTC=day, ECDOSE="10", planned_dose="10", cycle=1,
            )
            for name in ("LVGN6051", "ANLOTINIB")
        ]  # fmt: skip
        return [
            self.fact(
                "subject", f"{subject}/dm", known, subject=subject, SUBJID=subject, RFICDTC=day
            ),
            self.fact(
                "cohort_assignment", f"{subject}/cohort", known, subject=subject,
                cohort_id=str(level), assigned_dtc=day, dose_level=level,
            ),
            *doses,
            self.platelets(subject, first, "186", name="baseline"),
        ]  # fmt: skip

    def platelets(
        self,
        subject: str,
        day: date,
        value: str,
        *,
        name: str = "",
        revision: int = 1,
        known: datetime | None = None,
    ) -> Fact:
        return self.fact(
            "lab", f"{subject}/lab/{day}{name}", known or at(day), subject=subject,
            revision=revision, LBTESTCD="PLAT", LBDTC=day.isoformat(), LBORRES=value,
            LBORRESU="10^9/L", LBORNRLO="125", LBORNRHI="350",
        )  # fmt: skip

    def complete(self, subject: str, first: date = DAY_1, known: datetime | None = None) -> Fact:
        """The source confirms that all records through the window are in."""
        last = first + timedelta(days=20)
        return self.fact(
            "review_complete", f"{subject}/complete", known or at(last + timedelta(days=1)),
            subject=subject, domain="ALL", complete_through=last.isoformat(),
        )  # fmt: skip

    def decision(self, digest: str, known: datetime, action: str = "escalate") -> Fact:
        """The committee's record, on the basis of the assessment with this digest."""
        return self.fact(
            "decision", "decision-1", known, assessment_digest=digest, action=action,
            dose_level=2, decided_dtc=known.date().isoformat(),
        )  # fmt: skip

    def cohort(self, level: int = 1, first: date = DAY_1, size: int = 3) -> list[Fact]:
        """Subjects `level`-01 and on, all dosed on `first`."""
        facts = []
        for number in range(1, size + 1):
            facts += self.treated(f"{level}-{number:02}", first, level)
        return facts


def message(fact: Fact) -> Message:
    """A fact as ingest publishes it."""
    return Message(FACTS.name, fact.study, fact.fact_id, fact.model_dump_json().encode())


def garbage(study: str, name: str = "garbage") -> Message:
    """Something on the topic of facts that is none."""
    return Message(FACTS.name, study, name, b'{"not": "a fact"}')


def publish(engine: Engine, bus: Bus, facts: Iterable[Fact | Message]) -> None:
    """Put facts on the bus, in one transaction."""
    messages = [fact if isinstance(fact, Message) else message(fact) for fact in facts]
    with engine.begin() as conn:
        bus.publish(conn, messages)
    bus.wake()
