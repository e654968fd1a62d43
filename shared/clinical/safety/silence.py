"""A study of which nothing arrives any more: what it shows may be out of date, and says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.clinical.escalation.question import PENDING
from shared.clinical.protocol import Protocol
from shared.clinical.subject import SubjectState


def stale_from(
    protocol: Protocol, states: Sequence[SubjectState], last: datetime | None
) -> datetime | None:
    """From when on the study is stale unless a record arrives: so many days after the ``last`` one
    of any subject. None where nobody is pending, or the study does not ask."""
    safety = protocol.safety
    if safety is None or safety.silent_after_days is None or last is None:
        return None
    if not any(state.assessment.status in PENDING for state in states):
        return None
    return last + timedelta(days=safety.silent_after_days)
