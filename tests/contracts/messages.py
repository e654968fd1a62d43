"""One message of each contract between the services, with every part filled in."""

from __future__ import annotations

from datetime import UTC, date, datetime

from pydantic import BaseModel

from shared.contracts.assessment import (
    Assessment,
    Criterion,
    DecisionView,
    DltCount,
    DoseAssessment,
    Evidence,
    GradedEvent,
    LateToxicity,
    Query,
    Reason,
    Recommendation,
    SubjectAssessment,
    Window,
    digest_of,
)
from shared.contracts.envelope import fact_from, read_event
from shared.contracts.graded import GradedResult
from shared.contracts.receipts import DeliveryReceipt, FieldError, IngestReceipt, LineResult
from shared.contracts.signals import Signal, SignalType
from tests.contracts.examples import DIGEST, event

KNOWN = datetime(2026, 3, 9, 9, 5, tzinfo=UTC)
EVIDENCE = (
    Evidence(source="urn:edc:rave:acme", recordid="003/C1D8/LAB/1/IG.LB[4]", revision=2),
    Evidence(source="urn:lab:central", recordid="7-é/ü", revision=None),
)

SUBJECT = SubjectAssessment(
    subject="003",
    usubjid="S1-001-003",
    part="escalation",
    dose_level=2,
    cohort="DL2",
    status="dlt_candidate",
    why="platelets-g4 is met: PLAT 21 10*9/L is < 25 10*9/L",
    window=Window(first=date(2026, 3, 1), last=date(2026, 3, 21), day=9),
    review=None,
    criteria=(
        Criterion(
            id="platelets-g4",
            result="met",
            onset=date(2026, 3, 9),
            known_at=KNOWN,
            why='"<25" \\ µ\t\u2028',
            evidence=EVIDENCE,
        ),
        Criterion(id="bleeding", result="open", why="the source is not complete"),
    ),
    severe=(
        GradedEvent(
            term="Platelet count decreased",
            grade=4,
            onset=date(2026, 3, 9),
            why="PLAT 21 10*9/L is < 25 10*9/L",
            known_at=KNOWN,
            evidence=EVIDENCE[:1],
        ),
    ),
    late_toxicity=(
        LateToxicity(
            criterion="platelets-g4",
            onset=date(2026, 4, 2),
            why="day 33",
            known_at=KNOWN,
            evidence=EVIDENCE[:1],
        ),
    ),
    flags=("provisional", "date_uncertain"),
    known_at=KNOWN,
)


def assessment() -> Assessment:
    """An assessment with every part filled in, and its digest."""
    bare = Assessment(
        study="S1",
        protocol_version="1",
        ctcae="5.0",
        as_of=datetime(2026, 3, 10, tzinfo=UTC),
        known_at=KNOWN,
        applied_through="42",
        engine="0.1.0",
        status="on_hold",
        degraded=False,
        recommendation=Recommendation(
            action="hold",
            dose_level=2,
            mtd=None,
            mtd_status="undetermined",
            reasons=(
                Reason(
                    rule="three_plus_three",
                    text="2 of 6 at dose level 2",
                    inputs={"dlt": 2, "treated": 6, "label": "3 mg/kg", "ok": True, "mtd": None},
                ),
            ),
            known_at=KNOWN,
        ),
        rp2d=None,
        decisions=(
            DecisionView(
                recordid="decision-1",
                action="escalate",
                dose_level=2,
                decided=date(2026, 2, 25),
                mtd=None,
                rp2d=None,
                lifts_hold=False,
                actor="key:committee",
                assessment_digest=DIGEST,
                basis="changed",
                basis_text="0 of 3 then, 1 of 3 now",
                known_at=KNOWN,
            ),
        ),
        queries=(
            Query(
                id="q-1",
                subject="003",
                kind="missing",
                text="the baseline ALT",
                evidence=EVIDENCE[:1],
                known_at=KNOWN,
            ),
        ),
        doses=(
            DoseAssessment(
                level=2,
                label="3 mg/kg",
                treated=6,
                evaluable=5,
                pending=1,
                not_evaluable=0,
                dlt=DltCount(confirmed=1, candidate=1, open=1),
                late_toxicity=1,
                state="exceeded",
            ),
        ),
        subjects=(SUBJECT,),
    )
    return bare.model_copy(update={"digest": digest_of(bare)})


def messages() -> dict[str, BaseModel]:
    """By contract name."""
    lab, _ = read_event(event("lab"))
    return {
        "vigil.assessment.v1": assessment(),
        "vigil.fact.v1": fact_from(lab, KNOWN),
        "vigil.graded.v1": GradedResult(
            study="S1",
            usubjid="S1-001-003",
            term="Neutrophil count decreased",
            ctcae="5.0",
            grade_low=4,
            grade_high=4,
            not_gradable=None,
            why="NEUT 0.42 10*9/L is < 0.5 10*9/L",
            occurred=date(2026, 3, 9),
            known_at=KNOWN,
            evidence=EVIDENCE[0],
        ),
        "vigil.ingest_receipt.v1": IngestReceipt(
            receipt="r-1",
            study="S1",
            result="refused",
            status=422,
            type="vigil.lab.v1",
            revision=2,
            received_at=KNOWN,
            known_at=None,
            body_hash="0" * 64,
            problems=(FieldError(pointer="/data/LBDTC", code="missing", detail="required"),),
        ),
        "vigil.line_result.v1": LineResult(
            line=1, status=202, result="accepted", receipt="r-1", problem=None
        ),
        "vigil.receipt.v1": DeliveryReceipt(
            delivery="d-1",
            alert="a-1",
            study="S1",
            signal="s-1",
            subscriber="monitor-1",
            channel="email",
            state="sent",
            attempt=1,
            at=KNOWN,
            answer="250 queued",
        ),
        "vigil.signal.v1": Signal(
            key="dlt.candidate:003:platelets-g4",
            slot="dlt:003",
            type=SignalType.DLT_CANDIDATE,
            severity="critical",
            subject="003",
            dose_level=2,
            rule="platelets-g4",
            at=KNOWN,
            known_at=KNOWN,
            text="Candidate DLT at dose level 2",
            id="s-1",
            study="S1",
            supersedes=None,
            ends=False,
            assessment_digest=DIGEST,
        ),
    }
