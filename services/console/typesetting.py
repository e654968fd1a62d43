"""Sets the packet in type. ``python -m services.console.typesetting`` does it for another process:
a document and its moment a line in, a PDF a line out.

Typst keeps what it laid out: of the next packet of a study, it lays out anew only what has changed.
That takes memory, 350 MB after a large packet and some 30 MB more with each that follows, which the
process gives back by ending.
"""

from __future__ import annotations

import base64
import json
import resource
import select
import sys
from pathlib import Path
from typing import Any

import typst

MOST_HELD = 500_000_000
LONGEST_IDLE = 120.0
"""With more bytes than that, or after so many seconds without a packet, the process ends."""
_MEMORY = Path("/proc/self/statm")
_TEMPLATE = Path(__file__).parent / "packet" / "packet.typ"


def typeset(document: str, **how: Any) -> bytes | list[bytes] | None:
    """The pages of a document (JSON) as typst's compiler is told to write them."""
    # Not as an input (`sys.inputs`), of which the layout of everything would depend.
    files: Any = {"main.typ": _TEMPLATE.read_bytes(), "packet.json": document.encode()}
    compiler = typst.Compiler(
        files,
        font_paths=typst.Fonts(include_system_fonts=False),
        ignore_system_fonts=True,
    )
    return compiler.compile(**how)


def pdf(document: str, moment: int) -> bytes:
    """PDF/A-2b, dated at the moment in seconds since 1970."""
    made = typeset(document, format="pdf", pdf_standards=["a-2b"], timestamp=moment)
    assert isinstance(made, bytes)
    return made


def _held() -> int:
    """Bytes."""
    if (
        _MEMORY.exists()
    ):  # On Linux `ru_maxrss` begins with what the process that started this held.
        return int(_MEMORY.read_text("ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Sets what comes, until that has taken too much memory or nothing comes."""
    while _held() < MOST_HELD:
        waiting, _, _ = select.select([sys.stdin], [], [], LONGEST_IDLE)
        line = sys.stdin.readline() if waiting else ""
        if not line:
            break
        document, moment = json.loads(line)
        sys.stdout.write(base64.b64encode(pdf(document, moment)).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
