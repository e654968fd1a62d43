"""Samples of one subject for tests: laboratory, vital signs and ECG, and what came of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from shared.clinical import Study
from shared.contracts.envelope import Fact
from shared.contracts.graded import GradedResult
from tests.clinical.stories import DAY_1, PROTOCOL, STUDY, Trial, at, end_of, subject_of

WHO = "1-01"

FEBRILE = """    - id: febrile
      text: t
      source: s
      toxicity: {terms: [Febrile neutropenia], grade: 3}
"""


def day(number: int) -> date:
    return DAY_1 + timedelta(days=number - 1)


def protocol(ctcae: str = "5.0", *, worst_case: str = "query", criteria: str = "") -> str:
    """The demo study with criteria that count grade 3 of everything."""
    text = PROTOCOL.read_text("utf-8").replace('ctcae: "5.0"', f'ctcae: "{ctcae}"')
    head, tail = text.split("dlt:\n")
    design = "design:" + tail.split("\ndesign:")[1]
    any_three = "    - {id: any-g3, text: t, source: s, toxicity: {any_term: true, grade: 3}}\n"
    if ctcae != "5.0":
        head = head.split("term_groups:")[0]
    return f"{head}worst_case: {worst_case}\ndlt:\n  criteria:\n{criteria or any_three}\n{design}"


def trial(text: str | None = None) -> Trial:
    found = Trial(text or protocol())
    found.enrol(WHO)
    return found


def person(found: Trial, **data: Any) -> None:
    found.record(
        "subject", WHO, {"SUBJID": WHO, "RFICDTC": str(day(-6)), **data},
        known=at(day(-6)), recordid=f"{WHO}/DM", revision=2, reason="completed",
    )  # fmt: skip


def lab(
    found: Trial, test: str, result: str, unit: str, on: date, time: str = "08:30", **data: Any
) -> Fact:
    known = data.pop("known", at(on))
    how = {name: data.pop(name) for name in ("recordid", "revision", "reason") if name in data}
    body = {"LBTESTCD": test, "LBORRES": result, "LBORRESU": unit, "LBDTC": f"{on}T{time}", **data}
    return found.record("lab", WHO, body, known=known, **how)


def vital(
    found: Trial, test: str, result: str, unit: str, on: date, time: str = "09:00", **data: Any
) -> Fact:
    known = data.pop("known", at(on))
    body = {"VSTESTCD": test, "VSORRES": result, "VSORRESU": unit, "VSDTC": f"{on}T{time}", **data}
    return found.record("vital", WHO, body, known=known)


def ecg(found: Trial, test: str, result: str, on: date, unit: str = "ms", **data: Any) -> Fact:
    body = {"EGTESTCD": test, "EGORRES": result, "EGORRESU": unit, "EGDTC": f"{on}T10:00", **data}
    return found.record("ecg", WHO, body, known=at(on))


def severe(found: Trial, on: date) -> dict[str, int]:
    subject = subject_of(found.assess(end_of(on)), WHO)
    return {one.term: one.grade for one in subject.severe}


def status(found: Trial, on: date) -> str:
    return subject_of(found.assess(end_of(on)), WHO).status


def results(found: Trial) -> dict[str, GradedResult]:
    return {f"{one.term} {one.test}": one for one in graded_of(found)}


def queries(found: Trial, on: date) -> list[str]:
    return [query.text for query in found.assess(end_of(on)).queries]


def graded_of(found: Trial) -> tuple[GradedResult, ...]:
    study = Study(STUDY)
    study.add(found.facts)
    return study.graded(f"{STUDY}-{WHO}")
