"""Draws a chart: the same specification gives the same picture, and nothing is fetched.

``python -m shared.charts.drawing`` draws for another process: a font, or none for a PNG, and a
specification a line in, a picture a line out.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from collections.abc import Iterator

import vl_convert

from shared.charts.blocks import Spec
from shared.charts.parts import PAPER, SCREEN, VEGA_LITE

_NO_WORDS = {"aria": False}
"""No description of every mark: who cannot see a picture is told its finding and its table, and
nothing reads on inside an image."""


def draw(spec: Spec, font: str = PAPER) -> str:
    """A chart as SVG. Raises ValueError for what is no specification."""
    svg: str = vl_convert.vegalite_to_svg(
        dict(spec),
        vl_version=VEGA_LITE,
        allowed_base_urls=[],
        config={"font": font, **_NO_WORDS},
    )
    return svg


def as_png(spec: Spec) -> bytes:
    """The same for what takes no SVG, at twice the size."""
    png: bytes = vl_convert.vegalite_to_png(
        dict(spec),
        vl_version=VEGA_LITE,
        allowed_base_urls=[],
        config={"font": SCREEN, **_NO_WORDS},
        scale=2,
    )
    return _packed(png)


def _packed(png: bytes) -> bytes:
    """The same picture in a third of the bytes: the engine compresses hardly at all."""
    chunks = list(_chunks(png))
    pixels = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    kept = [(kind, data) for kind, data in chunks if kind not in (b"IDAT", b"IEND")]
    packed = [*kept, (b"IDAT", zlib.compress(pixels, 6)), (b"IEND", b"")]
    return png[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in packed
    )


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        yield kind, png[at + 8 : at + 8 + size]
        at += size + 12


def _answer(font: str | None, spec: Spec) -> str:
    return base64.b64encode(as_png(spec)).decode() if font is None else draw(spec, font)


def main() -> None:
    """Answers every line with a picture, or with null where it cannot be drawn."""
    for line in sys.stdin:
        font, spec = json.loads(line)
        try:
            drawn: str | None = _answer(font, spec)
        except ValueError:
            drawn = None
        sys.stdout.write(json.dumps(drawn) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
