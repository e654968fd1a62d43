"""Stopping rules: what a protocol's boundary says of the counts, live and before the study.

>>> rule = rule_of({"kind": "beta_binomial", "p0": 0.28, "a": 0.28, "b": 0.72, "cutoff": 0.9})
>>> look(rule, EventCounts(n=8, events=4, pending=2)).status
'near'
>>> [row.stop_at for row in boundary_table(rule, 6)]
[None, 2, 3, 3, 3, 4]
"""

from shared.clinical.monitoring.boundaries import (
    Boundary,
    Crossing,
    Tuned,
    boundary_table,
    characteristics,
    crossing_probability,
    posterior,
    tuned,
)
from shared.clinical.monitoring.live import look, look_by_class
from shared.clinical.monitoring.model import EventCounts, Look, Status
from shared.clinical.monitoring.rules import (
    KINDS,
    AnyRelatedGrade5,
    BetaBinomial,
    NOfM,
    RepeatedTesting,
    Rule,
    SafetyRule,
    TwoStage,
    rule_of,
)
from shared.clinical.monitoring.simon import SimonDesign, SimonDesigns, simon_designs
from shared.clinical.monitoring.two_stage import (
    Futility,
    TwoStageCharacteristics,
    futility_table,
    two_stage_characteristics,
)

__all__ = [
    "KINDS",
    "AnyRelatedGrade5",
    "BetaBinomial",
    "Boundary",
    "Crossing",
    "EventCounts",
    "Futility",
    "Look",
    "NOfM",
    "RepeatedTesting",
    "Rule",
    "SafetyRule",
    "SimonDesign",
    "SimonDesigns",
    "Status",
    "Tuned",
    "TwoStage",
    "TwoStageCharacteristics",
    "boundary_table",
    "characteristics",
    "crossing_probability",
    "futility_table",
    "look",
    "look_by_class",
    "posterior",
    "rule_of",
    "simon_designs",
    "tuned",
    "two_stage_characteristics",
]
