"""What grading answers.

Grade 0, a grade range and "not gradable" are three different answers and two different shapes here,
so that no caller can take one for another. What only a reader needs (the explanation, the distance
from the limit) is worked out when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from shared.clinical.ctcae.bands import Compiled
from shared.clinical.ctcae.form import Direction
from shared.clinical.ctcae.model import Answer, OpenReason, UnitSystem
from shared.contracts.graded import NotGradableReason
from shared.contracts.results import Measured, parse_result


class _Given(NamedTuple):
    compiled: Compiled
    result: str
    answer: Answer


class _OfTerm(_Given):
    """The answer of one criterion in its context for a result as reported."""

    __slots__ = ()

    @property
    def term(self) -> str:
        """The CTCAE term."""
        return self.compiled.criterion.term

    @property
    def ctcae(self) -> str:
        """The version the criterion belongs to."""
        return self.compiled.criterion.ctcae

    @property
    def direction(self) -> Direction:
        """Whether the term is about high or low values."""
        return self.compiled.criterion.direction

    @property
    def low(self) -> int:
        """The numeric minimum: the worst grade certainly reached."""
        return self.answer.low

    @property
    def high(self) -> int:
        """The worst case: the worst grade not excluded."""
        return self.answer.high

    @property
    def limit(self) -> str | None:
        """The limit certainly reached, as printed: ``> 3 x ULN``, ``< 25 10*9/L``."""
        return self.answer.limit

    @property
    def unit_system(self) -> UnitSystem | None:
        """How that limit was compared; where none is reached, how the limits in units are."""
        return self.answer.unit_system

    @property
    def raised_by(self) -> Mapping[int, tuple[str, ...]]:
        """Facts that give a grade above the numeric minimum whatever the number is, by grade."""
        raised = self.compiled.criterion.document.raised_by
        return {grade: facts for grade, facts in raised.items() if grade > self.low}

    def _named(self, why: str) -> str:
        return f"{type(self).__name__}({self.term}: {why})"

    @property
    def _shown(self) -> str:
        unit = "" if self.compiled.unit == "1" else f" {self.compiled.unit}"
        return f"{self.compiled.criterion.testcd} {self.result.strip()}{unit}"


class Graded(_OfTerm):
    """A grade: ``low`` to ``high``, equal where the number decides.

    A grade from a number is a lower bound of what a physician may give: hospitalisation or a
    transfusion can raise it (``raised_by``).
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return self._named(self.why)

    @property
    def reason(self) -> OpenReason | None:
        """Why there is a range of grades; None where there is one grade."""
        reason = self.answer.reason
        return reason if reason in ("comparator", "needs_clinical_input") else None

    @property
    def margin(self) -> Fraction | None:
        """The exact distance from the limit reached, in the limit's unit (for a multiple, in the
        value's); None where no limit is certainly reached or the value is not one number."""
        measured, cut = parse_result(self.result), self.answer.cut
        if cut is None or not isinstance(measured, Measured) or measured.comparator:
            return None
        scaled = Fraction(measured.value) * self.compiled.scale
        return abs(scaled - Fraction(cut)) / self.answer.per

    @property
    def why(self) -> str:
        """The value and the limit it reached, in words."""
        if self.low == self.high:
            limit = self.answer.limit
            return f"{self._shown} is {limit}" if limit else f"{self._shown}: no limit reached"
        more = f"; {self.answer.words}" if self.answer.words else ""
        return f"{self._shown}: grade {self.low} to {self.high}{more}"


class NotGradable(_OfTerm):
    """No grade, and why. ``low`` and ``high`` bound what it could be if the missing were known, so
    that a caller may still say "not grade 4" without claiming a grade."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self._named(self.why)

    @property
    def reason(self) -> NotGradableReason:
        """What is missing or unusable."""
        reason = self.answer.reason
        assert reason is not None
        assert reason != "comparator"
        return reason

    @property
    def why(self) -> str:
        """What is missing, in words; nothing of a result that is not a number is repeated."""
        if self.answer.state == "unusable":
            return f"{self.compiled.criterion.testcd}: {self.answer.words}"
        return f"{self._shown}: {self.answer.words} (grade {self.low} to {self.high})"
