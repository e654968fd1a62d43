"""The pure core: facts and a protocol in, grades, assessments and signals out.

No input or output, no clock, no logging. This page is its whole surface; the idea in one line:
``evaluate(facts, as_of) -> Assessment``, and a signal is the difference between two assessments.
"""

from shared.clinical.compare import compare, standing_signals
from shared.clinical.ctcae import grade
from shared.clinical.enrolment import EnrolmentAnswer, enrolment
from shared.clinical.escalation.places import Room
from shared.clinical.protocol import Protocol, load_protocol
from shared.clinical.reviews import deciders
from shared.clinical.study import ENGINE, Study, evaluate
from shared.clinical.what_if import Supposed, WhatIf, suppose, what_if
from shared.document import DocumentError, Finding

__all__ = [
    "ENGINE",
    "DocumentError",
    "EnrolmentAnswer",
    "Finding",
    "Protocol",
    "Room",
    "Study",
    "Supposed",
    "WhatIf",
    "compare",
    "deciders",
    "enrolment",
    "evaluate",
    "grade",
    "load_protocol",
    "standing_signals",
    "suppose",
    "what_if",
]
