"""Dose-escalation designs: per-dose counts in, a decision with its reasons out.

Every design answers the same `Question` with the same `Answer`, so that the live study, what-if and
simulation work with each of them.
"""

from shared.clinical.designs.model import Answer, Counts, Question
from shared.clinical.designs.three_plus_three import decide

__all__ = ["Answer", "Counts", "Question", "decide"]
