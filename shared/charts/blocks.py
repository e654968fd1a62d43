"""What is shown of a study, whatever it is written as: facts, tables, charts, and their sections.

Only text: a page escapes it, the PDF sets it as it is and a CSV holds no formula, so nothing in a
study's data is markup.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Spec = Mapping[str, Any]
_PRINTED = (
    "\n -~\u00a0-\u017f\u0391-\u03a9\u03b1-\u03c9"
    "\u2070\u2074-\u207b\u2080-\u208b"  # raised and lowered digits and signs, as in 10⁹/L
    "\u2212"  # the minus of every negative number on an axis
    "–—‘’“”•…≤≥≠≈±×√∞‰′″℃€←↑→↓·µ"
)
_NOT_PRINTED = re.compile(f"[^{_PRINTED}]")
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
NARROWEST, WIDEST = 4, 44
MANY = 24


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
    """Rows of cells under a header; ``strong`` rows stand out, and say so in a cell as well.
    ``subjects``: the USUBJID of each row that is about a subject, whose name stands in the column
    ``named``; empty where no row is."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    strong: frozenset[int] = frozenset()
    empty: str = "None."
    subjects: tuple[str, ...] = ()
    named: int = 0

    def widths(self) -> list[int]:
        """Shares of the width by the longest cell, so that a narrow column leaves room."""
        cells = zip(self.columns, *self.rows, strict=True)
        return [min(WIDEST, max(NARROWEST, *map(len, column))) for column in cells]


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite chart; ``alt`` says in words what it shows, ``table`` has the same numbers and,
    beneath, what is not drawn and why. ``name`` is its part of an address; ``spec`` is None where
    there is nothing to draw."""

    name: str
    title: str
    alt: str
    spec: Spec | None
    table: Table

    @property
    def wide(self) -> bool:
        """Whether it needs a page's width: views side by side, or a step for each of many."""
        spec = self.spec or {}
        steps = isinstance(spec.get("width"), dict) and len(self.table.rows) > MANY
        return steps or "hconcat" in spec or "concat" in spec

    @property
    def stepped(self) -> bool:
        """Whether it has a step for each of many, and so may be of any width."""
        spec = self.spec or {}
        return any(isinstance(view.get("width"), dict) for view in (spec, *spec.get("hconcat", ())))


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


def unturned(page: str) -> str:
    """A page with the controls of the direction of writing as their code points: one of them in a
    record would show numbers and sentences after it backwards."""
    for one in _TURNING:
        page = page.replace(one, f"[U+{ord(one):04X}]")
    return page


def printable(value: Any) -> Any:
    """All text within a value, with characters the PDF's own fonts lack as their code points: an
    archived PDF must show each character, and a box in its place would hide which one it was."""
    match value:
        case int() | float() | None:  # first, for data holds mostly numbers
            return value
        case str():
            return _NOT_PRINTED.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)
        case Mapping():
            return {name: printable(one) for name, one in value.items()}
        case list() | tuple():
            return [printable(one) for one in value]
    return value


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    """Rows as CSV in which no cell can be read as a formula."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return held.getvalue()


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows as it is: one that could begin a formula, and is no number,
    gets an apostrophe (OWASP, CSV Injection)."""
    if _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
