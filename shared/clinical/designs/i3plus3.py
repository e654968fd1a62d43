"""i3+3: the rate against an equivalence interval, and what one DLT less would have said."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from shared.clinical.designs.design import register
from shared.clinical.designs.interval import Reading
from shared.clinical.designs.mtpi import TargetInterval


@register
class I3Plus3(TargetInterval):
    """Below the interval [φ-ε1, φ+ε2] escalate, inside stay; above, stay if (y-1)/n is below it,
    else de-escalate. Rates are compared as fractions.

    Source: Liu M, Wang SJ, Ji Y, J Biopharm Stat 2020;30:294-304.

    >>> I3Plus3(target=0.28).verdict(3, 1)
    'S'
    """

    kind: Literal["i3+3"] = "i3+3"
    source: ClassVar[str] = "Liu M, Wang SJ, Ji Y, J Biopharm Stat 2020;30:294-304"

    def read(self, n: int, dlt: int) -> Reading:
        low, high = self.interval
        rate, less = Fraction(dlt, n), Fraction(dlt - 1, n)
        said = f"{dlt}/{n} = {float(rate):.4f}"
        margin = float(min(abs(rate - low), abs(rate - high)))
        shown = f"[{float(low):g}, {float(high):g}]"
        if rate < low:
            return Reading("E", f"{said} is below {shown}", self.ends(), margin)
        if rate <= high:
            return Reading("S", f"{said} lies in {shown}", self.ends(), margin)
        if less < low:
            text = f"{said} is above {shown}, but {dlt - 1}/{n} would be below"
            return Reading("S", text, self.ends(), margin)
        return Reading("D", f"{said} is above {shown}", self.ends(), margin)
