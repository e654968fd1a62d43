"""What a packet is made of, whatever it is written as: sections of facts, tables and charts.

Only text: a page escapes it and the PDF sets it as it is, so nothing in a study's data is markup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Spec = Mapping[str, Any]
_NOT_PRINTED = re.compile("[^\n -~\u00a0-\u017f\u0391-\u03a9\u03b1-\u03c9–—‘’“”•…≤≥≠±×→·µ]")
NARROWEST, WIDEST = 4, 44


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a header; ``strong`` rows stand out, and say so in a cell as well."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    strong: frozenset[int] = frozenset()
    empty: str = "None."

    def widths(self) -> list[int]:
        """Shares of the width by the longest cell, so that a narrow column leaves room."""
        cells = zip(self.columns, *self.rows, strict=True)
        return [min(WIDEST, max(NARROWEST, *map(len, column))) for column in cells]


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite chart; ``alt`` says in words what it shows, a table beside it the numbers."""

    title: str
    alt: str
    spec: Spec


Block = Text | Facts | Table | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the packet."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The packet; ``label`` and ``statement`` stand on every page, ``proof`` names its moment."""

    title: str
    study: str
    label: str
    statement: str
    proof: str
    sections: tuple[Section, ...]


def printable(value: Any) -> Any:
    """All text within a value, with characters the PDF's own fonts lack as their code points: an
    archived PDF must show each character, and a box in its place would hide which one it was."""
    match value:
        case str():
            return _NOT_PRINTED.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)
        case Mapping():
            return {name: printable(one) for name, one in value.items()}
        case list() | tuple():
            return [printable(one) for one in value]
    return value
