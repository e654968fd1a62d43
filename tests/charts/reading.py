"""Reads a specification, the rows of its layers wherever they stand, and a picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from shared.charts.blocks import Chart


def rows_of(chart: Chart) -> list[dict[str, Any]]:
    """Every row of data in a chart, once although several layers draw it."""
    return list({json.dumps(row): row for row in _rows(chart.spec)}.values())


def picture_of(svg: str) -> ET.Element:
    """The root of a picture that our own process drew. Raises ParseError for what is none."""
    return ET.fromstring(svg)  # noqa: S314


def _rows(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if isinstance(part.get("data"), dict):
            yield from part["data"]["values"]
        for one in part.values():
            yield from _rows(one)
    elif isinstance(part, list):
        for one in part:
            yield from _rows(one)
