"""Charts that answer to a pointer: the specification of the picture with tooltips and zoom, and the
engine that draws it in a browser.

``python -m services.console.charts.exploring`` writes that engine, which takes some seconds.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from shared.charts.blocks import Spec
from shared.charts.parts import SCREEN, VEGA_LITE

_SNIPPET = "export const embed = vegaEmbed;"
_SIDES = ("layer", "hconcat", "vconcat", "concat")
ENGINE = hashlib.sha256(
    f"{version('vl-convert-python')} {VEGA_LITE} {_SNIPPET}".encode()
).hexdigest()[:12]
"""Names the engine by all that it is made of."""


def explorable(spec: Spec) -> Spec:
    """The same marks in the same places: each tells its row, and axes of numbers move and zoom."""
    config = {**spec["config"], "font": SCREEN, "mark": {"tooltip": {"content": "data"}}}
    numbers = iter(range(1_000))
    return {**_zoomed(spec, {}, numbers), "config": config}


def _zoomed(part: Spec, around: Mapping[str, Any], numbers: Iterator[int]) -> dict[str, Any]:
    """The part with a zoom in each view of its own, layers being one view."""
    encoding = {**around, **part.get("encoding", {})}
    side = next((one for one in _SIDES if one in part), None)
    if side is None or side == "layer":
        return _view(part, encoding, next(numbers))
    views = [_zoomed(one, encoding, numbers) for one in part[side]]
    return {**part, side: views}


def _view(part: Spec, around: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A selection belongs to one layer: the first with an axis of numbers."""
    layers = part.get("layer")
    if layers is None:
        return {**part, **_zoom(around, number)}
    for at, layer in enumerate(layers):
        if zoom := _zoom({**around, **layer.get("encoding", {})}, number):
            return {**part, "layer": [*layers[:at], {**layer, **zoom}, *layers[at + 1 :]]}
    return dict(part)


def _zoom(encoding: Mapping[str, Any], number: int) -> dict[str, Any]:
    axes = [axis for axis in ("x", "y") if (encoding.get(axis) or {}).get("type") == "quantitative"]
    if not axes:
        return {}
    select = {"type": "interval", "encodings": axes}
    return {"params": [{"name": f"zoom_{number}", "select": select, "bind": "scales"}]}


@lru_cache(maxsize=1)
def engine() -> bytes:
    """The engine as a module, compressed by gzip. Raises subprocess.SubprocessError."""
    made = subprocess.run(
        (sys.executable, "-m", "services.console.charts.exploring"),
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    return gzip.compress(made.stdout, mtime=0)


def main() -> None:
    """vl-convert carries the libraries; nothing is fetched."""
    import vl_convert

    sys.stdout.write(vl_convert.javascript_bundle(_SNIPPET, VEGA_LITE))


if __name__ == "__main__":
    main()
