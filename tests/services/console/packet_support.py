"""The packet of the demo on the day of the hold, and small changes of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pypdf import PdfReader

from services.demo.replay import events, facts_of, protocol_fact
from shared.clinical import Study
from shared.clinical.packet import packet_of
from shared.contracts.packet import Packet

START = datetime(2022, 5, 1, tzinfo=UTC)
HOLD = datetime(2022, 12, 26, 12, tzinfo=UTC)


@cache
def demo_study() -> Study:
    study = Study("NCT05301764")
    study.add([protocol_fact(START), *facts_of(events())])
    return study


@cache
def demo_packet(at: datetime = HOLD) -> Packet:
    study = demo_study()
    return packet_of(study, study.assess(as_of=at))


def without_charts(packet: Packet, **changes: Any) -> Packet:
    """The same without what takes long to draw."""
    none: dict[str, Any] = dict.fromkeys(("labs", "courses", "exposures", "shifts", "liver"), ())
    return packet.model_copy(update={**none, **changes})


def text_of(pdf: bytes) -> list[str]:
    """The words of each page, whatever the line breaks."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]
