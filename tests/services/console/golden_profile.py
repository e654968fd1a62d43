"""A made-up subject as the monitor would describe it: 4-05, a candidate on day 15, with everything
a profile can hold and every doubt a record can carry."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from shared.contracts.assessment import Evidence
from shared.contracts.profile import (
    DoseRecord,
    GradeStep,
    Leaving,
    On,
    Profile,
    RecordVersions,
    ReportedCourse,
    Review,
    Series,
    Treatment,
    TumourAssessment,
    Value,
    ValueGrade,
    Version,
    opaque_id,
)
from tests.services.console import golden, golden_oversight
from tests.services.console.golden import NOW, SOURCE, STUDY

FIRST = date(2022, 12, 12)
CODE = "4-05"
ID = opaque_id(STUDY, f"{STUDY}-{CODE}")


def on(day: int, **more: Any) -> On:
    when = FIRST + timedelta(days=day - 1)
    fields: dict[str, Any] = {"stated": when.isoformat(), "first": when, "last": when, "day": day}
    return On(**(fields | more))


def resting(record: str, revision: int | None = 1) -> Evidence:
    return Evidence(source=SOURCE, recordid=record, revision=revision)


def graded(low: int | None, high: int | None, **more: Any) -> ValueGrade:
    fields: dict[str, Any] = {
        "term": "Platelet count decreased",
        "direction": "low",
        "low": low,
        "high": high,
        "not_gradable": None,
        "why": "against a lower limit of 125",
        "with_records": (),
    }
    return ValueGrade(**(fields | more))


def value(day: int, result: str | None, *grades: ValueGrade, **more: Any) -> Value:
    fields: dict[str, Any] = {
        "on": on(day),
        "result": result,
        "not_done": None,
        "number": Decimal(result) if result and result.isdecimal() else None,
        "comparator": "",
        "lln": "125",
        "uln": "350",
        "before_treatment": day < 1,
        "visit": None,
        "grades": grades,
        "state": "stands",
        "evidence": resting(f"LB-4-05-D{day}"),
    }
    return Value(**(fields | more))


def series(*values: Value, **more: Any) -> Series:
    fields: dict[str, Any] = {
        "domain": "lab",
        "test": "PLAT",
        "unit": "10^9/L",
        "specimen": "BLOOD",
        "formula": None,
        "source": None,
        "values": values,
        "stretches": (),
    }
    return Series(**(fields | more))


def platelets() -> Series:
    return series(
        value(0, "186", graded(0, 0)),
        value(8, "92", graded(1, 1)),
        value(15, "22", graded(4, 4)),
        value(15, "200", graded(0, 0), state="withdrawn", evidence=resting("LB-4-05-X")),
    )


def qtc() -> Series:
    return series(
        value(1, "452", graded(1, 1), lln=None, uln=None, evidence=resting("EG-4-05-D1")),
        domain="ecg",
        test="QTCF",
        unit="ms",
        specimen=None,
        formula="QT divided by the cube root of RR",
        source="Fridericia 1920",
    )


def event(**more: Any) -> ReportedCourse:
    fields: dict[str, Any] = {
        "term": "Platelet count decreased",
        "soc": "Investigations",
        "reported": "low platelets",
        "coded": None,
        "on": on(14, stated="2022-12", last=date(2022, 12, 26)),
        "end": None,
        "steps": (GradeStep(on=on(14), low=2, high=3), GradeStep(on=on(15), low=4, high=4)),
        "low": 4,
        "high": 4,
        "serious": True,
        "causality": ("RELATED",),
        "related": "yes",
        "action": "DRUG INTERRUPTED",
        "outcome": "NOT RECOVERED/NOT RESOLVED",
        "doubts": ("the day of onset is not stated",),
        "state": "in_conflict",
        "evidence": resting("AE-4-05-1"),
    }
    return ReportedCourse(**(fields | more))


def dose(day: int, **more: Any) -> DoseRecord:
    fields: dict[str, Any] = {
        "on": on(day),
        "treatment": "LVGN6051",
        "given": True,
        "dose": Decimal("272.4"),
        "unit": "mg",
        "planned_dose": Decimal("272.4"),
        "planned": None,
        "delay_days": None,
        "reduced": False,
        "why_not": None,
        "adjusted": None,
        "cycle": 1,
        "cycle_day": day,
        "state": "stands",
        "evidence": resting(f"EC-4-05-D{day}"),
    }
    return DoseRecord(**(fields | more))


def version(revision: int, says: str, **more: Any) -> Version:
    fields: dict[str, Any] = {
        "revision": revision,
        "known_at": NOW,
        "says": says,
        "deleted": False,
        "stands": True,
        "actor": None,
        "reason": None,
    }
    return Version(**(fields | more))


def record(recordid: str, *versions: Version, **more: Any) -> RecordVersions:
    fields: dict[str, Any] = {
        "kind": "lab_result",
        "source": SOURCE,
        "recordid": recordid,
        "doubt": None,
        "versions": versions,
    }
    return RecordVersions(**(fields | more))


def records() -> tuple[RecordVersions, ...]:
    return (
        record("AE-4-05-1", version(1, "low platelets 4"), kind="adverse_event"),
        record(
            "LB-4-05-D15",
            version(1, "PLAT 220", stands=False),
            version(2, "PLAT 22", actor="Data manager", reason="a digit too many"),
        ),
        record("LB-4-05-X", version(1, "PLAT 200", stands=False), version(2, "", deleted=True)),
        record("LB-4-05-D8", version(1, "PLAT 92")),
        record("EC-4-05-D1", version(1, "LVGN6051 272.4 mg"), kind="dose"),
    )


def profile(**changes: Any) -> Profile:
    """The golden profile; `changes` replace whole fields."""
    subjects = {one.subject: one for one in golden_oversight.subjects()}
    fields: dict[str, Any] = {
        "study": STUDY,
        "title": golden.TITLE,
        "synthetic": True,
        "id": ID,
        "protocol_version": "1",
        "ctcae": "5.0",
        "as_of": NOW,
        "known_at": NOW,
        "degraded": False,
        "stale_since": None,
        "assessment_digest": golden.assessment().digest,
        "assessment": subjects[CODE],
        "site": "01",
        "zone": "Asia/Shanghai",
        "sex": None,
        "age": 49,
        "consented": "2022-12-09",
        "first_dose": on(1, stated="2022-12-12T10:00"),
        "doses": (
            dose(1),
            dose(22, given=False, dose=None, why_not="ADVERSE EVENT", delay_days=2),
            dose(24, dose=Decimal("136.2"), reduced=True),
        ),
        "events": (event(),),
        "series": (platelets(), qtc()),
        "tumour": (
            TumourAssessment(
                on=on(42),
                test="OVRLRESP",
                result="SD",
                sum_of_diameters=Decimal(43),
                stated_best_change=None,
                state="stands",
                evidence=resting("RS-4-05-1"),
            ),
        ),
        "treatments": (
            Treatment(
                on=on(15),
                end=None,
                name="PLATELETS",
                category="TRANSFUSION",
                dose=None,
                unit=None,
                reason="low platelets",
                state="stands",
                evidence=resting("PR-4-05-1"),
            ),
        ),
        "leaving": (
            Leaving(
                on=on(40),
                decision="WITHDRAWAL BY SUBJECT",
                category=None,
                words="moved away",
                state="stands",
                evidence=resting("DS-4-05-1"),
            ),
        ),
        "reviews": (
            Review(
                on=on(16),
                decision="DLT",
                criterion="platelets-g4",
                role="medical_monitor",
                actor="Medical monitor",
                rationale="no other cause",
                assessment_digest=golden.assessment().digest,
                state="stands",
                evidence=resting("REV-4-05-1"),
            ),
        ),
        "queries": tuple(q.model_copy(update={"subject": CODE}) for q in golden.queries()),
        "records": records(),
    }
    return Profile(**(fields | changes))
