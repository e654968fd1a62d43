"""Sets the packet in type. ``python -m services.console.typesetting`` does it for another process:
a moment and a document a line each in, a PDF out.

Typst keeps what it laid out for the next ten documents, of a large packet 150 MB each. A process
that ends gives it back.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typst

_TEMPLATE = Path(__file__).parent / "packet" / "packet.typ"


def typeset(document: str, **how: Any) -> bytes | list[bytes] | None:
    """The pages of a document (JSON) as typst's compiler is told to write them."""
    compiler = typst.Compiler(
        _TEMPLATE.read_bytes(),
        font_paths=typst.Fonts(include_system_fonts=False),
        ignore_system_fonts=True,
        sys_inputs={"document": document},
    )
    return compiler.compile(**how)


def pdf(document: str, moment: int) -> bytes:
    """PDF/A-2b, dated at the moment in seconds since 1970."""
    made = typeset(document, format="pdf", pdf_standards=["a-2b"], timestamp=moment)
    assert isinstance(made, bytes)
    return made


def main() -> None:
    """Writes one document, if there comes one."""
    moment, _, document = sys.stdin.buffer.read().decode().partition("\n")
    if document:
        sys.stdout.buffer.write(pdf(document, int(moment)))


if __name__ == "__main__":
    main()
