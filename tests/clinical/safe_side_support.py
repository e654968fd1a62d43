"""One cohort of three told in the words of a case: two complete it, and what is said of the third
decides whether the next dose opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.clinical.rehearsal import Case, Expectation, rehearse

STUDIES = Path(__file__).parents[2] / "studies"
DOCUMENT = (STUDIES / "NCT05301764" / "protocol.yaml").read_text()
NO_DIGEST = "sha256:" + "0" * 64

Step = dict[str, Any]
COHORT: list[Step] = [{"clean": {"subjects": ["1-01", "1-02"]}}, {"enrol": {"subject": "1-03"}}]
CLEAN: list[Step] = [*COHORT, {"complete": "1-03"}]


def said(word: str, /, **what: Any) -> Step:
    return {word: {"subject": "1-03", **what}}


def record(kind: str, known: str, **what: Any) -> Step:
    return said("record", kind=kind, known=known, **what)


def misses(given: list[Step], **expected: Any) -> list[str]:
    told = Case(title="", given=given, then=[Expectation(at="end", **expected)])
    return rehearse(DOCUMENT, told)


def one(status: str, *given: Step, cohort: list[Step] = CLEAN, **expected: Any) -> list[str]:
    return misses([*cohort, *given], subjects={"1-03": status}, **{"action": "wait", **expected})
