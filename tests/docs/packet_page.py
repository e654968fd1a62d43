"""Draws the picture of the packet's guide: its first two pages on the day of the hold.

``python -m tests.docs.packet_page`` writes docs/images/packet-1.png and packet-2.png.
"""

from __future__ import annotations

from pathlib import Path

from services.console.packet.render import for_pages
from services.console.typesetting import typeset
from tests.services.console.packet_support import demo_packet

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def main() -> None:
    pages = typeset(for_pages(demo_packet()), format="png", ppi=96)
    assert isinstance(pages, list)
    for number, page in enumerate(pages[:2], start=1):
        IMAGES.joinpath(f"packet-{number}.png").write_bytes(page)


if __name__ == "__main__":
    main()
