"""Draws the picture of the grading guide: one ALT value in four contexts, each as its bands.

The bands are those grading itself looks values up in, so the picture cannot say anything else.
``python -m tests.docs.drawn_bands > docs/images/alt-bands.svg``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from html import escape
from math import log10
from pathlib import Path
from typing import NamedTuple

from shared.clinical.ctcae import Band, Compiled, Measurement, compiled

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "alt-bands.svg"
VALUE, UNIT, ULN = "150", "U/L", "40"

_SHADES = ("#ffffff", "#d0e1f2", "#94c4df", "#2171b5", "#08306b")
"""By grade, one hue from light to dark: told apart without colour, and the grade is written in."""

_LEFT, _RIGHT, _TOP, _ROW, _HEIGHT = 190, 980, 76, 88, 44
_FROM, _TO = 20, 3500


class Context(NamedTuple):
    """A row of the picture."""

    ctcae: str
    baseline: str | None
    words: str


CONTEXTS = (
    Context("5.0", "30", "baseline 30: normal"),
    Context("5.0", "120", "baseline 120: abnormal"),
    Context("5.0", None, "baseline not known"),
    Context("6.0", "120", "baseline 120: abnormal"),
)


def ready(context: Context) -> Compiled:
    """The criterion for ALT in a context."""
    baseline = context.baseline and Measurement("ALT", context.baseline, UNIT, None, ULN)
    (found,) = compiled(context.ctcae, "ALT", UNIT, None, ULN, baseline=baseline or None)
    return found


def picture() -> str:
    """The whole drawing, as SVG."""
    height = _TOP + _ROW * len(CONTEXTS) + 6
    drawn = [part for number, one in enumerate(CONTEXTS) for part in _row(one, number)]
    return "\n".join((*_begin(height), *drawn, "</svg>", ""))


def _begin(height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_RIGHT + 10} {height}"'
        ' font-family="sans-serif" font-size="12" fill="#222222">'
    )
    yield f"<title>ALT {VALUE} {UNIT} in four contexts</title>"
    yield (
        '<pattern id="open" width="8" height="8" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect width="8" height="8" fill="#f4f4f4"/>'
        '<rect width="2" height="8" fill="#b8b8b8"/></pattern>'
    )
    yield f'<rect width="{_RIGHT + 10}" height="{height}" fill="#ffffff"/>'
    yield _text(10, 24, f"ALT {VALUE} {UNIT}, upper limit of normal {ULN}", size=16)
    yield _text(
        10, 42, "number in a band: its grade; hatched: no grade, and what it could be", size=11
    )


def _row(context: Context, number: int) -> Iterator[str]:
    top, found = _TOP + _ROW * number, ready(context)
    answer = found.at(VALUE)
    said = f"grade {answer.low}" if answer.low == answer.high else "not gradable"
    yield _text(10, top + 12, f"CTCAE v{context.ctcae}")
    yield _text(10, top + 28, context.words)
    yield _text(10, top + 46, said, size=15, weight="bold")
    for band in found.bands():
        yield from _band(band, top)
    yield from _pointer(top)


def _band(band: Band, top: int) -> Iterator[str]:
    left, right = _across(band.lower), _across(band.upper)
    is_open = band.low != band.high
    fill = "url(#open)" if is_open else _SHADES[band.low]
    yield (
        f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{_HEIGHT}"'
        f' fill="{fill}" stroke="#555555"/>'
    )
    middle, dark = (left + right) / 2, not is_open and band.low > 2
    grade = f"{band.low} to {band.high}" if is_open else str(band.low)
    ink = "#ffffff" if dark else "#222222"
    lines = _lines(band.limit)
    yield _text(middle, top + (17 if lines else 25), grade, size=14, anchor="middle", fill=ink)
    for line, down in zip(lines, (29, 38), strict=False):
        yield _text(middle, top + down, line, size=9, anchor="middle", fill=ink)
    if band.upper is not None:
        yield _text(right, top + _HEIGHT + 13, f"{float(band.upper):g}", size=11, anchor="middle")


def _lines(limit: str | None) -> tuple[str, ...]:
    multiple, times, of = (limit or "").partition(" x ")
    return (f"{multiple} x", of) if times else tuple(filter(None, [limit]))


def _pointer(top: int) -> Iterator[str]:
    """Where the value lies in a row: beside the band, so that it hides no text."""
    x = _across(Fraction(VALUE))
    yield f'<path d="M{x:.1f} {top} l-6 -10 h12 z" fill="#d55e00"/>'
    yield _text(x, top - 14, VALUE, size=12, anchor="middle", fill="#a84a00", weight="bold")


def _across(value: Fraction | None) -> float:
    """Where a value lies on the logarithmic axis; what is beyond it, at its end."""
    shown = min(max(float(_TO if value is None else value), _FROM), _TO)
    return _LEFT + (_RIGHT - _LEFT) * log10(shown / _FROM) / log10(_TO / _FROM)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    anchor: str = "start",
    fill: str = "#222222",
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
        f' fill="{fill}" font-weight="{weight}">{escape(text)}</text>'
    )


if __name__ == "__main__":
    sys.stdout.write(picture())
