"""From subjects to the study: counts per dose, the design's answer, holds, recorded decisions.

The rule proposes; only a named person's record opens a dose level or lifts a hold.
"""

from shared.clinical.escalation.assess import Escalation, assess_escalation
from shared.clinical.escalation.question import ENROLS, PENDING

__all__ = ["ENROLS", "PENDING", "Escalation", "assess_escalation"]
