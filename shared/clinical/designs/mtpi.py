"""mTPI, mTPI-2 and Keyboard: the interval in which the DLT rate most densely lies decides.

All compare unit probability masses, posterior probability over length, prior Beta(1,1), as exact
fractions; a tie goes to the more cautious side.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar, Literal

from pydantic import model_validator

from shared.clinical.designs.design import register
from shared.clinical.designs.interval import IntervalDesign, Reading, Verdict
from shared.clinical.designs.model import Value
from shared.clinical.designs.parameters import Rate
from shared.clinical.designs.posterior import density, exactly

Interval = tuple[Fraction, Fraction]
_CAUTION = {"E": 0, "S": 1, "D": 2}


class TargetInterval(IntervalDesign):
    """An interval design around the target interval (target - eps1, target + eps2)."""

    eps1: Rate = 0.05
    eps2: Rate = 0.05

    @model_validator(mode="after")
    def _inside(self) -> TargetInterval:
        low, high = self.interval
        if not 0 < low < high < 1:
            raise ValueError("0 < target - eps1 and target + eps2 < 1 must hold")
        return self

    @property
    def interval(self) -> Interval:
        """The target interval."""
        target = exactly(self.target)
        return target - exactly(self.eps1), target + exactly(self.eps2)

    def ends(self) -> dict[str, Value]:
        """The target interval, for a report."""
        low, high = self.interval
        return {"low": float(low), "high": float(high)}


class _Densest(TargetInterval):
    """Escalate, stay or de-escalate as the densest interval is below, at or above the target."""

    @abstractmethod
    def intervals(self) -> list[Interval]:
        """All intervals that compete, the target interval among them."""

    def read(self, n: int, dlt: int) -> Reading:
        return _densest(self, n, dlt)

    def side(self, interval: Interval) -> Verdict:
        """What an interval stands for."""
        low, high = self.interval
        if interval[1] <= low:
            return "E"
        return "D" if interval[0] >= high else "S"


@lru_cache(maxsize=16_384)
def _densest(design: _Densest, n: int, dlt: int) -> Reading:
    best: dict[Verdict, tuple[Fraction, Interval]] = {}
    for interval in design.intervals():
        side, mass = design.side(interval), density(n, dlt, *interval)
        if side not in best or mass > best[side][0]:
            best[side] = (mass, interval)
    order = sorted(best, key=lambda side: (best[side][0], _CAUTION[side]), reverse=True)
    masses: dict[str, Value] = {
        f"mass_{name}": float(best[side][0])
        for name, side in (("below", "E"), ("target", "S"), ("above", "D"))
        if side in best
    }
    (first, (low, high)), second = best[order[0]], best[order[1]][0]
    text = (
        f"with {dlt}/{n} the rate most densely lies in ({float(low):g}, {float(high):g}): "
        f"mass {float(first):.5f} against {float(second):.5f}"
    )
    return Reading(order[0], text, {**design.ends(), **masses}, float(first - second))


def _tiles(start: Fraction, step: Fraction) -> Iterator[Interval]:
    """Whole intervals from ``start`` on towards 0 or 1, then what is left of one."""
    end = Fraction(int(step > 0))
    while abs(end - start) > abs(step):
        yield min(start, start + step), max(start, start + step)
        start += step
    yield min(start, end), max(start, end)


@register
class Mtpi(_Densest):
    """mTPI: three intervals (0, φ-ε1), (φ-ε1, φ+ε2), (φ+ε2, 1); the largest mass wins.

    Source: Ji Y, Liu P, Li Y, Bekele BN, Clin Trials 2010;7:653-663. Elimination waits for
    ``n_eli`` patients.

    >>> Mtpi(target=0.28).verdict(6, 3)
    'D'
    """

    kind: Literal["mtpi"] = "mtpi"
    source: ClassVar[str] = "Ji Y et al., Clin Trials 2010;7:653-663"

    def intervals(self) -> list[Interval]:
        low, high = self.interval
        return [(Fraction(0), low), (low, high), (high, Fraction(1))]


@register
class Mtpi2(_Densest):
    """mTPI-2: both sides are tiled with intervals as long as the target's, the outermost cut at
    0 and 1; the largest mass wins.

    Source: Guo W, Wang SJ, Yang S, Lynn H, Ji Y, Contemp Clin Trials 2017;58:23-33.

    >>> Mtpi2(target=0.28).verdict(9, 2)
    'E'
    """

    kind: Literal["mtpi2"] = "mtpi2"
    source: ClassVar[str] = "Guo W et al., Contemp Clin Trials 2017;58:23-33"

    def intervals(self) -> list[Interval]:
        low, high = self.interval
        return [*_tiles(low, low - high), (low, high), *_tiles(high, high - low)]


@register
class Keyboard(_Densest):
    """Keyboard: the strongest key of the same tiling; what is left at the ends is no key.

    Source: Yan F, Mandrekar SJ, Yuan Y, Clin Cancer Res 2017;23:3994-4003. The R package Keyboard
    eliminates from the first patient on: ``n_eli=1``.

    >>> Keyboard(target=0.2, n_eli=1).verdict(1, 1)
    'U'
    """

    kind: Literal["keyboard"] = "keyboard"
    source: ClassVar[str] = "Yan F et al., Clin Cancer Res 2017;23:3994-4003"

    def intervals(self) -> list[Interval]:
        low, high = self.interval
        sides = (*_tiles(low, low - high), *_tiles(high, high - low))
        return [(low, high), *(key for key in sides if key[1] - key[0] == high - low)]
