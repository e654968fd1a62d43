"""The values grading works with: a result as reported, a term, and what is said of a band."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from shared.clinical.quantity import Span, is_at_least, is_below, multiply
from shared.contracts.graded import NotGradableReason

OpenReason = Literal["comparator", "needs_clinical_input"]
"""Why a graded value has a range of grades."""

Reason = NotGradableReason | OpenReason

UnitSystem = Literal["SI", "conventional", "converted", "multiple"]
"""How a limit was compared: in the criterion's own unit as printed, in another printed unit, after
one conversion because the reported unit is not printed, or as a multiple of ULN, LLN or baseline.
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One result as reported: every field is the sender's text, the range in the same unit.

    ``indicator`` is LBNRIND or BNRIND (LOW, NORMAL, HIGH), read of a baseline only.
    """

    testcd: str
    result: str
    unit: str | None
    range_low: str | None
    range_high: str | None
    specimen: str | None = None
    fasting: bool | None = None
    indicator: str | None = None


class Answer(NamedTuple):
    """What a criterion says of every value of one band.

    ``low`` is the numeric minimum and ``high`` the worst case; ``reason`` and ``words`` say why
    they differ. ``state``: whether it is a grade, whether something the value is compared with is
    lacking, or whether the result cannot be compared at all. ``limit`` is the limit certainly
    reached: the distance of a value from it is ``(value x scale - cut) / per`` in its unit.
    """

    low: int
    high: int
    state: Literal["graded", "lacking", "unusable"] = "graded"
    reason: Reason | None = None
    words: str = ""
    limit: str | None = None
    unit_system: UnitSystem | None = None
    cut: Decimal | None = None
    per: int = 1


@dataclass(frozen=True, slots=True)
class Term:
    """One adverse event term of a CTCAE version, with the grades that exist for it."""

    name: str
    soc: str
    meddra_code: str
    grades: frozenset[int]


@dataclass(frozen=True, slots=True)
class Multiple:
    """A value as a multiple of its own upper limit of normal, exact; a comparator makes it a span,
    and so does a limit that can be read in two ways."""

    span: Span
    uln: Span

    @property
    def low(self) -> Fraction:
        """The smallest multiple it may be."""
        return Fraction(self.span.first[0]) / Fraction(self.uln.last[0])

    @property
    def high(self) -> Fraction | None:
        """The largest multiple it may be; None where the result has no upper end."""
        end = self.span.last[0]
        return Fraction(end) / Fraction(self.uln.first[0]) if end.is_finite() else None

    def at_least(self, factor: Decimal) -> bool | None:
        """Whether the value is ``factor`` x ULN or more; None where that is left open."""
        if is_at_least(self.span.first, multiply(factor, self.uln.last[0])):
            return True
        return False if is_below(self.span.last, multiply(factor, self.uln.first[0])) else None
