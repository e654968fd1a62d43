"""The committee packet written out: as a page, as PDF/A and as CSV, all from one document."""

from services.console.packet.render import (
    STYLE_POLICY,
    Draw,
    Typeset,
    packet_csv,
    packet_html,
    packet_pdf,
)

__all__ = ["STYLE_POLICY", "Draw", "Typeset", "packet_csv", "packet_html", "packet_pdf"]
