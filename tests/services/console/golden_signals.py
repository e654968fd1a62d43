"""The made-up study's signals and alerts, and its line in the list of studies."""

from typing import Any

from shared.contracts.assessment import Assessment
from shared.contracts.signals import Severity, Signal, SignalType
from tests.services.console.golden import NOW, STUDY, TITLE, assessment, at


def signal(
    number: int,
    type: SignalType,
    severity: Severity,
    day: str,
    text: str,
    **more: Any,
) -> Signal:
    when = at(f"{day}T06:00")
    fields: dict[str, Any] = {
        "id": f"signal-{number}",
        "study": STUDY,
        "key": f"{type.value}:{number}",
        "slot": f"slot-{number}",
        "type": type,
        "severity": severity,
        "subject": None,
        "dose_level": None,
        "rule": "3+3",
        "at": when,
        "known_at": when,
        "text": text,
        "assessment_digest": "sha256:" + "0" * 64,
    }
    return Signal(**(fields | more))


def signals() -> tuple[Signal, ...]:
    """Oldest first, as the monitor lists them."""
    return (
        signal(
            1,
            SignalType.DLT_CANDIDATE,
            "urgent",
            "2022-11-07",
            "A candidate DLT at 4 mg/kg: platelets grade 4.",
            subject="4-01",
            dose_level=4,
        ),
        signal(
            2,
            SignalType.DLT_CONFIRMED,
            "urgent",
            "2022-11-09",
            "The DLT at 4 mg/kg is confirmed.",
            subject="4-01",
            dose_level=4,
            supersedes="signal-1",
        ),
        signal(
            3,
            SignalType.WINDOW_CLOSED,
            "info",
            "2022-11-27",
            "The window of the last subject of the cohort has closed.",
            subject="4-03",
            dose_level=4,
        ),
        signal(
            4,
            SignalType.DATA_QUERY,
            "notice",
            "2022-12-22",
            "Relatedness of an adverse event is missing.",
            subject="4-04",
            dose_level=4,
        ),
        signal(
            5,
            SignalType.DLT_CANDIDATE,
            "urgent",
            "2022-12-26",
            "A candidate DLT at 4 mg/kg: platelets 22, grade 4, on day 15.",
            subject="4-05",
            dose_level=4,
        ),
        signal(
            6,
            SignalType.DOSE_EXCEEDED,
            "critical",
            "2022-12-26",
            "4 mg/kg has reached the limit of two DLTs.",
            dose_level=4,
        ),
        signal(
            7,
            SignalType.ENROLMENT_HOLD,
            "critical",
            "2022-12-26",
            "Halt enrolment until a named person’s record lifts the hold.",
            dose_level=4,
        ),
    )


def alert(of: Signal, *, seen_by: str | None = None, **changes: Any) -> dict[str, Any]:
    """As the notifier shows it."""
    acknowledged = {"name": seen_by, "role": "medical_monitor", "version": 1, "at": NOW.isoformat()}
    return {
        "id": f"alert-{of.id}",
        "position": "1-1",
        "study": of.study,
        "kind": "signal",
        "severity": of.severity,
        "state": "acknowledged" if seen_by else "open",
        "version": 1,
        "synthetic": True,
        "raised_at": of.known_at.isoformat(),
        "signal": of.model_dump(mode="json"),
        "asks": of.severity in ("warning", "urgent", "critical"),
        "ladder": None,
        "rounds": 0,
        "assigned_to": None,
        "follows": None,
        "followed_by": None,
        "routing_version": 1,
        "warnings": [],
        "acknowledgements": [acknowledged] if seen_by else [],
        "notes": [],
        "deliveries": {"pending": 0, "failed": 0, "sent": 1, "given_up": 0},
        **changes,
    }


def alerts() -> list[dict[str, Any]]:
    """Everything but the last two urgent ones has been acknowledged."""
    seen = {"signal-1", "signal-2", "signal-3", "signal-5"}
    return [
        alert(s, seen_by="Medical monitor" if s.id in seen else None)
        for s in signals()
        if s.id != "signal-4"
    ]


def entry(made: Assessment | None = None, **changes: Any) -> dict[str, Any]:
    """The study's line in the monitor's list."""
    of = made or assessment()
    return {
        "study": of.study,
        "title": TITLE,
        "synthetic": True,
        "protocol_version": of.protocol_version,
        "ctcae": of.ctcae,
        "status": of.status,
        "degraded": of.degraded,
        "stale": False,
        "action": of.recommendation.action,
        "dose_level": of.recommendation.dose_level,
        "as_of": of.as_of.isoformat(),
        "digest": of.digest,
        "applied_through": of.applied_through,
        "lag": 0,
        **changes,
    }
