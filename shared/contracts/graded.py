"""A graded result, as it travels on ``vigil.graded.v1``: one record version, one CTCAE term."""

from __future__ import annotations

from datetime import date, datetime
from operator import attrgetter
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

    ``id`` stays the same while the result is graded anew, because a baseline, a companion or the
    protocol's version came or changed; ``version`` counts those answers, and the highest is the one
    that holds. ``withdrawn``: the record version no longer stands, and neither does its grade.
    ``margin`` is the exact distance from ``limit``, a decimal or a fraction (``7/3``);
    ``derived_from`` and ``formula`` tell of a value nobody reported; ``beside`` and ``baseline``
    are the records it was graded with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: Literal["vigil.graded.v1"] = "vigil.graded.v1"
    id: str = ""
    version: int = 1
    withdrawn: bool = False
    study: str
    usubjid: str
    term: str
    ctcae: str
    basis: Literal["measured", "derived", "reported"] | None = None
    test: str | None = None
    direction: Literal["high", "low"] | None = None
    grade_low: int | None
    grade_high: int | None
    not_gradable: NotGradableReason | None
    range_because: Literal["comparator", "needs_clinical_input"] | None = None
    limit: str | None = None
    unit_system: Literal["SI", "conventional", "converted", "multiple"] | None = None
    margin: str | None = None
    why: str
    before_treatment: bool = False
    occurred: date | None
    known_at: datetime
    evidence: Evidence
    derived_from: tuple[str, ...] = ()
    formula: str | None = None
    beside: tuple[Evidence, ...] = ()
    baseline: Evidence | None = None

    def says_the_same(self, other: GradedResult) -> bool:
        """Whether a reader would act on both alike: on the same answer about the same value."""
        return _said(self) == _said(other)


_said = attrgetter(
    *(GradedResult.model_fields.keys() - {"version", "known_at", "beside", "baseline"})
)
