"""Writes a packet: the same packet gives the same bytes, on paper and on the page.

Nothing here reads a clock, the system's fonts or the network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from services.console.packet.adverse_events import summary_csv
from services.console.packet.sections import document_of
from shared.charts.blocks import Block, Chart, Document, Spec, Table, printable, unturned
from shared.charts.parts import PAPER
from shared.contracts.packet import Packet

_HERE = Path(__file__).parent
_STYLE = (_HERE / "packet.css").read_text("utf-8")
_SIZE = re.compile(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"')
_WIDEST, _TALLEST = 24.0, 13.0
Picture = Callable[[], str]
Draw = Callable[[Spec, str], Picture]
"""Begins to draw a specification in a font; its picture raises ValueError or `CannotDraw`."""
Typeset = Callable[[str, int], bytes]
"""Sets a document (`for_pages`) of a moment, in seconds since 1970. May raise `CannotPrint`."""
STYLE_POLICY = (
    "'sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode() + "'"
)
"""What a Content-Security-Policy has to allow of the page: its one style sheet, nothing else."""


def packet_csv(packet: Packet) -> bytes:
    """The adverse event tables, for a statistician."""
    return summary_csv(packet.summary).encode()


def _here(spec: Spec, font: str) -> Picture:
    from shared.charts.drawing import draw  # 33 MB, which a server leaves to its drawer

    return partial(draw, spec, font)


def packet_html(packet: Packet, draw: Draw = _here) -> bytes:
    """One page that needs no other file; every number in a chart is in a table as well."""
    document, pictures = _begun(packet, draw)
    text = _page().render(document=document, style=_STYLE, picture=partial(next, pictures))
    return unturned(text).encode()


def _set_here(document: str, moment: int) -> bytes:
    from services.console.typesetting import pdf  # 50 MB, and its memory of what it set

    return pdf(document, moment)


def packet_pdf(packet: Packet, draw: Draw = _here, typeset: Typeset = _set_here) -> bytes:
    """PDF/A-2b."""
    return typeset(for_pages(packet, draw), int(packet.assessment.as_of.timestamp()))


def for_pages(packet: Packet, draw: Draw = _here) -> str:
    """The packet with its charts drawn, as the template of the pages reads it (JSON)."""
    document, pictures = _begun(packet, lambda spec, font: draw(printable(spec), font))
    return json.dumps(_set(document, pictures), ensure_ascii=False)


def _begun(packet: Packet, draw: Draw) -> tuple[Document, Iterator[str]]:
    """The packet, and the pictures of its charts in their order."""
    pictures: list[Picture] = []

    def begin(block: Block) -> None:
        if isinstance(block, Chart):
            assert block.spec is not None
            pictures.append(draw(block.spec, PAPER))

    return document_of(packet, begin), (picture() for picture in pictures)


def _set(document: Document, pictures: Iterator[str]) -> dict[str, Any]:
    """The document as the template reads it."""
    sections = [
        {"title": section.title, "blocks": [_block(block, pictures) for block in section.blocks]}
        for section in document.sections
    ]
    shown: dict[str, Any] = printable(
        {
            "title": document.title,
            "study": document.study,
            "label": document.label,
            "statement": document.statement,
            "proof": document.proof,
            "sections": sections,
        }
    )
    return shown


def _block(block: Block, pictures: Iterator[str]) -> Mapping[str, Any]:
    kind = type(block).__name__.lower()
    if isinstance(block, Chart):
        svg = next(pictures)
        width = _width_of(svg)
        return {"kind": kind, "title": block.title, "alt": block.alt, "svg": svg, "width": width}
    if isinstance(block, Table):
        strong = sorted(block.strong)
        return {"kind": kind, **_fields(block), "strong": strong, "widths": block.widths()}
    return {"kind": kind, **_fields(block)}


def _fields(block: Block) -> dict[str, Any]:
    return {field.name: getattr(block, field.name) for field in fields(block)}


def _width_of(svg: str) -> float:
    """Centimetres: as wide as the page lets it be without growing taller than most of it."""
    size = _SIZE.search(svg)
    assert size is not None
    return round(min(_WIDEST, _TALLEST * float(size[1]) / float(size[2])), 2)


def _page() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["kind"] = lambda block, kind: type(block).__name__ == kind
    return environment.get_template("packet.html")
