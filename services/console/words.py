"""Plain words for the closed vocabularies of the contract: what a physician reads on the page.

`tone` picks a colour, `shape` an icon; the word always stands beside both, so that nothing is said
by colour alone.
"""

from dataclasses import dataclass
from typing import Literal

from shared.charts.words import SUBJECT_STATUS
from shared.contracts.assessment import Action, ClockStatus, CriterionResult, SubjectStatus
from shared.contracts.signals import Severity, SignalType

Tone = Literal["stop", "warn", "wait", "go", "calm"]


@dataclass(frozen=True, slots=True)
class Word:
    """`text` in a few words; `meaning` a sentence where the text needs one."""

    text: str
    tone: Tone
    shape: str
    meaning: str = ""


ACTIONS: dict[Action, Word] = {
    "enrol": Word(
        "Enrol", "go", "arrow-right", "The rule allows further subjects at this dose level."
    ),
    "expand": Word(
        "Expand", "go", "arrow-right", "The rule asks for more subjects at this dose level."
    ),
    "escalate": Word(
        "Escalate",
        "go",
        "arrow-up",
        "The rule allows the next dose level, once a named person’s record opens it.",
    ),
    "stay": Word("Stay", "go", "arrow-right", "The rule keeps to this dose level."),
    "deescalate": Word(
        "De-escalate", "warn", "arrow-down", "The rule asks for a lower dose level."
    ),
    "wait": Word(
        "Wait",
        "wait",
        "pause",
        "Something still pending decides. Nothing may be opened until then.",
    ),
    "hold": Word(
        "Hold enrolment",
        "stop",
        "stop",
        "Enrolment must halt until a named person’s record lifts the hold.",
    ),
    "finish": Word("Escalation complete", "calm", "flag", "The rule ends the dose escalation."),
    "stop": Word(
        "Stop", "stop", "stop", "No dose is acceptable, or a stopping rule of the study was met."
    ),
}

STUDY_STATES: dict[str, Word] = {
    "open": Word("Open", "go", "dot"),
    "on_hold": Word("On hold", "stop", "stop"),
    "finished": Word("Escalation finished", "calm", "flag"),
    "stopped": Word("Stopped", "stop", "stop"),
    "no_protocol": Word("No protocol yet", "warn", "question"),
    "no_facts": Word("Nothing received yet", "warn", "question"),
}

DOSE_STATES: dict[str, Word] = {
    "not_open": Word("Not open", "calm", "ring"),
    "open": Word("Open", "go", "dot"),
    "cleared": Word("Cleared", "go", "check"),
    "held": Word("Held", "stop", "stop"),
    "exceeded": Word("Exceeded", "stop", "cross"),
}

SUBJECT_STATES: dict[SubjectStatus, Word] = {
    "not_started": Word(SUBJECT_STATUS["not_started"], "calm", "ring"),
    "in_window": Word(SUBJECT_STATUS["in_window"], "wait", "half"),
    "open": Word(SUBJECT_STATUS["open"], "warn", "question"),
    "dlt_candidate": Word(SUBJECT_STATUS["dlt_candidate"], "warn", "diamond-open"),
    "dlt": Word(SUBJECT_STATUS["dlt"], "stop", "diamond"),
    "completed": Word(SUBJECT_STATUS["completed"], "go", "check"),
    "not_evaluable": Word(SUBJECT_STATUS["not_evaluable"], "calm", "dash"),
    "not_assessed": Word(SUBJECT_STATUS["not_assessed"], "calm", "dash"),
}

CRITERION_RESULTS: dict[CriterionResult, Word] = {
    "met": Word("Met", "stop", "diamond"),
    "needs_review": Word("Needs review", "warn", "diamond-open"),
    "open": Word("Open: not known", "warn", "question"),
    "not_met": Word("Not met", "calm", "check"),
}

STOPPING: dict[Literal["crossed", "near", "open", "clear"], Word] = {
    "crossed": Word("Crossed", "stop", "stop"),
    "near": Word("Near", "warn", "diamond-open"),
    "open": Word("Pending could cross it", "wait", "half"),
    "clear": Word("Clear", "go", "check"),
}
"""The states of a stopping rule, the most urgent first."""

CLOCKS: dict[ClockStatus, Word] = {
    "running": Word("Running", "wait", "half"),
    "at_50": Word("Half of the time gone", "warn", "half"),
    "at_80": Word("Four fifths of the time gone", "warn", "diamond-open"),
    "overdue": Word("Overdue", "stop", "stop"),
    "met": Word("Met in time", "go", "check"),
    "perhaps_late": Word("Met, perhaps late", "warn", "question"),
    "late": Word("Met late", "warn", "cross"),
}

SAFETY_KINDS: dict[Literal["sae", "aesi", "immune_related", "hys_law"], str] = {
    "sae": "Serious adverse event",
    "aesi": "Adverse event of special interest",
    "immune_related": "Immune-related event",
    "hys_law": "Possible Hy’s law case",
}

SEVERITIES: dict[Severity, Word] = {
    "critical": Word("Critical", "stop", "stop"),
    "urgent": Word("Urgent", "stop", "diamond"),
    "warning": Word("Warning", "warn", "diamond-open"),
    "notice": Word("Notice", "wait", "dot"),
    "info": Word("Info", "calm", "ring"),
}

SIGNALS: dict[SignalType, str] = {
    SignalType.DLT_CANDIDATE: "DLT candidate",
    SignalType.DLT_CONFIRMED: "DLT confirmed",
    SignalType.DLT_REJECTED: "DLT rejected",
    SignalType.DLT_WITHDRAWN: "DLT withdrawn",
    SignalType.WINDOW_CLOSED: "DLT window closed",
    SignalType.RECOMMENDATION_CHANGED: "Recommendation changed",
    SignalType.ENROLMENT_HOLD: "Hold enrolment",
    SignalType.DOSE_EXCEEDED: "Dose exceeded",
    SignalType.MTD_DETERMINED: "MTD determined",
    SignalType.DECISION_BASIS_CHANGED: "Basis of a decision changed",
    SignalType.TOXICITY_SEVERE: "Severe toxicity",
    SignalType.TOXICITY_LATE: "Late toxicity",
    SignalType.DEATH: "Death",
    SignalType.SAE: "Serious adverse event",
    SignalType.HYS_LAW: "Possible Hy’s law case",
    SignalType.AESI: "Adverse event of special interest",
    SignalType.STOPPING_CROSSED: "Stopping boundary crossed",
    SignalType.STOPPING_NEAR: "Stopping boundary near",
    SignalType.DATA_QUERY: "Data query",
    SignalType.DATA_CONFLICT: "Conflicting data",
    SignalType.STUDY_DEGRADED: "Study degraded",
    SignalType.STUDY_STALE: "Study out of date",
    SignalType.SIGNAL_WITHDRAWN: "Signal withdrawn",
}

NOT_YOURS = "Your role does not show this. A study administrator gives roles."

UNKNOWN = Word("Unknown to this console", "warn", "question")

QUERY_KINDS: dict[str, str] = {
    "missing": "Missing",
    "doubtful": "Doubtful",
    "conflict": "Conflict",
    "unit": "Unit",
    "range": "Range",
    "protocol": "Protocol",
}

MTD_STATES: dict[str, str] = {
    "undetermined": "not determined",
    "none": "none: no dose level qualifies",
    "found": "found",
}
