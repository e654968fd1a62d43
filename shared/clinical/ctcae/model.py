"""What goes into grading and what comes out: values as reported, grades with their reason.

Grade 0, a grade range and "not gradable" are three different answers and three different shapes
here, so that no caller can take one for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from shared.clinical.quantity import Span, is_at_least, is_below, multiply
from shared.contracts.graded import NotGradableReason


@dataclass(frozen=True, slots=True)
class LabValue:
    """One result as reported: every field is the sender's text, the range in the same unit."""

    testcd: str
    result: str
    unit: str | None
    range_low: str | None
    range_high: str | None
    specimen: str | None = None
    fasting: bool | None = None


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade: ``low`` to ``high``, equal where the number decides.

    A grade from a number is a lower bound of what a physician may give: hospitalisation or a
    transfusion can raise it.
    """

    term: str
    ctcae: str
    low: int
    high: int
    why: str


@dataclass(frozen=True, slots=True)
class NotGradable:
    """No grade, and why. ``low`` and ``high`` bound what it could be if the missing were known, so
    that a caller may still say "not grade 4" without claiming a grade."""

    term: str
    ctcae: str
    reason: NotGradableReason
    why: str
    low: int = 0
    high: int = 4


@dataclass(frozen=True, slots=True)
class Term:
    """One adverse event term of a CTCAE version, with the grades that exist for it."""

    name: str
    soc: str
    meddra_code: str
    grades: frozenset[int]


@dataclass(frozen=True, slots=True)
class Multiple:
    """A value as a multiple of its own upper limit of normal, exact; a comparator makes it a span.

    ``low`` and ``high`` are the ends (None: no upper end).
    """

    span: Span
    uln: Decimal

    @property
    def low(self) -> Fraction:
        """The smallest multiple it may be."""
        return Fraction(self.span.first[0]) / Fraction(self.uln)

    @property
    def high(self) -> Fraction | None:
        """The largest multiple it may be; None where the result has no upper end."""
        end = self.span.last[0]
        return Fraction(end) / Fraction(self.uln) if end.is_finite() else None

    def at_least(self, factor: Decimal) -> bool | None:
        """Whether the value is ``factor`` x ULN or more; None where a comparator leaves it open."""
        limit = multiply(factor, self.uln)
        if is_at_least(self.span.first, limit):
            return True
        return False if is_below(self.span.last, limit) else None
