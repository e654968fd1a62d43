"""The stopping rules a protocol may state, as data: strict, frozen, named by `kind`.

Each rule turns into one number for every count of subjects (see `boundaries`): how many with the
event stop the study or the part of it that the rule watches. What the event is and who is in the
denominator is said in the protocol's words and carried into every answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator


def _as_float(value: object) -> object:
    """Protocols are read with `Decimal` numbers, requests with floats."""
    return float(value) if isinstance(value, Decimal) else value


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_Float = BeforeValidator(_as_float)
Rate = Annotated[float, _Float, Field(gt=0, lt=1)]
PriorCount = Annotated[float, _Float, Field(gt=0, le=1000)]
Exponent = Annotated[float, _Float, Field(ge=0, le=0.5)]
Subjects = Annotated[int, Field(ge=1, le=1000)]
Looks = Annotated[tuple[Subjects, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Parameters(BaseModel):
    """What every rule says: what counts, and among whom."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    event: str = "the event"
    denominator: str = "subjects"


class AnyRelatedGrade5(Parameters):
    """One death that may be related to treatment stops: the first of any number of subjects."""

    kind: Literal["any_related_grade_5"] = "any_related_grade_5"
    event: str = "a grade 5 event related to treatment"

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        return "the protocol; any related grade 5 event"


class NOfM(Parameters):
    """Stop when `events` of the first `of` subjects have the event."""

    kind: Literal["n_of_m"] = "n_of_m"
    events: Subjects
    of: Subjects

    @model_validator(mode="after")
    def _attainable(self) -> NOfM:
        if self.events > self.of:
            raise ValueError(f"{self.events} of {self.of} can never be reached")
        return self

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        return f"the protocol; {self.events} of the first {self.of}"


class BetaBinomial(Parameters):
    """Stop when P(p > p0 | data) > cutoff, with prior Beta(a, b), from `first_look` subjects on.

    With y events among n the posterior is Beta(a + y, b + n - y).

    Source: Thall PF, Simon R, Biometrics 1994;50:337-349; for safety Geller NL et al. in: Advances
    in Clinical Trial Biostatistics, 2003.
    """

    kind: Literal["beta_binomial"] = "beta_binomial"
    p0: Rate
    a: PriorCount = 1.0
    b: PriorCount = 1.0
    cutoff: Rate
    first_look: Subjects = 1

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        return "Thall and Simon, Biometrics 1994;50:337-349"


class RepeatedTesting(Parameters):
    """Test the acceptable rate p0 at each of `looks`, so that P(ever crossing | p0) <= alpha.

    At look n of N the level is Phi(z / (n/N)^delta), with one z for all looks: `delta` 0 gives
    Pocock's shape, 0.5 O'Brien and Fleming's. `p1` is an unacceptable rate to state the power at.

    Source: Pocock SJ, Biometrika 1977;64:191-199; O'Brien PC, Fleming TR, Biometrics
    1979;35:549-556; Wang SK, Tsiatis AA, Biometrics 1987;43:193-199; for toxicity Ivanova A,
    Qaqish BF, Schell MJ, Biometrics 2005;61:540-545.
    """

    kind: Literal["repeated_testing"] = "repeated_testing"
    p0: Rate
    p1: Rate | None = None
    looks: Looks
    alpha: Rate = 0.10
    delta: Exponent = 0.0

    @model_validator(mode="after")
    def _in_order(self) -> RepeatedTesting:
        if list(self.looks) != sorted(set(self.looks)):
            raise ValueError("looks must grow: each one is a number of subjects")
        if self.p1 is not None and self.p1 <= self.p0:
            raise ValueError("p1, the unacceptable rate, must be above p0")
        return self

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        return "Ivanova, Qaqish and Schell, Biometrics 2005;61:540-545"


class TwoStage(Parameters):
    """Stop after `n1` subjects with at most `r1` responses; reject p0 with more than `r` of `n`.

    Source: Simon R, Control Clin Trials 1989;10:1-10.
    """

    kind: Literal["two_stage"] = "two_stage"
    event: str = "a response"
    r1: Annotated[int, Field(ge=0)]
    n1: Subjects
    r: Annotated[int, Field(ge=0)]
    n: Subjects
    p0: Rate | None = None

    @model_validator(mode="after")
    def _in_order(self) -> TwoStage:
        if not (self.r1 < self.n1 < self.n and self.r1 <= self.r < self.n):
            raise ValueError("a two-stage design has r1 < n1 < n and r1 <= r < n")
        return self

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        return "Simon, Control Clin Trials 1989;10:1-10"


SafetyRule = AnyRelatedGrade5 | NOfM | BetaBinomial | RepeatedTesting
Rule = SafetyRule | TwoStage
KINDS: Mapping[str, type[Parameters]] = {
    "any_related_grade_5": AnyRelatedGrade5,
    "n_of_m": NOfM,
    "beta_binomial": BetaBinomial,
    "repeated_testing": RepeatedTesting,
    "two_stage": TwoStage,
}

_RULE: TypeAdapter[Rule] = TypeAdapter(Annotated[Rule, Field(discriminator="kind")])


def rule_of(parameters: Mapping[str, Any]) -> Rule:
    """The rule a mapping describes; `pydantic.ValidationError` names every fault.

    >>> rule_of({"kind": "n_of_m", "events": 2, "of": 6}).source
    'the protocol; 2 of the first 6'
    """
    return _RULE.validate_python(dict(parameters))
