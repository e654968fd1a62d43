"""What a committee must see beside the counts: why the rule says so, and what else may stop it.

Pure, like `board`: the rule's report as a tree, the stopping rules by urgency, the safety findings
with the clocks that run on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.console.words import CLOCKS, SAFETY_KINDS, STOPPING, Word
from shared.contracts.assessment import (
    Assessment,
    ClockView,
    RuleReport,
    SafetyFinding,
    StoppingView,
    SubjectAssessment,
)

_MOST_PRESSING = ("overdue", "at_80", "at_50", "running", "perhaps_late", "late", "met")
_RUNNING = ("running", "at_50", "at_80", "overdue")


@dataclass(frozen=True, slots=True)
class Node:
    """One rule of the report; `open` where it, or one it rests on, decided by a number."""

    report: RuleReport
    open: bool
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One stopping rule with its distance in words."""

    view: StoppingView
    word: Word
    margin: str


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock with what its status is called."""

    view: ClockView
    word: Word


@dataclass(frozen=True, slots=True)
class Finding:
    """One safety finding of one subject, its most pressing clock first."""

    subject: SubjectAssessment
    finding: SafetyFinding
    kind: str
    clocks: tuple[Clock, ...]

    @property
    def pressing(self) -> bool:
        """Whether something is still to be done in time."""
        return any(clock.view.status in _RUNNING for clock in self.clocks)


def tree_of(report: RuleReport | None) -> Node | None:
    """The report as nodes to fold away or open; the root is open."""
    if report is None:
        return None
    root = _node(report)
    return Node(root.report, True, root.children)


def _node(report: RuleReport) -> Node:
    children = tuple(_node(child) for child in report.children)
    decides = bool(report.thresholds) or report.margin is not None
    return Node(report, decides or any(child.open for child in children), children)


def rules_of(assessment: Assessment) -> tuple[Rule, ...]:
    """The stopping rules, those crossed first."""
    order = list(STOPPING)
    return tuple(
        Rule(view, STOPPING[view.status], _margin(view))
        for view in sorted(assessment.stopping, key=lambda view: order.index(view.status))
    )


def _margin(view: StoppingView) -> str:
    if view.status == "crossed":
        return "reached"
    if view.margin is None:
        return "out of the rule’s reach"
    return f"{view.margin} more event{'' if view.margin == 1 else 's'} would stop"


def findings_of(subjects: Iterable[SubjectAssessment]) -> tuple[Finding, ...]:
    """All safety findings: those with a clock still running first, by the time it is due."""
    found = [
        Finding(subject, finding, SAFETY_KINDS[finding.kind], clocks_of(finding))
        for subject in subjects
        for finding in subject.safety
    ]
    return tuple(sorted(found, key=_by_urgency))


def clocks_of(finding: SafetyFinding) -> tuple[Clock, ...]:
    """Its clocks, the most pressing first."""
    ordered = sorted(finding.clocks, key=lambda c: (_MOST_PRESSING.index(c.status), c.due))
    return tuple(Clock(view, CLOCKS[view.status]) for view in ordered)


def _by_urgency(found: Finding) -> tuple[bool, float, int]:
    due = min(
        (c.view.due.timestamp() for c in found.clocks if c.view.status in _RUNNING), default=0
    )
    return not found.pressing, due, -found.finding.onset.toordinal()
