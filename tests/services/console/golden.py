"""A made-up study as the monitor would describe it, built from the contract.

It stands at the moment that matters most: the second DLT at 4 mg/kg, one confirmed and one still a
candidate, while another subject of the cohort is in its window.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.contracts.assessment import (
    Assessment,
    Criterion,
    CriterionResult,
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
    SubjectStatus,
    Window,
    digest_of,
)

STUDY = "NCT05301764"
TITLE = "LVGN6051 with anlotinib in soft tissue sarcoma"
SOURCE = "edc.example/export"
NOW = datetime(2022, 12, 26, 9, 30, tzinfo=UTC)
TODAY = date(2022, 12, 26)
DAY = timedelta(days=1)
CRITERIA = (
    "platelets-g4",
    "platelets-g3-bleeding",
    "neutrophils-g4-7d",
    "febrile-neutropenia",
    "nonhaematological-g3",
    "hys-law",
    "death",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def evidence(record: str, revision: int = 1) -> tuple[Evidence, ...]:
    return (Evidence(source=SOURCE, recordid=record, revision=revision),)


def criteria(
    subject: str, result: CriterionResult = "not_met", onset: date | None = None, why: str = ""
) -> tuple[Criterion, ...]:
    """All criteria not met, save the first, which has `result`."""
    rest = tuple(
        Criterion(id=name, result="not_met", why="no such event up to the end of the window")
        for name in CRITERIA[1:]
    )
    if result == "not_met":
        first = Criterion(
            id=CRITERIA[0],
            result="not_met",
            why="lowest platelets 88 10^9/L (grade 1)",
            evidence=evidence(f"LB-{subject}-D8"),
        )
    else:
        first = Criterion(
            id=CRITERIA[0],
            result=result,
            onset=onset,
            known_at=NOW,
            why=why,
            evidence=evidence(f"LB-{subject}-D15", 2),
        )
    return (first, *rest)


def subject(
    code: str,
    status: SubjectStatus,
    first: str,
    why: str,
    *,
    part: str = "escalation",
    level: int | None = None,
    **more: Any,
) -> SubjectAssessment:
    start = date.fromisoformat(first)
    level = level or int(code[0])
    window = Window(first=start, last=start + 20 * DAY, day=(TODAY - start).days + 1)
    return SubjectAssessment(
        subject=code,
        usubjid=f"{STUDY}-{code}",
        part=part,
        dose_level=level,
        cohort=str(level) if part == "escalation" else None,
        status=status,
        why=why,
        window=None if status == "not_assessed" else window,
        criteria=more.pop("criteria", () if status == "not_assessed" else criteria(code)),
        **more,
    )


def subjects() -> tuple[SubjectAssessment, ...]:
    done = "followed to day 21 without a DLT"
    early = [
        subject(code, "completed", first, done)
        for code, first in (
            ("1-01", "2022-05-09"),
            ("1-02", "2022-05-16"),
            ("1-03", "2022-05-23"),
            ("2-01", "2022-06-20"),
            ("2-02", "2022-06-27"),
            ("2-03", "2022-07-04"),
            ("3-03", "2022-08-15"),
            ("3-04", "2022-09-12"),
            ("3-05", "2022-09-19"),
            ("3-06", "2022-09-26"),
            ("4-03", "2022-11-07"),
        )
    ]
    return (*early, *_of_note())


def _of_note() -> tuple[SubjectAssessment, ...]:
    onset = {code: date.fromisoformat(day) for code, day in _ONSETS.items()}
    return (
        subject(
            "3-01",
            "completed",
            "2022-08-01",
            "grade 3 platelets without bleeding or transfusion: not a DLT",
            severe=(_severe("3-01", "Platelet count decreased", 3, onset["3-01"], "43 10^9/L"),),
        ),
        subject(
            "3-02",
            "dlt",
            "2022-08-08",
            "DLT confirmed by the medical monitor on 2022-08-23",
            review="DLT",
            criteria=criteria("3-02", "met", onset["3-02"], "platelets 21 10^9/L: grade 4"),
            severe=(_severe("3-02", "Platelet count decreased", 4, onset["3-02"], "21 10^9/L"),),
        ),
        subject(
            "4-01",
            "dlt",
            "2022-10-24",
            "DLT confirmed by the medical monitor on 2022-11-09",
            review="DLT",
            criteria=criteria("4-01", "met", onset["4-01"], "platelets 14 10^9/L: grade 4"),
            severe=(_severe("4-01", "Platelet count decreased", 4, onset["4-01"], "14 10^9/L"),),
        ),
        subject(
            "4-02",
            "completed",
            "2022-10-31",
            "grade 3 platelets without bleeding or transfusion: not a DLT",
            late_toxicity=(
                LateToxicity(
                    criterion="platelets-g4",
                    onset=date(2022, 12, 19),
                    why="platelets 20 10^9/L: grade 4, on day 50",
                    known_at=NOW,
                    evidence=evidence("LB-4-02-D50"),
                ),
            ),
        ),
        subject(
            "4-04",
            "open",
            "2022-12-05",
            "relatedness of an adverse event is missing",
            criteria=criteria("4-04", "open", None, "rash grade 3: relatedness missing"),
            flags=("date_uncertain",),
        ),
        subject(
            "4-05",
            "dlt_candidate",
            "2022-12-12",
            "platelets 22 10^9/L: grade 4, related, on day 15; awaits review",
            criteria=criteria(
                "4-05", "needs_review", onset["4-05"], "platelets 22 10^9/L: grade 4, related"
            ),
            severe=(_severe("4-05", "Platelet count decreased", 4, onset["4-05"], "22 10^9/L"),),
        ),
        subject("4-06", "in_window", "2022-12-19", "no DLT so far"),
        subject("P-01", "not_assessed", "2022-12-20", "", part="expansion", level=3),
        subject("P-02", "not_assessed", "2022-12-20", "", part="expansion", level=3),
    )


_ONSETS = {"3-01": "2022-08-15", "3-02": "2022-08-21", "4-01": "2022-11-07", "4-05": "2022-12-26"}


def _severe(code: str, term: str, grade: int, onset: date, value: str) -> GradedEvent:
    return GradedEvent(
        term=term,
        grade=grade,
        onset=onset,
        why=f"{value} against a lower limit of 125",
        known_at=NOW,
        evidence=evidence(f"LB-{code}-D15", 2),
    )


def doses() -> tuple[DoseAssessment, ...]:
    def dose(level: int, treated: int, state: Any, **more: Any) -> DoseAssessment:
        counts = {"evaluable": treated, "pending": 0, "not_evaluable": 0, "late_toxicity": 0}
        dlt = more.pop("dlt", DltCount(confirmed=0, candidate=0, open=0))
        return DoseAssessment(
            level=level,
            label=f"{level} mg/kg",
            treated=treated,
            state=state,
            dlt=dlt,
            **(counts | more),
        )

    return (
        dose(1, 3, "cleared"),
        dose(2, 3, "cleared"),
        dose(3, 6, "cleared", dlt=DltCount(confirmed=1, candidate=0, open=0)),
        dose(
            4,
            6,
            "exceeded",
            evaluable=3,
            pending=3,
            late_toxicity=1,
            dlt=DltCount(confirmed=1, candidate=1, open=1),
        ),
    )


def assessment(**changes: Any) -> Assessment:
    """The golden assessment, digest included; `changes` replace whole fields."""
    fields: dict[str, Any] = {
        "study": STUDY,
        "protocol_version": "1",
        "ctcae": "5.0",
        "as_of": NOW,
        "known_at": NOW,
        "applied_through": "412",
        "engine": "vigil 0.1.0",
        "status": "on_hold",
        "degraded": False,
        "recommendation": Recommendation(
            action="hold",
            dose_level=4,
            mtd=None,
            mtd_status="undetermined",
            known_at=NOW,
            reasons=(
                Reason(
                    rule="3+3: two DLTs",
                    text="2 of 6 subjects at 4 mg/kg have a DLT, one of them still a candidate.",
                    inputs={"confirmed": 1, "candidate": 1, "treated": 6, "limit": 2},
                ),
                Reason(
                    rule="stop signals act at once",
                    text="Candidates count until the medical monitor has judged them.",
                    inputs={},
                ),
            ),
        ),
        "rp2d": None,
        "decisions": decisions(),
        "queries": queries(),
        "doses": doses(),
        "subjects": subjects(),
    }
    made = Assessment(**(fields | changes))
    return made.model_copy(update={"digest": digest_of(made)})


def decisions() -> tuple[DecisionView, ...]:
    def decision(number: int, action: Any, level: int, day: str, basis: Any) -> DecisionView:
        changed = "one DLT at 3 mg/kg has been reported since"
        return DecisionView(
            recordid=f"DEC-{number}",
            action=action,
            dose_level=level,
            decided=date.fromisoformat(day),
            mtd=None,
            rp2d=None,
            lifts_hold=False,
            actor="Safety review committee",
            assessment_digest="sha256:" + f"{number}" * 64,
            basis=basis,
            basis_text=changed if basis == "changed" else "what it rests on has not changed",
            known_at=at(f"{day}T08:00"),
        )

    return (
        decision(1, "escalate", 2, "2022-06-16", "stands"),
        decision(2, "escalate", 3, "2022-07-28", "changed"),
        decision(3, "escalate", 4, "2022-10-20", "stands"),
    )


def queries() -> tuple[Query, ...]:
    return (
        Query(
            id="q1",
            subject="4-04",
            kind="missing",
            text="relatedness of the adverse event “rash” (grade 3) is missing",
            evidence=evidence("AE-4-04-2"),
        ),
    )
