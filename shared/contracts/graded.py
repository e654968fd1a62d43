"""A graded result, as it travels on ``vigil.graded.v1``: one record version, one CTCAE term."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.assessment import Evidence

NotGradableReason = Literal[
    "no_range",
    "no_baseline",
    "unit_unknown",
    "character_result",
    "not_done",
    "not_fasting_known",
    "needs_clinical_input",
    "term_unknown",
]


class GradedResult(BaseModel):
    """The grade of one result for one term, or why there is none.

    ``grade_low`` is the numeric minimum and ``grade_high`` the worst case; equal where the number
    decides, both None where ``not_gradable`` says why. Grade 0, not gradable and not assessed are
    three states.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: Literal["vigil.graded.v1"] = "vigil.graded.v1"
    study: str
    usubjid: str
    term: str
    ctcae: str
    grade_low: int | None
    grade_high: int | None
    not_gradable: NotGradableReason | None
    why: str
    occurred: date | None
    known_at: datetime
    evidence: Evidence
