"""Figures of a made-up study in which every chart has something to draw and something to leave."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from shared.clinical.profile import profile_of
from shared.contracts.figures import (
    BoundaryPoint,
    CountPoint,
    EscalationDesign,
    Figures,
    HeatCell,
    LiverPeak,
    LiverPoint,
    QtPoint,
    Shift,
    ShiftCell,
    StoppingFigure,
    Treated,
    TumourCourse,
    TumourPoint,
)
from shared.contracts.packet import Packet
from shared.contracts.profile import Profile, opaque_id
from tests.services.console.packet_support import HOLD, demo_packet, demo_study

STUDY = "NCT05301764"
DAY = date(2022, 9, 1)
KNOWN = datetime(2022, 12, 26, 9, tzinfo=UTC)
DESIGN = EscalationDesign(
    kind="3+3",
    parameters='{"kind": "3+3", "variant": "deescalate"}',
    doses=("1 mg/kg", "2 mg/kg", "3 mg/kg", "4 mg/kg"),
    start=1,
    cohort_size=None,
)
CODES = ("1-01", "2-01", "3-01", "3-02", "4-01")


def usubjid(code: str) -> str:
    return f"{STUDY}-{code}"


def treated(code: str) -> Treated:
    level = int(code[0])
    return Treated(
        id=opaque_id(STUDY, usubjid(code)),
        subject=code,
        usubjid=usubjid(code),
        part="escalation",
        dose_level=level,
        dose=f"{level} mg/kg",
    )


def peak(test: Any, multiple: str | None, **more: Any) -> LiverPeak:
    told = multiple is not None
    usual = {
        "on": DAY if told else None,
        "day": 22 if told else None,
        "open_above": False,
        "not_comparable": 0,
        "baseline": Decimal("0.8"),
        "baseline_raised": False,
        "why_none": None if told else "no ULN was sent",
    }
    number = Decimal(multiple) if multiple is not None else None
    return LiverPeak(test=test, peak=number, **{**usual, **more})


def liver(code: str, alt: str | None, bili: str | None, **more: Any) -> LiverPoint:
    usual = {
        "transaminase": "ALT" if alt else None,
        "transaminase_raised": None if alt is None else Decimal(alt) >= 3,
        "bilirubin_raised": None if bili is None else Decimal(bili) >= 2,
        "days_apart": None,
        "rules": (),
    }
    return LiverPoint(
        usubjid=usubjid(code),
        peaks=(peak("ALT", alt), peak("AST", None), peak("BILI", bili), peak("ALP", "1.1")),
        **{**usual, **more},
    )


def qt(code: str, longest: str | None, rise: str | None = None, **more: Any) -> QtPoint:
    value = Decimal(longest) if longest else None
    change = Decimal(rise) if rise else None
    above = next((at for at in (500, 480, 450) if value and value > at), 0)
    rise_above = next((at for at in (60, 30) if change and change > at), 0)
    usual = {
        "on": DAY if value else None,
        "day": 8 if value else None,
        "baseline": value - change if value and change else None,
        "open_above": False,
        "derived": False,
        "above": above if value else None,
        "rise_above": None if change is None else rise_above,
        "why_none": None if value else "no ECG on treatment",
    }
    return QtPoint(usubjid=usubjid(code), longest=value, rise=change, **{**usual, **more})


def tumour(code: str, changes: tuple[str, ...], **more: Any) -> TumourCourse:
    points = tuple(
        TumourPoint(
            on=DAY,
            day=42 * at,
            sum_of_diameters=Decimal(100) + Decimal(change),
            change=Decimal(change),
        )
        for at, change in enumerate(changes, 1)
    )
    best = min((point.change for point in points if point.change is not None), default=None)
    usual = {
        "baseline": Decimal(100) if points else None,
        "best_change": best,
        "basis": "measured" if points else None,
        "best_response": "PR" if best is not None and best <= -30 else "SD",
        "why_none": None if points else "no sum of diameters",
    }
    return TumourCourse(usubjid=usubjid(code), points=points, **{**usual, **more})


def stopping_rule(path: str, **more: Any) -> StoppingFigure:
    """``path``: a letter for each final subject: E an event, C a candidate, N none."""
    counted = [sum(one in "EC" for one in path[: at + 1]) for at in range(len(path))]
    steps = tuple(
        CountPoint(
            n=at,
            events=counted[at - 1],
            usubjid=usubjid(CODES[(at - 1) % len(CODES)]),
            is_event=kind in "EC",
            candidate=kind == "C",
            known_at=KNOWN,
        )
        for at, kind in enumerate(path, 1)
    )
    boundary = tuple(
        BoundaryPoint(n=n, stop_at=None if n < 2 else 2 + n // 4) for n in range(1, 13)
    )
    usual = {
        "boundary": boundary,
        "id": "toxicity",
        "text": "Stops where treatment-related deaths are too many.",
        "source": "protocol, section 9",
        "counted": "events",
        "status": "near",
        "pending": 2,
    }
    return StoppingFigure(path=steps, **{**usual, **more})


def figures(packet: Packet | None = None, **changes: Any) -> Figures:
    """The demo's courses, events and exposures beside made-up values of everything else."""
    packet = packet or demo_packet()
    said = packet.assessment
    usual: dict[str, Any] = {
        "study": said.study,
        "title": packet.title,
        "synthetic": packet.synthetic,
        "protocol_version": said.protocol_version,
        "ctcae": said.ctcae,
        "as_of": said.as_of,
        "known_at": said.known_at,
        "degraded": False,
        "stale_since": None,
        "assessment_digest": said.digest,
        "design": DESIGN,
        "subjects": tuple(treated(code) for code in CODES),
        "courses": packet.courses,
        "events": packet.events,
        "heat": (
            HeatCell(usubjid=usubjid("1-01"), term="Fatigue", soc="General", low=1, high=1),
            HeatCell(usubjid=usubjid("2-01"), term="Fatigue", soc="General", low=2, high=2),
            HeatCell(usubjid=usubjid("3-01"), term="Hypertension", soc="Vascular", low=1, high=3),
            HeatCell(usubjid=usubjid("4-01"), term="Anemia", soc="Blood", low=4, high=4),
        ),
        "shifts": (
            Shift(
                test="ALT",
                term="Alanine aminotransferase increased",
                direction="high",
                cells=(
                    ShiftCell(baseline="0", worst="0", subjects=2),
                    ShiftCell(baseline="0", worst="3", subjects=1),
                    ShiftCell(baseline="none", worst="1", subjects=1),
                    ShiftCell(baseline="0", worst="not_gradable", subjects=1),
                ),
            ),
            Shift(
                test="NA",
                term="Hyponatremia",
                direction="low",
                cells=(ShiftCell(baseline="0", worst="0", subjects=5),),
            ),
        ),
        "liver": (
            liver("1-01", "0.9", "0.5"),
            liver("2-01", "2.999", "2"),
            liver("3-01", "3", "1.999"),
            liver("3-02", "8.2", "2.4", days_apart=0, rules=("hys-law",)),
            liver("4-01", None, "0.7"),
        ),
        "exposures": packet.exposures,
        "qt": (
            qt("1-01", "421", "12"),
            qt("2-01", "450", "30"),
            qt("3-01", "450.5", "30.5"),
            qt("3-02", "512.3", "88"),
            qt("4-01", None),
        ),
        "tumour": (
            tumour("1-01", ("-12.5", "-30.0", "4.1")),
            tumour("2-01", ("22.0",)),
            tumour("3-01", ("-45.2", "-61.0")),
            tumour("4-01", ()),
        ),
        "stopping": (stopping_rule("NNEC"),),
        "notes": (),
    }
    return Figures(**{**usual, **changes})


def empty_figures(**changes: Any) -> Figures:
    """A study in which nobody was given a dose."""
    lists = (
        *("subjects", "courses", "events", "heat", "shifts", "liver", "exposures"),
        *("qt", "tumour", "stopping"),
    )
    return figures(**{**dict.fromkeys(lists, ()), **changes})


def demo_profile(code: str = "4-05") -> Profile:
    """One subject of the demo on the day of the hold."""
    study, said = demo_study(), demo_packet().assessment
    usubjid = next(one.usubjid for one in said.subjects if one.subject == code)
    found = profile_of(study, study.assess(as_of=HOLD), opaque_id(said.study, usubjid))
    assert found is not None
    return found
