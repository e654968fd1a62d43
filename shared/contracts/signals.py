"""Signals: what the safety review team is told, and when it no longer stands.

A signal is the difference between two assessments. It is told apart by its ``key`` (what stands);
its ``id`` is one raising of it, so that a correction that is taken back alarms again.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["info", "notice", "warning", "urgent", "critical"]


class SignalType(StrEnum):
    """The closed list; part of the contract."""

    DLT_CANDIDATE = "dlt.candidate"
    DLT_CONFIRMED = "dlt.confirmed"
    DLT_REJECTED = "dlt.rejected"
    DLT_WITHDRAWN = "dlt.withdrawn"
    WINDOW_CLOSED = "window.closed"
    RECOMMENDATION_CHANGED = "recommendation.changed"
    ENROLMENT_HOLD = "enrolment.hold"
    DOSE_EXCEEDED = "dose.exceeded"
    MTD_DETERMINED = "mtd.determined"
    DECISION_BASIS_CHANGED = "decision.basis_changed"
    TOXICITY_SEVERE = "toxicity.severe"
    TOXICITY_LATE = "toxicity.late"
    DEATH = "death"
    SAE = "sae"
    HYS_LAW = "hys_law"
    AESI = "aesi"
    STOPPING_CROSSED = "stopping.crossed"
    STOPPING_NEAR = "stopping.near"
    DATA_QUERY = "data.query"
    DATA_CONFLICT = "data.conflict"
    STUDY_DEGRADED = "study.degraded"
    STUDY_STALE = "study.stale"
    SIGNAL_WITHDRAWN = "signal.withdrawn"


class StandingSignal(BaseModel):
    """A signal that stands as long as the assessment says so.

    ``slot`` names what the signal is about (a subject's DLT, the recommendation): a new signal in
    the same slot supersedes the one before. ``key`` adds the rule and the digest of what triggered
    it. ``at`` is when it happened, ``known_at`` when the last fact it needs was known. ``cohort``
    and ``site`` (SITEID) are None where unknown; nothing may then be held back because of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    slot: str
    type: SignalType
    severity: Severity
    subject: str | None
    dose_level: int | None
    rule: str
    at: datetime
    known_at: datetime
    text: str
    cohort: str | None = None
    site: str | None = None


class Signal(StandingSignal):
    """One raising, or one ending, of a standing signal, as it travels on ``vigil.signals.v1``.

    ``supersedes`` is the id of the signal this one follows up. ``ends`` is true for a follow-up
    that leaves nothing standing (``dlt.withdrawn``, ``signal.withdrawn``).
    """

    contract: Literal["vigil.signal.v1"] = "vigil.signal.v1"
    id: str
    study: str
    supersedes: str | None = None
    ends: bool = False
    assessment_digest: str


def read_signal(value: bytes | str) -> Signal:
    """Read a message of ``vigil.signals.v1``; ValueError (pydantic's) where it is not one."""
    return Signal.model_validate_json(value)
