"""Draws a chart: the same specification gives the same picture, and nothing is fetched.

``python -m shared.charts.drawing`` draws for another process: a font and a specification
a line in, a picture a line out.
"""

from __future__ import annotations

import json
import sys

import vl_convert

from shared.charts.blocks import Spec
from shared.charts.parts import PAPER, SCREEN, VEGA_LITE


def draw(spec: Spec, font: str = PAPER) -> str:
    """A chart as SVG. Raises ValueError for what is no specification."""
    svg: str = vl_convert.vegalite_to_svg(
        dict(spec),
        vl_version=VEGA_LITE,
        allowed_base_urls=[],
        config={"font": font},
    )
    return svg


def as_png(spec: Spec) -> bytes:
    """The same for what takes no SVG, at twice the size."""
    png: bytes = vl_convert.vegalite_to_png(
        dict(spec),
        vl_version=VEGA_LITE,
        allowed_base_urls=[],
        config={"font": SCREEN},
        scale=2,
    )
    return png


def main() -> None:
    """Answers every line with a picture, or with null where it cannot be drawn."""
    for line in sys.stdin:
        font, spec = json.loads(line)
        try:
            drawn: str | None = draw(spec, font)
        except ValueError:
            drawn = None
        sys.stdout.write(json.dumps(drawn) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
