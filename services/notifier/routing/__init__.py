"""Who is told of which signal: a study's routing document, read strictly and applied purely."""

from __future__ import annotations

from typing import Any

from services.notifier.routing.audience import Audience, Told, who_is_next, who_is_told
from services.notifier.routing.checks import faults, gaps, unmanned_severities
from services.notifier.routing.document import (
    DAYS,
    NEVER_HELD_BACK,
    SEVERITIES,
    URGENT,
    Channel,
    Ladder,
    Occasion,
    Recipient,
    Routing,
    Rule,
    Step,
)
from services.notifier.routing.duty import LOOK_AHEAD, holes, next_time, on_duty
from services.notifier.routing.forecast import Forecast, forecast
from shared.document import Document, DocumentError, Finding, build, read_yaml

MAX_BYTES = 64 * 1024


def load_routing(text: str, *, study: str | None = None) -> Routing:
    """The document as a routing. Raises DocumentError with the line of every fault; with `study`,
    a document written for another study is refused."""
    read = read_yaml(text, max_bytes=MAX_BYTES)
    document = Document(_tuples(read.value), read.lines)
    routing = build(document, Routing)
    places = list(faults(routing))
    if study is not None and routing.study != study:
        places.append((("study",), "is another study's routing", f"write {study}"))
    if places:
        raise DocumentError(tuple(document.finding(*place) for place in places))
    return routing


def _tuples(value: Any) -> Any:
    """Lists as tuples: the models are strict and never change."""
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


__all__ = [
    "DAYS",
    "LOOK_AHEAD",
    "NEVER_HELD_BACK",
    "SEVERITIES",
    "URGENT",
    "Audience",
    "Channel",
    "DocumentError",
    "Finding",
    "Forecast",
    "Ladder",
    "Occasion",
    "Recipient",
    "Routing",
    "Rule",
    "Step",
    "Told",
    "forecast",
    "gaps",
    "holes",
    "load_routing",
    "next_time",
    "on_duty",
    "unmanned_severities",
    "who_is_next",
    "who_is_told",
]
