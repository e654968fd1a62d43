"""How much of the window a subject's records cover, for designs that weigh follow-up."""

from __future__ import annotations

from datetime import date, timedelta

from shared.clinical.case import Case
from shared.clinical.evaluability import DOMAINS


def days_followed(case: Case) -> int:
    """Days of the DLT window through which the absence of a record means "no": those that nobody
    has confirmed are not followed, whatever the calendar says."""
    first, last = case.window
    through = max(_stated(case), _assumed(case))
    return max(0, (min(through, last) - first).days + 1)


def _stated(case: Case) -> date:
    known = [case.complete_through(name) or date.min for name in DOMAINS]
    return min(known)


def _assumed(case: Case) -> date:
    """Where completeness is assumed: every day that was over before the grace began."""
    rule = case.protocol.completeness
    if rule.mode != "assumed":
        return date.min
    return case.today - timedelta(days=1 + rule.grace_days)
