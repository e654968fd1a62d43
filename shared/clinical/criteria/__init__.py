"""The closed vocabulary of DLT criteria: every word a protocol may use, as strict models.

Each word states its meaning and its edges where it is defined; how it is evaluated is in
`shared.clinical.dlt` and `shared.clinical.blocks`.
"""

from shared.clinical.criteria.basic import (
    Lasting,
    Limit,
    Measurement,
    Part,
    Toxicity,
    Words,
    parts_of,
    placed,
)
from shared.clinical.criteria.conditions import (
    ADJUDICATORS,
    Condition,
    Despite,
    Exclusion,
    Exemption,
    Improvement,
    Origin,
    Qualifier,
    Repeat,
    Treatment,
)
from shared.clinical.criteria.rules import (
    Attribution,
    BaselineMultiples,
    Cause,
    Count,
    CriterionRule,
    Delay,
    Dosing,
    HeldBy,
    HysLaw,
    OtherGrade,
)
from shared.clinical.criteria.windows import DltWindow, Extension, NamedWindow, NextDose

__all__ = [
    "ADJUDICATORS",
    "Attribution",
    "BaselineMultiples",
    "Cause",
    "Condition",
    "Count",
    "CriterionRule",
    "Delay",
    "Despite",
    "DltWindow",
    "Dosing",
    "Exclusion",
    "Exemption",
    "Extension",
    "HeldBy",
    "HysLaw",
    "Improvement",
    "Lasting",
    "Limit",
    "Measurement",
    "NamedWindow",
    "NextDose",
    "Origin",
    "OtherGrade",
    "Part",
    "Qualifier",
    "Repeat",
    "Toxicity",
    "Treatment",
    "Words",
    "parts_of",
    "placed",
]
