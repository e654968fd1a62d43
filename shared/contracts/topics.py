"""The topics between the services: name, partitions, retention, who writes.

The key is always the STUDYID, so a study's messages are totally ordered and one worker owns a
study. The partition count is part of the contract: changing it would remap keys.
"""

from __future__ import annotations

from dataclasses import dataclass

_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic is created with. The database keeps the record; a topic only transports."""

    name: str
    producer: str
    partitions: int = 12
    retention_ms: int = 30 * _DAY_MS


FACTS = TopicSpec("vigil.facts.v1", producer="ingest")
GRADED = TopicSpec("vigil.graded.v1", producer="dlt_monitor")
ASSESSMENTS = TopicSpec("vigil.assessments.v1", producer="dlt_monitor")
SIGNALS = TopicSpec("vigil.signals.v1", producer="dlt_monitor")
RECEIPTS = TopicSpec("vigil.receipts.v1", producer="notifier")
PARKED = TopicSpec("vigil.parked.v1", producer="any")

ALL = (FACTS, GRADED, ASSESSMENTS, SIGNALS, RECEIPTS, PARKED)
