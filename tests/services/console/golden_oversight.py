"""What may stand beside the counts of the made-up study: a rule's report, stopping rules, safety
findings with clocks, and the outcomes of the pending."""

from datetime import date, timedelta
from typing import Any

from shared.contracts.assessment import (
    Assessment,
    ClockView,
    RuleReport,
    SafetyFinding,
    StoppingView,
    SubjectAssessment,
)
from tests.services.console import golden
from tests.services.console.golden import NOW


def report() -> RuleReport:
    """BOIN at 4 mg/kg: the rate decides, what it rests on is context."""
    return RuleReport(
        rule="boin.deescalate",
        text="2 of 4 is above 0.3586",
        inputs={"dlt_confirmed": 1, "dlt_candidate": 1, "evaluable": 4},
        source="Liu S, Yuan Y, JRSS C 2015;64:507-523",
        children=(
            RuleReport(
                rule="boin.boundary",
                text="the rate is compared with the boundary",
                thresholds={"lambda_d": "0.3586"},
                margin="0.1414",
            ),
            RuleReport(rule="boin.pending", text="one subject is still in its window"),
        ),
    )


def stopping() -> tuple[StoppingView, ...]:
    def rule(name: str, status: Any, events: int, margin: int | None) -> StoppingView:
        return StoppingView(
            id=name,
            status=status,
            text=f"{events} of 18 subjects: {status}",
            source="protocol, section 9",
            evaluable=18,
            events=events,
            pending=3,
            candidate=1,
            margin=margin,
            subjects=("4-01",) if events else (),
        )

    return (
        rule("deaths", "clear", 0, None),
        rule("toxicity", "near", 4, 1),
        rule("hepatic", "crossed", 5, 0),
        rule("cardiac", "open", 1, 2),
    )


def clock(name: str, status: Any, due_in: timedelta) -> ClockView:
    return ClockView(
        id=name,
        text=f"report to the authority ({name})",
        basis="first knowledge of the sponsor",
        region="EU",
        day_0=date(2022, 12, 24),
        last_day=date(2022, 12, 31),
        started=NOW - timedelta(days=2),
        due=NOW + due_in,
        status=status,
        since=NOW - timedelta(hours=1),
    )


def finding(name: str, *clocks: ClockView) -> SafetyFinding:
    return SafetyFinding(
        kind="sae",
        id=name,
        rule="sae-24h",
        trigger="t1",
        urgent=True,
        onset=date(2022, 12, 24),
        text=f"a serious event ({name})",
        known_at=NOW,
        evidence=golden.evidence(f"AE-{name}"),
        clocks=clocks,
    )


def subjects() -> tuple[SubjectAssessment, ...]:
    """Those of the made-up study, two of them with findings."""
    findings = {
        "4-03": (finding("settled", clock("met", "met", timedelta(days=1))),),
        "4-05": (
            finding(
                "running",
                clock("week", "running", timedelta(days=5)),
                clock("day", "overdue", timedelta(hours=-3)),
            ),
        ),
    }
    return tuple(
        one.model_copy(update={"safety": findings.get(one.subject, ())})
        for one in golden.subjects()
    )


def assessment(**changes: Any) -> Assessment:
    """The golden assessment with everything that may stand beside its counts."""
    recommendation = golden.assessment().recommendation.model_copy(update={"report": report()})
    fields = {
        "recommendation": recommendation,
        "stopping": stopping(),
        "subjects": subjects(),
        **changes,
    }
    return golden.assessment(**fields)


def what_if() -> dict[str, Any]:
    """As the monitor answers: one or two of those pending at 4 mg/kg."""

    def branch(dlts: int, action: str, dose: int, mtd: int | None) -> dict[str, Any]:
        states = {"1": "cleared", "2": "cleared", "3": "cleared", "4": "exceeded"}
        return {
            "dlts": {"4": dlts},
            "action": action,
            "dose_level": dose,
            "mtd": mtd,
            "mtd_status": "found" if mtd else "undetermined",
            "status": "on_hold",
            "doses": states,
            "text": f"{dlts} DLTs at 4 mg/kg: {action}",
        }

    return {
        "study": golden.STUDY,
        "as_of": NOW.isoformat(),
        "assessment_digest": golden.assessment().digest,
        "recommendation": {},
        "pending": {"4": ["4-04", "4-05", "4-06"]},
        "branches": [branch(0, "wait", 4, None), branch(1, "finish", 3, 3)],
        "complete": True,
        "certain": ["4 mg/kg stays exceeded whatever 4-04, 4-05 and 4-06 bring"],
    }
