"""A design's answer in the words of an assessment."""

from __future__ import annotations

from typing import Literal

from shared.clinical.designs.model import Answer, Report, Value
from shared.contracts.assessment import Action, Reason, RuleReport

FILL_COHORT = ".fill_cohort"
"""How the rule of a ``stay`` is named where it only fills the places of an open cohort."""

_NOISE = 1e-12


def action_of(answer: Answer) -> Action:
    """confirm -> expand, suspend -> wait, or hold where the dose itself may not enrol; stop ->
    finish with an MTD; stay -> enrol while a cohort is filling."""
    match answer.action:
        case "confirm":
            return "expand"
        case "suspend":
            return "hold" if _closed(answer) else "wait"
        case "stop":
            return "finish" if answer.mtd is not None else "stop"
        case "stay":
            return "enrol" if answer.report.rule.endswith(FILL_COHORT) else "stay"
        case other:
            return other


def _closed(answer: Answer) -> bool:
    closed = answer.closed_from
    return closed is not None and (answer.next_dose is None or answer.next_dose >= closed)


def dose_level_of(answer: Answer) -> int | None:
    """The dose the answer speaks of."""
    return answer.mtd or answer.next_dose or answer.closed_from


def mtd_status_of(answer: Answer) -> Literal["undetermined", "none", "found"]:
    """Whether the search for the MTD is over."""
    if answer.action != "stop":
        return "undetermined"
    return "none" if answer.mtd is None else "found"


def reasons_of(report: Report) -> tuple[Reason, ...]:
    """The tree as a list, the rule that spoke last first."""
    return tuple(
        Reason(
            rule=node.rule,
            text=node.text,
            inputs={name: _shown(value) for name, value in node.inputs.items()},
        )
        for node in report.walk()
    )


def report_of(report: Report) -> RuleReport:
    """The tree as an assessment carries it."""
    return RuleReport(
        rule=report.rule,
        text=report.text,
        inputs={name: _shown(value) for name, value in report.inputs.items()},
        thresholds={name: _shown(value) for name, value in report.thresholds.items()},
        margin=None if report.margin is None else _digits(report.margin),
        source=report.source,
        children=tuple(map(report_of, report.children)),
    )


def _shown(value: Value) -> int | str | bool | None:
    """Assessments hold no floating-point numbers: their digest could not be repeated."""
    return _digits(value) if isinstance(value, float) else value


def _digits(value: float) -> str:
    """What is nearer to 0 than rounding and a machine's library of functions are exact is 0."""
    return f"{0.0 if abs(value) < _NOISE else value:.6g}"
